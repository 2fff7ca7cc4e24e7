"""Every attack of `tests/hostile/` meets the real sandbox, and gets the outcome that its `expect.toml` says.

    tests/hostile/<what_it_does>/
      target.py     the attack (trainee.py: test_hostile_training.py); `honest.py`, the right answers, is beside it
      make.py       or: make(good files) yields the bytes of one upload after the other
      expect.toml   rows (of tests/threats.toml), tries, times (that it is handed in, one after the other; 1), one of
                      [tests]                  these tests get these verdicts (one, or one of several); all others pass
                      every_test = "died"      all tests get it
                      same_as_honest = true    the report is that of the right answers
                      refused = "words"        every upload is refused, with these words among others
                    and, if so said
                      says = "words"           all that a student hears of any hidden test that is not passed
                      report_kb = 200          the largest report that may come of it

The order of the attacks follows from the commit, since a sandbox serves one submission after the other.

Whatever a submission does, no report holds a canary (a string planted where nothing of the sandbox may reach), a
socket that listens hears nothing, and no process that it has started is left.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cases
import msgspec
import pytest
from containers import as_nobody, in_container
from loading import load

from autograder.core.errors import Refused
from autograder.course import submission
from autograder.course.course import Assignment, Course
from autograder.course.submission import Submission
from autograder.grade import grade
from autograder.report import schema, visibility
from autograder.report.schema import Report, Timings
from autograder.sandbox import cgroups

HERE = Path(__file__).parent
ALL = sorted(path.parent for path in (HERE / "hostile").glob("*/expect.toml"))
FOLDERS = [folder for folder in ALL if not (folder / "trainee.py").exists()]  # those: test_hostile_training.py
SECRET = b"the secret of the hostile course"
GONE_SECONDS = 20.0  # for the kernel to take away what was killed; past it something is left

Verdicts = str | list[str]


class Expectation(msgspec.Struct, forbid_unknown_fields=True):
    """One `expect.toml`."""

    rows: list[int]
    tries: str
    tests: dict[str, Verdicts] = {}
    every_test: str = ""
    same_as_honest: bool = False
    refused: str | None = None
    times: int = 1
    says: str = ""
    report_kb: int = 1000


def expectation(folder: Path) -> Expectation:
    return msgspec.convert(tomllib.loads((folder / "expect.toml").read_text()), Expectation)


@dataclass(frozen=True)
class Ground:
    """The course that is attacked, with canaries in and around it, and what may not be reached from the sandbox."""

    target: Assignment
    canary: str
    mark: str  # the name that attacks give to processes which they leave behind
    port: int
    path: str  # of a unix socket
    abstract: str
    listeners: list[socket.socket]

    def submission(self, source: str | bytes) -> Submission:
        """The attack, with the addresses that it is after, beside the right answers."""
        text = source if isinstance(source, str) else source.decode()
        for placeholder, value in {
            "PORT_OF_THE_CANARY": str(self.port),
            "PATH_OF_THE_CANARY": self.path,
            "NAME_OF_THE_CANARY": self.abstract,
            "MARK_OF_THE_TEST": self.mark,
        }.items():
            text = text.replace(placeholder, value)
        return submission.read_zip(submission.zipped(self.honest | {"target.py": text.encode()}), self.target.manifest)

    @property
    def honest(self) -> dict[str, bytes]:
        return self.target.reference()

    def heard(self) -> int:
        """How many of the listening sockets somebody has spoken to."""
        return len(select.select(self.listeners, [], [], 0)[0])


def planted(folder: Path, canary: str) -> Path:
    """A copy of the hostile course whose hidden tests and solution hold the canary."""
    course = Path(shutil.copytree(HERE / "hostile_course", folder))
    for name in ("test_hidden.py", "notes.txt"):  # not honest.py: that one is handed in
        with (course / "solutions" / "target" / name).open("a") as file:
            file.write(f"# {canary}\n")
    return course


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    canary = f"canary-{secrets.token_hex(12)}"
    token = secrets.token_hex(6)
    root = tmp_path_factory.mktemp("hostile")
    course = planted(root / "course", canary)
    neighbour = root / "submissions" / "neighbour"
    neighbour.mkdir(parents=True)
    (neighbour / "target.py").write_text(f"# {canary}\n")
    with contextlib.ExitStack() as stack:
        for folder in (tempfile.gettempdir(), "/dev/shm", str(Path.home())):
            file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="canary-", dir=folder))
            file.write(canary.encode())
            file.flush()
            os.chmod(file.name, 0o644)
        os.environ["DEEPGRADE_CANARY"] = canary
        stack.callback(os.environ.pop, "DEEPGRADE_CANARY")
        path = f"{tempfile.gettempdir()}/canary-{token}.socket"
        listeners, port = listening(path, f"canary-{token}")
        for listener in listeners:
            stack.enter_context(listener)
        for place in (path, f"{path}-datagrams"):
            stack.callback(os.unlink, place)
        mark = f"dg{token}"
        yield Ground(Course(course)["target"], canary, mark, port, path, f"canary-{token}", listeners)


def listening(path: str, name: str) -> tuple[list[socket.socket], int]:
    """Sockets that should hear nothing: TCP and UDP of one port, unix by path and by abstract name."""
    first = socket.create_server(("127.0.0.1", 0))
    port = first.getsockname()[1]
    listeners = [first]
    kinds: list[tuple[int, int, Any]] = [
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
        (socket.AF_UNIX, socket.SOCK_STREAM, path),
        (socket.AF_UNIX, socket.SOCK_DGRAM, f"{path}-datagrams"),
        (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
        (socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{name}-datagrams"),
    ]
    if (
        os.path.exists("/proc/net/if_inet6")
        and "00000000000000000000000000000001" in Path("/proc/net/if_inet6").read_text()
    ):
        kinds.append((socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)))
    for family, kind, address in kinds:
        listener = socket.socket(family, kind)
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        if isinstance(address, str) and not address.startswith("\0"):
            os.chmod(address, 0o777)
        listeners.append(listener)
    return listeners, port


@pytest.fixture(scope="module")
def honest_report(ground: Ground) -> Report:
    return graded(ground, ground.submission(ground.honest["target.py"]))


def graded(ground: Ground, handed_in: Submission) -> Report:
    return grade(ground.target, handed_in, secret=SECRET + ground.canary.encode())


def comparable(graded: Report, *, output: bool = True) -> bytes:
    """A report without what differs between two gradings of the same files, or of an attack and the right answers."""
    tests = graded.tests if output else [msgspec.structs.replace(test, output="") for test in graded.tests]
    hashed = graded.submission_sha256 if output else ""
    return schema.to_json(msgspec.structs.replace(graded, tests=tests, submission_sha256=hashed, timings=Timings()))


def processes_named(name: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if (folder / "comm").read_text().strip() == name:
                    found.append(int(folder.name))
    return found


def becomes(condition: Callable[[], bool]) -> bool:
    """Does it hold within GONE_SECONDS?"""
    deadline = time.monotonic() + GONE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def uploads(folder: Path, good: dict[str, bytes]) -> list[bytes]:
    """What `make.py` makes: the uploads that no tree of files can hold."""
    return list(load(folder / "make.py").make(good))


def assert_as_expected(found: Report, expected: Expectation, honest: Report) -> None:
    assert len(schema.to_json(found, indent=-1)) <= expected.report_kb * 1000
    if expected.says:
        seen = [test for test in visibility.view(found, "student").tests if test.visibility == "hidden"]
        assert {test.failure for test in seen if test.verdict != "passed"} == {expected.says}
    if expected.same_as_honest:
        assert [(test.name, test.verdict, test.detail) for test in found.tests if test.verdict != "passed"] == []
        assert comparable(found, output=False) == comparable(honest, output=False)
        return
    names = {test.name for test in honest.tests}
    wanted = dict.fromkeys(names, expected.every_test) if expected.every_test else expected.tests
    assert wanted, "expect.toml says nothing"
    assert wanted.keys() <= names
    for test in found.tests:
        verdicts = wanted.get(test.name, "passed")
        assert test.verdict in ([verdicts] if isinstance(verdicts, str) else verdicts), (test.name, test.detail)
        assert test.points == (test.possible if test.verdict == "passed" else 0)
    assert {test.name for test in found.tests} == names


def assert_nothing_got_out(found: Report, ground: Ground) -> None:
    for viewer in ("student", "staff"):
        assert ground.canary.encode() not in schema.to_json(visibility.view(found, viewer))
    assert ground.heard() == 0
    assert becomes(lambda: not processes_named(ground.mark)), "processes of the submission are left"


def attack(folder: Path, round: int) -> Any:
    """A parameter: the folder, under its name, with the rows that it tries."""
    expected = expectation(folder)
    name = folder.name if round == 0 else f"{folder.name}-again"
    return pytest.param(folder, id=name, marks=pytest.mark.threat(*expected.rows, tried=expected.tries))


def attacks() -> list[Any]:
    """All of them in the commit's order; each night once more in another one.

    A sandbox outlives a submission, so each attack meets what those before it have left.
    """
    folders = {folder.name: folder for folder in FOLDERS}
    seed = cases.commit(HERE.parent)
    return [
        attack(folders[name], round)
        for round in range(2 if os.environ.get(cases.ALL) else 1)
        for name in cases.in_order(folders, f"{seed} {round}")
    ]


@pytest.mark.parametrize("folder", attacks())
def test_an_attack_gets_what_it_deserves(folder: Path, ground: Ground, honest_report: Report) -> None:
    expected = expectation(folder)
    if (folder / "make.py").exists():
        for data in uploads(folder, ground.honest):
            if expected.refused is not None:
                with pytest.raises(Refused, match=re.escape(expected.refused)):
                    submission.read_upload(data, ground.target.manifest)
                continue
            found = graded(ground, submission.read_upload(data, ground.target.manifest))
            assert_as_expected(found, expected, honest_report)
        return
    for _ in range(expected.times):
        found = graded(ground, ground.submission((folder / "target.py").read_bytes()))
        assert_as_expected(found, expected, honest_report)
        assert_nothing_got_out(found, ground)


def test_the_right_answers_get_full_marks(honest_report: Report) -> None:
    assert honest_report.points == honest_report.possible > 0
    assert {test.verdict for test in honest_report.tests} == {"passed"}


# The attacks that must find nothing do find something where there is something to be found.


def run_outside(ground: Ground, folder: str, expression: str, tmp_path: Path) -> str:
    """What an attack's function says when no wall is around it."""
    for name, content in ground.submission((HERE / "hostile" / folder / "target.py").read_bytes()).files.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-c", f"import target; print({expression})"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_search_finds_canaries_outside(ground: Ground, tmp_path: Path) -> None:
    assert ground.canary in run_outside(ground, "searches_everywhere", "target.search(())", tmp_path)  # environment
    assert ground.target.solution is not None
    nearby = f"target.search(({str(ground.target.solution)!r},))"
    assert ground.canary in run_outside(ground, "searches_everywhere", f"{nearby}", tmp_path)


