"""The judge of one submission, in a process of its own: `python -m autograder.judge.process`.

    standard input    one Job, as JSON, and its end
    standard output   a line of JSON for each event; the last is {"event": "judged", ...} or {"event": "fault", ...}

A process for each submission keeps pytest's and hypothesis's global state apart, and lets the caller end it. Started
ahead, it waits with everything imported, so that a submission waits for nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from autograder import manifest as manifests
from autograder.errors import DeepgradeError
from autograder.judge import verdicts
from autograder.judge.examples import PUBLIC_SECRET
from autograder.judge.run import run_tests
from autograder.judge.session import Judging
from autograder.manifest import Limits
from autograder.report import TestResult, Visibility
from autograder.sandbox import Sandbox
from autograder.student.remote import Remote, printed

PR_SET_PDEATHSIG = 1


class Job(msgspec.Struct):
    manifest: str  # path
    tests: list[str]  # paths, in order
    files: dict[str, bytes]
    secret: bytes


class Judged(msgspec.Struct):
    results: list[TestResult]
    seconds: dict[str, float]
    walls: str
    versions: dict[str, str]


def judge(job: Job, on_event: Callable[[dict[str, Any]], None]) -> Judged:
    """Run all tests of a job against a student in a sandbox. Raises GraderError subclasses: our faults."""
    manifest = manifests.load(Path(job.manifest))
    with Sandbox(manifest.packages, manifest.limits) as sandbox:

        @contextmanager
        def make_student(limits: Limits) -> Iterator[Remote]:
            with sandbox.worker() as worker:
                yield Remote(worker, job.files, manifest.module, limits)

        judging = Judging(
            make_student=make_student,
            limits=manifest.limits,
            visibility=visibility,
            secret=lambda path: PUBLIC_SECRET if visibility(path) == "public" else job.secret,
            printed=printed,
            on_event=on_event,
        )
        run_tests([Path(path) for path in job.tests], judging)
        return Judged(judging.results, judging.seconds, sandbox.walls, sandbox.runtime.versions)


def visibility(path: Path) -> Visibility:
    return "public" if path.name == "test_public.py" else "hidden"


def main() -> None:
    # A judge whose caller is killed has nobody to tell; bubblewrap dies with the judge.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Tests may print: standard output belongs to the events alone.
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    if os.getppid() == 1:
        return
    data = sys.stdin.buffer.read()
    if not data:
        return
    try:
        judged = judge(msgspec.json.decode(data, type=Job), lambda event: _say(events, event))
        _say(events, {"event": "judged", "judged": msgspec.to_builtins(judged)})
    except DeepgradeError as error:
        _say(events, {"event": "fault", "kind": type(error).__name__, "message": str(error)})
    except Exception as error:
        _say(events, {"event": "fault", "kind": "GraderError", "message": verdicts.full_text(error)})


def _say(events: Any, event: dict[str, Any]) -> None:
    events.write(json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    main()
