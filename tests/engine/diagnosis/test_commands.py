"""The commands of the engine where no sandbox starts: cause and cure in one sentence, exit code 2, nothing written."""

from __future__ import annotations

import json

import pytest
import stand_ins

LINES = {
    "apparmor": (stand_ins.UID_MAP, "AppArmor|file capabilities|mounts are forbidden"),
    "exhausted": (stand_ins.EXHAUSTED, "sysctl"),
    "mounts": (stand_ins.SLAVE, "mounts are forbidden"),
    "capability": (stand_ins.NOT_PERMITTED, "--cap-add SYS_ADMIN"),
    "too old": (stand_ins.UNKNOWN_OPTION, "install 0.5.0 or later"),
}
ASKED = [name for name in LINES if name != "apparmor"]  # that is said to ordinary users alone


@pytest.fixture
def handed_in(tiny, tmp_path):
    folder = tmp_path / "handed_in"
    (folder / "ada").mkdir(parents=True)
    for name, data in tiny.reference().items():
        (folder / "ada" / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", ASKED)
def test_grade_and_batch_name_the_cause_and_the_cure(name, deepgrade, handed_in, tmp_path):
    line, cure = LINES[name]
    variables = stand_ins.bwrap(tmp_path / "bin", line)
    for words in (("grade", "tiny", handed_in / "ada"), ("batch", "tiny", handed_in, "-o", tmp_path / "out")):
        done = deepgrade(*words, **variables)
        assert done.returncode == 2, done.stdout + done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("deepgrade: no sandbox could be started: ")
        assert cure in last
        assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "out" / "final_grades.csv").exists()


@pytest.mark.parametrize("name", ASKED)
def test_doctor_names_the_cause_and_the_cure(name, deepgrade, tmp_path):
    line, cure = LINES[name]
    done = deepgrade("doctor", "--json", **stand_ins.bwrap(tmp_path / "bin", line))
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr == ""
    (broken,) = [finding for finding in json.loads(done.stdout) if not finding["ok"]]
    assert broken["name"] == "sandbox starts"
    assert cure in broken["detail"]


def test_doctor_prints_the_version_of_bubblewrap(deepgrade):
    done = deepgrade("doctor", "--json")
    (finding,) = [one for one in json.loads(done.stdout) if one["name"] == "bubblewrap"]
    assert finding["ok"]
    assert finding["detail"].startswith("version ")
