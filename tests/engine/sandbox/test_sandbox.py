"""The walls: what a student's code finds inside, and that nothing is graded where a wall is missing.

What hostile code tries against them is in tests/hostile; here is what the walls promise by themselves.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from containers import as_nobody
from narrowing import not_none

from autograder import grade as grading
from autograder.core.errors import Died, GraderError, OutOfMemory, SandboxLost, SandboxUnavailable
from autograder.course.manifest import Limits
from autograder.course.submission import Submission, sha256_of
from autograder.diagnosis import bwrap
from autograder.judge import server
from autograder.sandbox import Sandbox, bubblewrap, cgroups, command, runtime, seccomp
from autograder.sandbox.process import OWN_PROCESSES, Worker
from autograder.sandbox.watchdog import tree
from autograder.student.link import printed
from autograder.student.remote import Remote

INSIDE = """
import importlib, os

def imports(name):
    importlib.import_module(name)
    return True

def environment(): return dict(os.environ)

def write(path):
    with open(path, "w") as file:
        file.write("x")
    return True

def look(path): return sorted(os.listdir(path))
def leave(status): os._exit(status)
def kill(number): os.kill(os.getpid(), number)
def read_address(address):
    import ctypes
    return ctypes.string_at(address)
def compute_for(seconds):
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    while True: pass
def make_folder(path): os.mkdir(path)
def limits():
    import resource
    return [resource.getrlimit(n)[0] for n in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE)]