def test_the_calls_reach_canaries_outside(ground: Ground, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        path, name = str(tmp_path / "socket"), f"outside-{secrets.token_hex(6)}"
        listeners, port = listening(path, name)
        for listener in listeners:
            stack.enter_context(listener)
        other = Ground(ground.target, ground.canary, ground.mark, port, path, name, listeners)
        reached = run_outside(other, "calls_home", "target.reached()", tmp_path)
        assert other.heard() == len(listeners), reached


def test_a_marked_process_is_seen_from_outside() -> None:
    mark = f"dg{secrets.token_hex(6)}"
    code = f"import ctypes; ctypes.CDLL(None).prctl(15, b'{mark}', 0, 0, 0); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        assert becomes(lambda: processes_named(mark) == [process.pid])
        process.kill()
    assert becomes(lambda: not processes_named(mark))


LAW = '''
import numpy as np
from autograder.testing import points


@points(1, problem="arithmetic")
def test_gram_matrix(student):
    """A law that looks at no shape: double(x) double(x)^T has no negative entry."""
    y = student.double(np.ones(3))
    assert np.all(y @ y.T >= 0)
'''


@pytest.mark.parametrize("rows", [60_000, 1_900_000])
@pytest.mark.threat(12)
def test_what_broadcasts_into_gigabytes_is_a_wrong_answer(rows: int, ground: Ground, tmp_path: Path) -> None:
    """rows^2 entries, 29 gigabytes or terabytes: the judge neither takes them nor calls that its own fault."""
    law = tmp_path / "test_hidden.py"
    law.write_text(LAW)
    source = f"import numpy as np\n\n\ndef double(x):\n    return np.ones(({rows}, 1))\n"
    found = grade(ground.target, ground.submission(source), secret=SECRET, tests=[law])
    assert [(test.verdict, test.points) for test in found.tests] == [("failed", 0)]


# What several gradings have to do with each other.


@pytest.mark.parametrize(
    "name, times",
    [("honest", 20), ("returns_nan", 5), ("doubles_in_place", 3), ("answers_twice", 3), ("memory_by_children", 2)],
)
@pytest.mark.threat(42)
def test_the_same_files_get_the_same_report(name: str, times: int, ground: Ground) -> None:
    honest = ground.honest["target.py"]
    source = honest if name == "honest" else (HERE / "hostile" / name / "target.py").read_bytes()
    assert len({comparable(graded(ground, ground.submission(source))) for _ in range(times)}) == 1


@pytest.mark.threat(22, 28, 42)
def test_a_neighbour_is_not_harmed(ground: Ground, honest_report: Report) -> None:
    attacks = ["fork_bomb", "memory_by_children", "exhausts_its_descriptors", "thread_bomb"]
    sources = [(HERE / "hostile" / name / "target.py").read_bytes() for name in attacks]
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(graded, ground, ground.submission(source)) for source in sources]
        beside = 0
        while not all(future.done() for future in running):
            beside += 1
            found = graded(ground, ground.submission(ground.honest["target.py"]))
            assert {test.name: test.detail for test in found.tests if test.verdict != "passed"} == {}
            assert comparable(found) == comparable(honest_report)
    assert beside
    assert all(future.result().points < honest_report.points for future in running)


