"""`serve` and `worker` where no sandbox starts: cause and cure in one sentence, exit code 2, nothing served."""

from __future__ import annotations

import pytest
import stand_ins

LINES = {
    "exhausted": (stand_ins.EXHAUSTED, "raise them with sysctl"),
    "mounts": (stand_ins.SLAVE, "mounts are forbidden here"),
    "capability": (stand_ins.NOT_PERMITTED, "--cap-add SYS_ADMIN"),
    "too old": (stand_ins.UNKNOWN_OPTION, "install 0.5.0 or later"),
}


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker", "--slots", "1")], ids=["serve", "worker"])
@pytest.mark.parametrize("name", LINES)
def test_nothing_starts_and_the_cure_is_said(command, name, deepgrade, tmp_path):
    line, cure = LINES[name]
    done = deepgrade(*command, **stand_ins.bwrap(tmp_path / "bin", line))
    assert done.returncode == 2, done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("deepgrade: no sandbox could be started: ")
    assert cure in last
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker", "--slots", "1")], ids=["serve", "worker"])
def test_a_bubblewrap_without_a_needed_option_is_named(command, deepgrade, tmp_path):
    done = deepgrade(*command, **stand_ins.bwrap(tmp_path / "bin", version="bubblewrap 0.4.1"))
    assert done.returncode == 2
    assert "is bubblewrap 0.4.1, and deepgrade needs 0.5.0 or later" in done.stderr