def who(): return [os.getuid(), os.getpid(), os.getcwd(), os.listdir("/proc") if os.path.exists("/proc") else None]
def say(text): print(text, end="")
"""


@pytest.mark.parametrize("name", ["numpy", "numpy.linalg", "msgspec", "json", "math", "dataclasses"])
def test_what_is_allowed_can_be_imported(ask_remote, name):
    with ask_remote(INSIDE) as answer:
        assert answer.imports(name)


@pytest.mark.parametrize(
    "name",
    "pytest hypothesis matplotlib typer pip setuptools autograder.testing autograder.judge sitecustomize".split(),
)
def test_nothing_else_can_be_imported(ask_remote, name):
    with ask_remote(INSIDE) as answer, pytest.raises(ImportError):
        answer.imports(name)


@pytest.mark.threat(16)
def test_the_environment_is_exactly_the_stated_one(ask_remote, sandbox, monkeypatch):
    monkeypatch.setenv("DEEPGRADE_SECRET", "a secret of sixteen letters")
    with ask_remote(INSIDE) as answer:
        found = answer.environment()
    found.pop("PWD", None)  # bubblewrap's own, for --chdir
    found.pop("LC_CTYPE", None)  # Python's own
    assert found == command.environment(sandbox.limits)


@pytest.mark.parametrize(
    "path", ["/x", "/runtime/x", "/site/x", "/engine/x", "/usr/lib/x", "/dev/x", "/site/numpy/__init__.py"]
)
def test_nothing_outside_the_scratch_folders_can_be_written(ask_remote, path):
    with ask_remote(INSIDE) as answer, pytest.raises(OSError):
        answer.write(path)


def test_the_root_is_mounted_read_only(ask_remote):
    with ask_remote(INSIDE) as answer:
        with pytest.raises(OSError, match="Read-only file system"):
            answer.make_folder("/x")
        answer.make_folder("/tmp/x")


@pytest.mark.parametrize("path", ["/tmp/x", "/dev/shm/x", "x"])
def test_the_scratch_folders_can_be_written(ask_remote, path):
    with ask_remote(INSIDE) as answer:
        assert answer.write(path)


def test_the_root_holds_the_runtime_and_nothing_of_this_machine(ask_remote):
    with ask_remote(INSIDE) as answer:
        assert set(answer.look("/")) <= {
            "dev",
            "engine",
            "lib",
            "lib64",
            "newroot",
            "oldroot",
            "runtime",
            "site",
            "tmp",
            "usr",
        }
        assert set(answer.look("/usr")) <= {"lib", "lib64"}
        assert answer.look("/engine/autograder") == ["__init__.py", "student_process", "wire"]


@pytest.mark.threat(16)
def test_a_worker_is_nobody_and_sees_no_processes(ask_remote):
    with ask_remote(INSIDE) as answer:
        uid, pid, folder, processes = answer.who()
    assert uid != 0
    assert pid < 10
    assert folder == "/tmp/submission"
    assert not processes


def test_the_limits_of_a_process_are_set(ask_remote, sandbox):
    with ask_remote(INSIDE) as answer:
        assert answer.limits() == [sandbox.limits.files_mb * 2**20, sandbox.limits.processes, 0]


@pytest.mark.parametrize(
    "call, words",
    [
        (("leave", 0), "exit status 0"),
        (("leave", 3), "exit status 3"),
        (("read_address", 0), "signal SIGSEGV"),
        (("compute_for", 1), "signal SIGKILL"),
    ],
    ids=str,
)
def test_the_cause_of_death_is_told_in_the_same_words_every_time(ask_remote, call, words):
    for _ in range(2):
        with ask_remote(INSIDE) as answer, pytest.raises(Died) as found:
            getattr(answer, call[0])(call[1])
        assert str(found.value) == f"{call[0]}: its process ended ({words})"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_sends_itself_a_signal_goes_on(ask_remote, number):
    """It is pid 1 of its namespace, and the kernel gives no such signal to one."""
    with ask_remote(INSIDE) as answer:
        assert answer.kill(int(number)) is None
        assert answer.imports("json")


def test_once_it_is_gone_every_further_call_says_so(ask_remote):
    with ask_remote(INSIDE) as answer:
        for _ in range(2):
            with pytest.raises(Died, match="exit status 1"):
                answer.leave(1)


def test_more_memory_than_the_limit_is_out_of_memory(ask_remote):
    text = "import numpy as np\ndef f(): return float(np.ones(2**27).sum())"  # 1 GB
    with ask_remote(text) as answer, pytest.raises(OutOfMemory):
        answer.f()


def test_the_next_worker_works_after_any_death(ask_remote):
    with ask_remote(INSIDE) as answer, pytest.raises(Died):
        answer.leave(1)
    with ask_remote(INSIDE) as answer:
        assert answer.imports("numpy")


def test_what_is_printed_is_kept_up_to_the_limit_and_escaped(ask_remote):
    with ask_remote(INSIDE) as answer:
        answer.say("héllo\x1b[31m\n")
        assert printed(answer) == "héllo\\x1b[31m\n"
    with ask_remote(INSIDE, output_kb=1) as answer:
        answer.say("x" * 5000)
        assert printed(answer).startswith("x" * 1024 + "\n... (more was printed")


# --- it fails closed ---


@pytest.mark.threat(45)
def test_without_bubblewrap_there_is_no_sandbox(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap"):
        Sandbox(["numpy"], Limits())


def test_without_a_distribution_there_is_no_sandbox():
    with pytest.raises(SandboxUnavailable, match="pip install no-such-thing"):
        Sandbox(["numpy", "no_such.thing"], Limits())


@pytest.mark.threat(45)
def test_without_libseccomp_there_is_no_sandbox(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    seccomp.program.cache_clear()
    try:
        with pytest.raises(SandboxUnavailable, match="apt-get install libseccomp2"):
            Sandbox(["numpy"], Limits())
    finally:
        seccomp.program.cache_clear()


@pytest.mark.threat(45)
def test_a_cgroup_that_cannot_be_entered_is_no_sandbox(monkeypatch, tmp_path):
    wrong = cgroups.Cgroup(1, {"memory": tmp_path / "gone", "pids": tmp_path / "gone"})
    monkeypatch.setattr(cgroups, "make", lambda memory_mb, processes: wrong)
    with Sandbox(["numpy"], Limits()) as sandbox, pytest.raises(SandboxUnavailable, match="deepgrade doctor"):
        sandbox.worker()


def test_a_bubblewrap_that_fails_is_no_sandbox_and_its_words_are_told(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(bwrap, "path", lambda: str(fake))
    with Sandbox(["numpy"], Limits()) as sandbox, pytest.raises(SandboxUnavailable, match="setting up uid map"):
        sandbox.worker()


@pytest.mark.threat(45)
def test_a_filter_that_the_kernel_refuses_is_no_worker(monkeypatch):
    monkeypatch.setattr(seccomp, "program", lambda *_: b"\xff" * 8)
    with Sandbox(["numpy"], Limits()) as sandbox, pytest.raises(SandboxLost, match="cannot filter system calls"):
        sandbox.worker()


def test_a_sandbox_that_could_not_be_started_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    descriptors = len(os.listdir("/proc/self/fd"))
    made = []
    monkeypatch.setattr(cgroups, "make", lambda *limits: made.append(limits))
    for _ in range(3):
        with pytest.raises(SandboxUnavailable):
            Sandbox(["numpy"], Limits())
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not made


@pytest.mark.threat(45)
def test_grading_without_a_wall_is_our_fault_and_no_report(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr(server, "_server", None)  # a server of its own, which sees this PATH
    monkeypatch.setenv("PATH", str(tmp_path))
    files = tiny.reference()
    with pytest.raises(GraderError, match="bubblewrap") as found:
        grading.grade(tiny, Submission(files, sha256_of(files)), secret=b"secret")
    assert isinstance(found.value, SandboxUnavailable)


# --- modules that a manifest wants imported once ---

IMPORTED = b"import sys\ndef imported(name): return name in sys.modules\n"


def is_imported(name: str, preload: list[str]) -> bool:
    with Sandbox(["numpy"], Limits(), preload) as sandbox, sandbox.worker() as worker:
        return Remote(worker, {"m.py": IMPORTED}, "m", Limits()).imported(name)


def test_what_is_preloaded_is_there_before_the_students_code():
    assert is_imported("xml.dom.minidom", ["xml.dom.minidom"])
    assert not is_imported("xml.dom.minidom", [])


def test_what_is_preloaded_is_no_matter_of_versions():
    box = runtime.runtime(["numpy"], ["numpy.fft"])
    assert (box.preload, list(box.versions)) == (["numpy.fft"], ["numpy"])
    assert runtime.runtime(["numpy"]).preload == []


def test_what_a_module_loads_when_first_asked_is_loaded_too():
    assert is_imported("numpy.f2py", ["numpy"])
    assert not is_imported("numpy.f2py", [])


def test_what_cannot_be_preloaded_is_our_fault_and_named():
    with (
        Sandbox(["numpy"], Limits(), ["numpy.no_such_module"]) as sandbox,
        pytest.raises(SandboxUnavailable, match=r"numpy\.no_such_module, which the manifest wants imported, cannot be"),
    ):
        sandbox.worker()


# --- and it ends ---


def test_workers_leave_no_descriptor_behind(sandbox):
    def use() -> None:
        with sandbox.worker() as worker:
            Remote(worker, {"m.py": b"x = 1"}, "m", Limits())

    use()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        use()
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_closed_sandbox_leaves_no_process_no_descriptor_and_no_cgroup():
    descriptors = len(os.listdir("/proc/self/fd"))
    with Sandbox(["numpy"], Limits()) as sandbox:
        with sandbox.worker():
            pass
        pid, cgroup = not_none(sandbox._process).pid, sandbox._cgroup
    assert not Path(f"/proc/{pid}").exists()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert cgroup is None or not any(path.parent.exists() for path in cgroup.enter)


def test_a_sandbox_that_fell_is_said_to_be_lost_and_started_again():
    with Sandbox(["numpy"], Limits()) as own:
        worker = own.worker()
        os.kill(not_none(own._process).pid, signal.SIGKILL)
        not_none(own._process).wait()
        assert select.select([own._control], [], [], 60)[0], "what was behind it ends a moment later"
        with pytest.raises(SandboxLost), worker:
            worker.end()
        with own.worker() as worker:
            assert Remote(worker, {"m.py": b"x = 1"}, "m", Limits()).x == 1


def test_a_sandbox_that_fell_after_the_last_answer_is_replaced_for_the_next_test():
    with Sandbox(["numpy"], Limits()) as own:
        with own.worker():
            pass
        os.kill(not_none(own._process).pid, signal.SIGKILL)
        not_none(own._process).wait()
        with own.worker() as worker:
            assert Remote(worker, {"m.py": b"x = 1"}, "m", Limits()).x == 1


FORKING = """
from autograder.course.manifest import Limits
from autograder.sandbox.process import OWN_PROCESSES, Worker
from autograder.sandbox import Sandbox, bubblewrap
from autograder.sandbox.watchdog import tree
from autograder.student.remote import Remote