@pytest.mark.threat(22)
def test_nothing_outlives_a_grader_that_is_killed(ground: Ground, tmp_path: Path) -> None:
    """The limits are an hour here: what ends the attack is that nobody waits for it any more."""
    course = planted(tmp_path / "course", ground.canary)
    manifest = course / "assignments" / "target" / "assignment.toml"
    text = manifest.read_text().replace("seconds = 1.5", "seconds = 3600").replace("_seconds = 6.0", "_seconds = 3600")
    manifest.write_text(text)
    job = tmp_path / "job"
    job.mkdir()
    source = (HERE / "hostile" / "fork_bomb" / "target.py").read_text()
    for name, content in ground.submission(source).files.items():
        (job / name).write_bytes(content)
    with subprocess.Popen([sys.executable, "-c", GRADE, str(course), str(job)], stdout=subprocess.DEVNULL) as process:
        try:
            assert becomes(lambda: bool(processes_named(ground.mark)))
        finally:
            process.kill()
    assert becomes(lambda: not processes_named(ground.mark))


def test_cgroups_of_killed_judges_are_swept_up() -> None:
    own = cgroups._own_folder("memory")
    made = cgroups.make(memory_mb=64, processes=8)
    if own is None or made is None:
        pytest.skip("no cgroup of version 1 can be written here")
    made.remove()
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    left = own / f"deepgrade-{dead.pid}-0"
    left.mkdir()
    other = cgroups.make(memory_mb=64, processes=8)
    assert other is not None
    other.remove()
    assert not left.exists()


