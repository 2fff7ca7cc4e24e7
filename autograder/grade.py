"""A submission and an assignment -> a Report.

    grade   in a sandbox, all tests; what the service, the shell and `verify` use
    check   on this machine's own interpreter, public tests only; what a student's laptop uses
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from autograder import __version__, errors
from autograder.course import Assignment
from autograder.errors import BadCourse, DeepgradeError, GraderError
from autograder.judge.process import Job, Judged
from autograder.judge.run import run_tests
from autograder.judge.session import Judging
from autograder.manifest import Limits, Manifest
from autograder.report import ProblemResult, Report, TestResult, Timings
from autograder.student.local import Local
from autograder.submission import Submission

SILENCE_SECONDS = 900.0  # without one event from the judge; past it the judge is ended: our fault

OnEvent = Callable[[dict[str, Any]], None]

_spare: subprocess.Popen[bytes] | None = None
_spare_lock = threading.Lock()


def grade(
    assignment: Assignment,
    submission: Submission,
    *,
    secret: bytes,
    on_event: OnEvent | None = None,
    tests: list[Path] | None = None,
) -> Report:
    """Run all tests against the submission in a sandbox.

    secret : the course's; the examples of hidden tests are drawn from it.
    on_event : told of {"event": "collected", "tests": [..]}, "started" and "finished", as they happen.
    tests : other test files than the assignment's.
    Raises GraderError (and its kinds) for a fault of ours: then there is no report, and never a zero.
    """
    files = tests if tests is not None else assignment.test_files
    job = Job(
        manifest=str(assignment.folder / "assignment.toml"),
        tests=[str(path) for path in files],
        files=submission.files,
        secret=secret,
    )
    began = time.monotonic()
    judged = _judge(job, on_event or (lambda event: None))
    _raise_for_our_faults(judged)
    return _report(
        assignment,
        judged.results,
        submission_sha256=submission.sha256,
        sandbox=judged.walls,
        versions=_versions() | judged.versions,
        timings=Timings(round(time.monotonic() - began, 3), {k: round(v, 3) for k, v in judged.seconds.items()}),
    )


def check(
    folder: Path, assignment: Assignment, *, only: str | None = None, on_event: OnEvent | None = None
) -> Report:
    """Run the public tests against the files in `folder`, without a sandbox: the student's own code, at home."""
    manifest = assignment.manifest
    for name in manifest.files:
        if not (folder / name).is_file():
            raise DeepgradeError(f"{folder / name}: there is no such file; `deepgrade check DIR` wants the folder with it")

    @contextmanager
    def make_student(limits: Limits) -> Iterator[Local]:
        yield Local(folder, manifest.module)

    judging = Judging(
        make_student=make_student,
        limits=manifest.limits,
        visibility=lambda path: "public",
        student_folder=folder.resolve(),
        on_event=on_event or (lambda event: None),
    )
    began = time.monotonic()
    run_tests([assignment.public_tests], judging, only=only)
    if only and not judging.results:
        raise DeepgradeError(f"{assignment.public_tests}: has no test {only!r}")
    timings = Timings(round(time.monotonic() - began, 3), {k: round(v, 3) for k, v in judging.seconds.items()})
    return _report(assignment, judging.results, sandbox="none: your own machine", versions=_versions(), timings=timings)


def warm() -> None:
    """Start the next judge ahead of its submission; it waits with everything imported."""
    global _spare
    with _spare_lock:
        if _spare is None or _spare.poll() is not None:
            _spare = _start()


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "autograder.judge.process"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _take() -> subprocess.Popen[bytes]:
    global _spare
    with _spare_lock:
        process, _spare = _spare, None
    return process if process is not None and process.poll() is None else _start()


def _judge(job: Job, on_event: OnEvent) -> Judged:
    process = _take()
    assert process.stdin and process.stdout and process.stderr
    alarm = threading.Timer(SILENCE_SECONDS, process.kill)
    errors_read = _Tail(process.stderr)
    try:
        process.stdin.write(msgspec.json.encode(job))
        process.stdin.close()
        for line in process.stdout:
            alarm.cancel()
            event = json.loads(line)
            if event["event"] == "judged":
                return msgspec.convert(event["judged"], Judged)
            if event["event"] == "fault":
                raise getattr(errors, event["kind"], GraderError)(event["message"])
            on_event(event)
            alarm = threading.Timer(SILENCE_SECONDS, process.kill)
            alarm.daemon = True
            alarm.start()
    except BrokenPipeError:
        pass  # it ended before it was asked; said below
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass
    raise GraderError(f"the judge's process ended (status {process.returncode}): {errors_read.text()}")


class _Tail(threading.Thread):
    """Reads a stream to its end so that it cannot block, and keeps its last words."""

    def __init__(self, stream: Any) -> None:
        super().__init__(name="judge's standard error", daemon=True)
        self._stream, self._kept = stream, b""
        self.start()

    def run(self) -> None:
        with self._stream:
            while chunk := self._stream.read1(65536):
                self._kept = (self._kept + chunk)[-4000:]

    def text(self) -> str:
        self.join(1.0)
        return self._kept.decode(errors="replace").strip()


def _raise_for_our_faults(judged: Judged) -> None:
    for result in judged.results:
        if result.verdict == "grader_error":
            raise GraderError(f"{result.id}: {result.detail}")


def _report(assignment: Assignment, results: list[TestResult], **facts: Any) -> Report:
    manifest = assignment.manifest
    check_problems(assignment, results)
    problems = []
    for problem in manifest.problems:
        own = [result for result in results if result.problem == problem.name]
        possible = sum(result.possible for result in own)
        problems.append(ProblemResult(problem.name, problem.title, sum(r.points for r in own), possible))
    return Report(
        assignment=assignment.name,
        title=manifest.title,
        state="graded",
        points=sum(problem.points for problem in problems),
        possible=sum(problem.possible for problem in problems),
        problems=problems,
        tests=results,
        tests_sha256=assignment.tests_sha256(),
        device=_device(manifest),
        **facts,
    )


def check_problems(assignment: Assignment, results: list[TestResult]) -> None:
    """Every test with points must belong to a problem of the manifest. Raises BadCourse."""
    names = {problem.name for problem in assignment.manifest.problems}
    for result in results:
        if result.possible and result.problem not in names:
            raise BadCourse(
                f"{assignment.name}: {result.id} gives points for {result.problem!r}, which is no problem of "
                f"{assignment.folder / 'assignment.toml'}"
            )


def _device(manifest: Manifest) -> str:
    return "cpu"  # gpu profiles come with the training checks


def _versions() -> dict[str, str]:
    return {"deepgrade": __version__, "python": platform.python_version()}
