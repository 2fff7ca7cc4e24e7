"""A module that cannot be imported is not imported fifty-five times; a slow one is said to be slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import grade as grading
from autograder.core.errors import Died, GraderError, SandboxLost, TimedOut
from autograder.course import submission
from autograder.course.course import Assignment, Course
from autograder.course.manifest import Limits
from autograder.course.submission import Submission, sha256_of
from autograder.judge import judge, server
from autograder.judge.imports import Imports
from autograder.local_check.public_tests import check
from autograder.report.schema import Report
from autograder.sandbox import Sandbox

SHORT, LONG = Limits(seconds=3.0), Limits(seconds=20.0, test_seconds=60.0)


def attempts(imports: Imports, errors: list[BaseException | None], limits: Limits = SHORT) -> list[str]:
    """What each of so many tests is told; "asked: .." where it had to import."""
    told = []
    for error in errors:
        asked = ""
        try:
            imports.check(limits)
            asked = "asked: "
            with imports.watched(limits):
                if error is not None:
                    raise error
            told.append("asked: right")
        except (Exception, TimedOut, Died) as found:
            told.append(f"{asked}{found}")
    return told


@pytest.mark.parametrize("kind", [ValueError, TimedOut, Died])
def test_after_two_equal_failures_nobody_asks_again(kind):
    assert attempts(Imports("m"), [kind("no") for _ in range(5)]) == ["asked: no", "asked: no", "no", "no", "no"]


def test_failures_that_differ_and_successes_are_asked_for_again():
    errors: list[BaseException | None] = [ValueError("1"), ValueError("2"), KeyError("2"), None, ValueError("2")]
    assert all(told.startswith("asked") for told in attempts(Imports("m"), errors))


def test_a_test_with_more_time_asks_all_the_same():
    imports = Imports("m")
    attempts(imports, [TimedOut("3 s")] * 2)
    assert attempts(imports, [None], LONG) == ["asked: right"]
    attempts(imports, [TimedOut("3 s")] * 2)
    assert attempts(imports, [None], SHORT) == ["3 s"]
    attempts(imports, [Died("it")] * 2, LONG)
    assert attempts(imports, [None], LONG) == ["it"]


def test_a_fault_of_ours_is_no_failure_of_an_import():
    imports = Imports("m")
    for _ in range(3):
        with pytest.raises(GraderError), imports.watched(SHORT):
            raise SandboxLost("gone")
    assert attempts(imports, [None]) == ["asked: right"]


TARGET = Course(Path(__file__).resolve().parent.parent.parent / "hostile_course")["target"]


def graded(assignment: Assignment, module: str, source: str) -> Report:
    files = assignment.reference() | {module: source.encode()}
    return grading.grade(assignment, Submission(files, sha256_of(files)), secret=b"secret")


@pytest.mark.parametrize(
    "what, verdict, words",
    [
        ("raise ValueError('no such thing')", "raised", "ValueError: no such thing"),
        ("import time; time.sleep(60)", "timed_out", "importing target.py took longer than"),
        ("import os; os._exit(3)", "died", "exit status 3"),
    ],
)
def test_a_grading_imports_it_twice_and_says_so_of_every_test(monkeypatch, what, verdict, words):
    """In this process, to count how often a worker was asked for."""
    workers = []
    worker = Sandbox.worker

    def counted(sandbox: Sandbox):
        workers.append(sandbox)
        return worker(sandbox)

    monkeypatch.setattr(Sandbox, "worker", counted)
    monkeypatch.setattr(server, "ask", lambda job, on_event, packages: judge.judge_here(job, on_event))
    found = graded(TARGET, "target.py", what)
    assert len(found.tests) > 5
    assert {test.verdict for test in found.tests} == {verdict}
    assert all(words in test.detail for test in found.tests)
    assert len(workers) == 2
    assert words in found.message
    assert found.timings.import_seconds == 0


def test_a_slow_import_is_said_in_the_report(tiny):
    source = "import time; time.sleep(0.6)\n" + tiny.reference()["tiny.py"].decode()
    found = graded(tiny, "tiny.py", source)
    assert found.points == found.possible
    assert 0.6 <= found.timings.import_seconds < 3


def test_check_has_the_servers_limit_for_an_import(tiny, tmp_path):
    manifest = tiny.folder / "assignment.toml"
    manifest.write_text(manifest.read_text() + "\n[limits]\nseconds = 0.5\n")
    folder = tmp_path / "mine"
    folder.mkdir()
    counted = folder / "counted"
    source = f"import time; time.sleep(0.7); open({str(counted)!r}, 'a').write('.')\n"
    (folder / "tiny.py").write_text(source + tiny.reference()["tiny.py"].decode())
    found = check(folder, tiny)
    said = {(test.verdict, test.detail) for test in found.tests if test.verdict != "blocked"}
    assert said == {("timed_out", "importing tiny.py took longer than 0.5 s")}
    assert len(counted.read_text()) <= 2
    assert "importing tiny.py took longer than 0.5 s" in found.message


def test_check_says_that_an_import_is_slow(deepgrade, tiny, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in tiny.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "tiny.py").write_text("import time; time.sleep(0.6)\n" + tiny.reference()["tiny.py"].decode())
    done = deepgrade("check", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Importing your module takes 0.6" in done.stdout
    assert submission.pack(folder, tiny.manifest)