# An ordinary user has other walls: a user namespace, and rlimits with a watchdog where root has cgroups.

GRADE = """
import sys
from pathlib import Path
from autograder.report import schema
from autograder.course import submission
from autograder.course.course import Course
from autograder.core.errors import SandboxUnavailable
from autograder.grade import grade

container, unfiltered = sys.argv[1] == "in a container", sys.argv[1] == "without a filter"
course, *folders = map(Path, sys.argv[2 if container or unfiltered else 1 :])
if unfiltered:
    import struct
    from autograder.judge import judge, server
    from autograder.sandbox import seccomp
    seccomp.program = lambda *_: struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)  # "return ALLOW", and no more
    server.ask = lambda job, on_event, packages: judge.judge_here(job, on_event)  # it has that filter
target = Course(course)["target"]
for folder in folders:
    try:
        handed = submission.read_folder(folder, target.manifest)
        found = grade(target, handed, secret=b"of somebody else", container=container)
    except SandboxUnavailable as error:
        print(error)
        sys.exit(3)
    print(schema.to_json(found, indent=-1).decode().replace("\\n", " "), flush=True)
"""
AS_USER = """
exits_in_a_call kills_everyone_it_can_see writes_verdicts_on_the_data_socket returns_nan never_reads fork_bomb
thread_bomb leaves_a_daemon leaves_things_for_the_next_test memory_by_bytearray memory_by_mmap memory_by_shared_mmap
memory_by_children memory_in_shm asks_for_a_terabyte a_million_files deleted_but_open_files floods_its_output
loops_in_python exhausts_its_descriptors searches_everywhere calls_home leaves_a_message_in_the_page_cache
asks_how_busy_the_machine_is marks_files_that_all_sandboxes_share counts_what_the_machine_has_made
""".split()