STUDENT = b'''
import os, signal, time
def fork_all():
    started = 0
    try:
        while True:
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                held = bytearray(1_000_000)
                while True: time.sleep(10)
            started += 1
    except OSError:
        return started
'''
limits = Limits(processes=12)
with Sandbox(["numpy"], limits) as own:
    for _ in range(6):
        with own.worker() as worker:
            print(Remote(worker, {"m.py": STUDENT}, "m", limits).fork_all(), len(tree(own._process.pid)))
        left = len(tree(own._process.pid))
        assert left <= bubblewrap.OWN_PROCESSES, left
"""


@pytest.mark.threat(52)
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_what_one_test_left_does_not_count_in_the_next(user):
    """Each has all the processes that the limit says: its own is among them."""
    command = [sys.executable, "-c", FORKING]
    if user == "root":
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    elif os.geteuid() != 0:
        pytest.skip("only root can run something as another user")
    else:
        done = as_nobody(command, [])
    if "no sandbox could be started" in done.stderr:
        pytest.skip(f"there is no sandbox here for this user: {done.stderr[-300:]}")
    counts = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert len(counts) == 6, done.stderr
    assert min(counts) >= 12 - 1
    assert user != "root" or set(counts) == {12 - 1}


def test_a_zygote_that_did_not_answer_in_time_is_not_asked_again(monkeypatch):
    """Its late answer would be taken for that to the next order."""
    with Sandbox(["numpy"], Limits()) as own:
        worker = own.worker()
        first = not_none(own._process).pid
        with monkeypatch.context() as hurried, worker:
            hurried.setattr(bubblewrap, "ANSWER_SECONDS", 0.0)
            with pytest.raises(SandboxLost):
                worker.end()
        with own.worker():
            assert not_none(own._process).pid != first


def test_a_worker_can_be_ended_while_its_walls_are_being_built(sandbox, monkeypatch):
    """It is killed before it has made its namespaces; nobody may wait for it."""
    with sandbox.worker():
        pass
    monkeypatch.setattr(bubblewrap, "ANSWER_SECONDS", 5.0)
    for _ in range(20):
        Worker(sandbox).discard()
    with sandbox.worker() as worker:
        assert Remote(worker, {"m.py": b"x = 1"}, "m", Limits()).x == 1


OWNER = """
import os, sys, time
from autograder.sandbox import Sandbox
from autograder.course.manifest import Limits
from autograder.student.remote import Remote
from autograder.sandbox.watchdog import tree
with Sandbox(["numpy"], Limits()) as sandbox, sandbox.worker() as worker:
    files = {"m.py": b"import os, time\\ndef f():\\n    os.fork()\\n    while True: time.sleep(1)"}
    student = Remote(worker, files, "m", Limits(seconds=100, test_seconds=100))
    import threading
    threading.Timer(0.5, lambda: print(*tree(os.getpid())[1:], flush=True)).start()
    student.f()
