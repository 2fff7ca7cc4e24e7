"""What is said where no sandbox starts: the cause and the cure, in one sentence, whatever the machine forbids."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import stand_ins
from hypothesis import given
from hypothesis import strategies as st

from autograder.core.errors import SandboxUnavailable
from autograder.diagnosis import bwrap, causes
from autograder.diagnosis.host import Host

ORDINARY, ROOT = 1000, 0
MakeHost = Callable[..., Host]


@pytest.fixture
def make_host(tmp_path: Path) -> MakeHost:
    def make(uid: int, *, status: str = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n", **sysctls: int) -> Host:
        for name, value in {
            "user.max_user_namespaces": 9,
            **{k.replace("__", "."): v for k, v in sysctls.items()},
        }.items():
            path = tmp_path / "sys" / name.replace(".", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        (tmp_path / "self").mkdir(exist_ok=True)
        (tmp_path / "self" / "status").write_text(status)
        return Host(tmp_path, uid, "6.1.0")

    return make


NO_CAPABILITY = "CapEff:\t00000000a80425fb\nSeccomp:\t2\n"  # of a container of Docker's
USER, PID, NET = "user__max_user_namespaces", "user__max_pid_namespaces", "user__max_net_namespaces"
CLONE, APPARMOR = "kernel__unprivileged_userns_clone", "kernel__apparmor_restrict_unprivileged_userns"
# (what bubblewrap says, who runs it, the kernel's settings, words of the cause, words of the cure)
TABLE: list[tuple[str, int, dict[str, int], str, str]] = [
    (stand_ins.UID_MAP, ORDINARY, {}, "AppArmor forbids user namespaces", f"apparmor_parser -r {causes.PROFILE_PLACE}"),
    (stand_ins.LOOPBACK, ORDINARY, {}, "kernel.apparmor_restrict_unprivileged_userns", "sudo install -m 644"),
    (stand_ins.NO_PERMISSION, ORDINARY, {APPARMOR: 1}, "AppArmor forbids user namespaces", "sudo install -m 644"),
    (stand_ins.NO_PERMISSION, ORDINARY, {CLONE: 0}, "unprivileged_userns_clone is 0", "unprivileged_userns_clone=1"),
    (stand_ins.NO_PERMISSION_SINCE_0_9, ORDINARY, {CLONE: 0}, "unprivileged_userns_clone is 0", "sudo sysctl -w"),
    (stand_ins.NO_PERMISSION, ORDINARY, {CLONE: 1}, "forbidden to this user, by a container's", "seccomp=unconfined"),
    (stand_ins.EXHAUSTED, ORDINARY, {USER: 0}, "user.max_user_namespaces is 0", "user.max_user_namespaces=15000"),
    (stand_ins.EXHAUSTED, ROOT, {PID: 0, NET: 0}, "max_pid_namespaces and user.max_net_namespaces are 0", "sysctl -w"),
    (stand_ins.EXHAUSTED, ROOT, {}, "no more namespaces", "raise them with sysctl"),
    (stand_ins.NOT_SUPPORTED, ORDINARY, {}, "built without user namespaces (CONFIG_USER_NS)", "as root"),
    (stand_ins.NOT_PERMITTED, ROOT, {}, "a security profile of the container", "--cap-add SYS_ADMIN"),
    (stand_ins.SLAVE, ROOT, {}, "mounts are forbidden here", "apparmor=unconfined"),
    (stand_ins.PIVOT, ORDINARY, {}, "mounts are forbidden here", "outside of it"),
    (stand_ins.MOUNT, ROOT, {}, "mounts are forbidden here", "--cap-add SYS_ADMIN"),
    (stand_ins.UNKNOWN_OPTION, ROOT, {}, "bubblewrap is too old", "install 0.5.0 or later"),
    (stand_ins.FILE_CAPABILITIES, ORDINARY, {}, "cannot set its capabilities", "setcap -r"),
    (stand_ins.WORKER, ORDINARY, {APPARMOR: 1}, "profile bwrap-userns-restrict", "apparmor_parser -R"),
]


@pytest.mark.parametrize("line, uid, settings, cause, cure", TABLE, ids=lambda value: str(value)[:40])
def test_each_line_of_bubblewraps_gets_its_cause_and_its_cure(line, uid, settings, cause, cure, make_host):
    sentence = causes.explain(line, make_host(uid, **settings))
    assert cause in sentence
    assert cure in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") == 0  # one sentence


def test_root_without_the_capability_is_told_its_name(make_host):
    sentence = causes.explain(stand_ins.NOT_PERMITTED, make_host(ROOT, status=NO_CAPABILITY))
    assert "CAP_SYS_ADMIN is missing" in sentence


@given(line=st.text(max_size=60))
def test_a_line_that_nobody_knows_has_no_made_up_cause(line):
    host = Host(Path("/nowhere"), ROOT, "6.1.0")
    assert causes.explain(f"bwrap: execvp {line}", host) == "" or any(
        pattern.search(line)
        for pattern in (causes.EXHAUSTED, causes.FORBIDDEN, causes.MOUNTS, causes.CAPABILITIES, causes.TOO_OLD)
    )


@pytest.mark.parametrize(
    "release, fine", [("5.8.0", True), ("5.7.19-generic", False), ("4.4.0", False), ("6.12.1", True), ("x", False)]
)
def test_an_old_kernel_is_named(release, fine, make_host, tmp_path):
    make_host(ROOT)
    host = Host(tmp_path, ROOT, release)
    if fine:
        causes.check_host(host)
    else:
        with pytest.raises(
            SandboxUnavailable, match=f"Linux {release}, and a sandbox needs Linux 5.8 or later; upgrade"
        ):
            causes.check_host(host)


def test_a_kernel_without_seccomp_is_named(make_host):
    with pytest.raises(SandboxUnavailable, match="CONFIG_SECCOMP_FILTER"):
        causes.check_host(make_host(ROOT, status="CapEff:\t0\n"))


# --- bubblewrap's version ------------------------------------------------------------------------------------------


def test_a_version_that_lacks_an_option_is_refused_before_it_is_started(tmp_path):
    stand_ins.bwrap(tmp_path, version="bubblewrap 0.4.1")
    with pytest.raises(
        SandboxUnavailable, match=r"is bubblewrap 0\.4\.1, and deepgrade needs 0\.5\.0 or later; install"
    ):
        bwrap.check(str(tmp_path / "bwrap"))


@pytest.mark.parametrize(
    "said, known", [("bubblewrap 0.8.0", (0, 8, 0)), ("bubblewrap 0.11", (0, 11)), ("", None), ("x", None)]
)
def test_the_version_is_read_from_what_the_program_says(said, known, tmp_path):
    stand_ins.bwrap(tmp_path, version=said)
    assert bwrap.version(str(tmp_path / "bwrap")) == known


@pytest.mark.parametrize(
    "known, setuid, names",
    [
        ((0, 8, 0), False, ["CVE-2026-87766"]),
        ((0, 8, 0), True, ["CVE-2026-87766"]),
        ((0, 11, 0), True, ["CVE-2026-41163", "CVE-2026-87766"]),
        ((0, 11, 1), False, ["CVE-2026-87766"]),
        ((0, 11, 2), True, ["CVE-2026-87766"]),
        ((0, 12, 0), True, []),
    ],
)
def test_a_version_has_its_known_faults(known, setuid, names):
    assert [fault.name for fault in bwrap.faults(known, setuid)] == names


def test_a_setuid_program_is_told_of_faults_that_it_has_only_so(tmp_path):
    stand_ins.bwrap(tmp_path, version="bubblewrap 0.11.1")
    program = tmp_path / "bwrap"
    assert "CVE-2026-41163" not in bwrap.description(str(program))
    program.chmod(0o4755)
    assert "0.11.1, setuid; warning: CVE-2026-41163" in bwrap.description(str(program))


# --- with the real settings, where this kernel can set them -------------------------------------------------------


def in_this_machine(*prefix: str) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "autograder.doctor"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def as_ordinary_user(setting: str) -> list[str]:
    """A command's beginning: an ordinary user of a new user namespace in which that setting is 0, and nowhere else."""
    script = f'echo 0 > /proc/sys/user/{setting} && exec setpriv --ambient-caps=-all --inh-caps=-all "$@"'
    return ["unshare", "-U", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c", script, "sh"]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may take these rights away")


@as_root
@pytest.mark.parametrize("setting", ["max_user_namespaces", "max_pid_namespaces", "max_net_namespaces"])
def test_a_kernel_that_allows_no_namespaces_is_named_with_its_setting(setting):
    done = in_this_machine(*as_ordinary_user(setting))
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr == (
        f"no sandbox could be started: the kernel allows no new namespaces, since user.{setting} is 0; run "
        f"`sudo sysctl -w user.{setting}=15000`\n"
    )


@as_root
def test_root_without_its_capability_is_told_so():
    done = in_this_machine("setpriv", "--bounding-set", "-sys_admin")
    assert done.returncode == 2, done.stderr
    assert "root cannot make namespaces here, since CAP_SYS_ADMIN is missing; start the container" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the name of another machine is needed")
def test_a_kernel_that_calls_itself_old_is_believed():
    done = in_this_machine("setarch", "x86_64", "--uname-2.6")
    assert done.returncode == 2, done.stderr
    assert "this machine has Linux 2.6." in done.stderr


def test_on_this_machine_a_sandbox_starts():
    done = in_this_machine()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