# Without namespaces there is no place to write to, and so those that write files or share memory get another verdict.
IN_CONTAINER = """
exits_in_a_call kills_everyone_it_can_see writes_verdicts_on_the_data_socket returns_nan never_reads fork_bomb
thread_bomb leaves_a_daemon memory_by_bytearray memory_by_mmap memory_by_children asks_for_a_terabyte floods_its_output
loops_in_python exhausts_its_descriptors calls_home
""".split()

Elsewhere = Callable[[list[str], list[Path]], subprocess.CompletedProcess[str]]


def graded_elsewhere(
    ground: Ground, attacks: list[str], elsewhere: Elsewhere, *words: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Report]]:
    """The reports of the right answers and of these attacks, as somebody else makes them."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        root = Path(name)
        root.chmod(0o755)
        course = planted(root / "course", ground.canary)
        sources = {"honest": ground.honest["target.py"]}
        sources |= {attack: (HERE / "hostile" / attack / "target.py").read_bytes() for attack in attacks}
        for attack, source in sources.items():
            (root / attack).mkdir()
            for file, content in ground.submission(source).files.items():
                (root / attack / file).write_bytes(content)
        arguments = [sys.executable, "-c", GRADE, *words, str(course), *(str(root / attack) for attack in sources)]
        done = elsewhere(arguments, [root])
    reports = map(schema.from_json, done.stdout.splitlines()) if done.returncode == 0 else ()
    return done, dict(zip(sources, reports, strict=done.returncode == 0))


# What still holds when the filter of system calls is gone: not those that only the filter stops.
WITHOUT_FILTER = """
exits_in_a_call kills_everyone_it_can_see writes_verdicts_on_the_data_socket never_reads leaves_a_daemon
leaves_things_for_the_next_test memory_by_bytearray memory_by_mmap memory_by_children deleted_but_open_files
loops_in_python searches_everywhere
""".split()


def test_without_a_filter_of_system_calls_the_other_walls_hold(ground: Ground) -> None:
    """Namespaces, the uid, limits and the protocol do not lean on it."""
    done, reports = graded_elsewhere(ground, [*WITHOUT_FILTER, "calls_home"], here, "without a filter")
    assert done.returncode == 0, done.stdout + done.stderr
    assert reports["honest"].points == reports["honest"].possible
    for attack in WITHOUT_FILTER:
        assert_as_expected(reports[attack], expectation(HERE / "hostile" / attack), reports["honest"])
        assert_nothing_got_out(reports[attack], ground)
    # It may have sockets now, and talks to itself: in a network of its own, where nobody else hears it.
    assert reports["calls_home"].state == "graded"
    assert_nothing_got_out(reports["calls_home"], ground)


def here(command: list[str], readable: list[Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd="/")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a mount namespace to be a container in")
def test_a_container_without_namespaces_grades_alike(ground: Ground) -> None:
    done, reports = graded_elsewhere(ground, IN_CONTAINER, in_container, "in a container")
    assert done.returncode == 0, done.stdout + done.stderr
    assert reports["honest"].points == reports["honest"].possible
    for attack in IN_CONTAINER:
        assert reports[attack].sandbox.startswith("no namespaces in this container: a dropped uid for each test")
        if attack == "calls_home":  # the names of a container's network devices can be seen there, and no more
            assert {test.detail for test in reports[attack].tests} <= {"", "ValueError: reached ['devices']"}
        else:
            assert_as_expected(reports[attack], expectation(HERE / "hostile" / attack), reports["honest"])
        assert_nothing_got_out(reports[attack], ground)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a mount namespace to be a container in")
def test_nobody_else_s_grading_ever_falls_back(ground: Ground) -> None:
    """The service, the shell and `otter run` do not ask for it: without namespaces they grade nothing."""
    done, _ = graded_elsewhere(ground, [], in_container)
    assert done.returncode != 0
    assert "no sandbox could be started" in done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests here run as an ordinary user already")
def test_an_ordinary_user_grades_alike(ground: Ground) -> None:
    done, reports = graded_elsewhere(ground, AS_USER, as_nobody)
    if done.returncode != 0:
        pytest.skip(f"nothing can be graded as an ordinary user here: {(done.stdout + done.stderr)[-500:]}")
    assert reports["honest"].points == reports["honest"].possible
    assert "user namespace" in reports["honest"].sandbox
    for attack in AS_USER:
        assert_as_expected(reports[attack], expectation(HERE / "hostile" / attack), reports["honest"])
        assert_nothing_got_out(reports[attack], ground)