"""


def test_a_judge_that_is_killed_leaves_no_process_behind():
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(OWNER)], stdout=subprocess.PIPE, text=True)
    with owner:
        below = [int(pid) for pid in not_none(owner.stdout).readline().split()]
        owner.kill()
    assert len(below) >= 5  # bubblewrap's two, the zygote, and a worker's
    for _ in range(500):
        left = [pid for pid in below if running(pid)]
        if not left:
            return
        time.sleep(0.02)
    raise AssertionError(f"still running: {left}")


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_cgroup_of_a_dead_judge_is_swept_away(tmp_path):
    dead, alive = tmp_path / f"deepgrade-{2**22 + 1}-0", tmp_path / f"deepgrade-{os.getpid()}-0"
    dead.mkdir()
    alive.mkdir()
    cgroups._sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [alive]


@pytest.mark.threat(16, 17, 22)
def test_every_namespace_is_the_sandbox_s_own(sandbox):
    """Looked at from outside: what a worker is in differs from what we are in, and no two tests share all of it."""
    kinds = ("net", "pid", "mnt", "ipc", "uts")
    ours = namespaces(os.getpid(), kinds)
    assert ours is not None
    seen = set()
    with ExitStack() as held:  # the kernel gives the number of a namespace that is gone to the next one
        for _ in range(2):
            with sandbox.worker() as worker:
                assert Remote(worker, {"m.py": b"x = 1"}, "m", Limits()).x == 1
                processes = tree(sandbox._process.pid)[1:]
                inside = [found for pid in processes if (found := namespaces(pid, kinds))]
                own = {kind: {each[kind] for each in inside} - {ours[kind]} for kind in kinds}
                assert all(own.values()), own
                seen.add(frozenset(own["pid"]))
                for pid in processes:
                    with suppress(OSError):
                        held.callback(os.close, os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY))
    assert len(seen) == 2


def namespaces(pid: int, kinds: tuple[str, ...]) -> dict[str, str] | None:
    try:
        return {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds}
    except OSError:
        return None  # it has ended, or is somebody else's


CALLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def refused(number):
    \"\"\"errno of a call with arguments that no call can want.\"\"\"
    libc.syscall(number, -1, -1, -1, -1, -1)
    return ctypes.get_errno()
"""
# By number, on x86-64; each fails with another error than EPERM where it is let through with such arguments.
REACHING_OUT = {
    "socket": 41,
    "mount": 165,
    "keyctl": 250,
    "memfd_create": 319,
    "userfaultfd": 323,
    "io_uring_setup": 425,
}


