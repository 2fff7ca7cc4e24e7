"""A submission and an assignment -> a Report: in a sandbox, all tests. What the service, the shell and `verify` use.

Linux only. A student's laptop runs the public tests with `autograder.selfcheck`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from autograder import errors
from autograder.course import Assignment
from autograder.errors import GraderError
from autograder.judge.assemble import assemble
from autograder.judge.process import Job, Judged
from autograder.report import Report
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
    return assemble(
        assignment,
        judged.results,
        judged.seconds,
        total_seconds=time.monotonic() - began,
        submission_sha256=submission.sha256,
        sandbox=judged.walls,
        versions=judged.versions,
    )


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
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018
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
            with contextlib.suppress(BrokenPipeError):
                stream.close()
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