@pytest.mark.threat(17, 23)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
@pytest.mark.parametrize("number", REACHING_OUT.values(), ids=REACHING_OUT)
def test_system_calls_that_reach_out_are_filtered(ask_remote, number):
    with ask_remote(CALLS) as answer:
        assert answer.refused(number) == errno.EPERM


@pytest.mark.threat(22, 23)
def test_the_cgroup_limits_memory_and_processes():
    limits = Limits(memory_mb=300, processes=20)
    with Sandbox(["numpy"], limits) as own:
        if own._cgroup is None:
            pytest.skip("no cgroup can be written here")
        names = ("memory.limit_in_bytes", "pids.max") if own._cgroup.version == 1 else ("memory.max", "pids.max")
        memory, pids = (
            int((own._cgroup._folders[kind] / name).read_text())
            for kind, name in zip(("memory", "pids"), names, strict=True)
        )
    assert memory == (300 + bubblewrap.OWN_MEMORY_MB) * 2**20
    assert pids == 20 + OWN_PROCESSES


def test_only_the_named_distributions_and_what_they_need_are_mounted():
    assert runtime.closure(["numpy"]) == ["numpy"]
    assert {"matplotlib", "numpy", "pillow"} <= set(runtime.closure(["Matplotlib"]))
    places = [place for _, place in runtime.runtime(["numpy"]).mounts]
    tops = {place.split("/")[2].split("-")[0] for place in places if place.startswith("/site/")}
    assert tops <= {"numpy", "numpy.libs", "msgspec", "msgspec.libs"}
    assert not [place for place in places if "/bin" in place and place != "/runtime/bin/python3"]


@pytest.mark.threat(45)
def test_without_a_cgroup_and_without_a_view_of_children_nothing_is_graded(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.cgroups.make", lambda memory_mb, processes: None)
    monkeypatch.setattr("autograder.sandbox.watchdog.Path.exists", lambda path: False)
    with pytest.raises(SandboxUnavailable, match=r"memory cannot be limited here.*DEEPGRADE_CGROUP"):
        Sandbox(["numpy"], Limits())
