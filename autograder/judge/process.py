"""The judge of one submission, in a process of its own, forked from one that has everything imported.

    caller ── control socket ──> server: `python -m autograder.judge.process FD`: pytest, hypothesis, numpy, no data
                                   │ fork, one for each job
       job socket, error file      └─> judge: reads a Job (JSON, up to the end of what the caller writes), answers a
                                       line of JSON for each event: first {"event": "begun", "pid": ..}; with each
                                       "finished" all that is known of the test; last {"event": "judged", ..} or
                                       {"event": "fault", ..}

A process for each submission keeps pytest's and hypothesis's global state apart, and lets the caller end it; forking it
saves most of a second. When the caller goes, the server ends, and with it every judge and every sandbox.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from autograder.core.errors import DeepgradeError
from autograder.course import manifest as manifests
from autograder.judge import verdicts
from autograder.judge.budget import Meter
from autograder.judge.examples import PUBLIC_SECRET, SHRINK_RUNS
from autograder.judge.job import FINISHED, JOBS, SLOW_IMPORTS, Finished, Job, Judged, Surroundings
from autograder.judge.run import run_tests
from autograder.judge.sandboxes import sandboxes_for
from autograder.judge.session import Judging
from autograder.report.schema import Visibility
from autograder.sandbox.runtime import runtime
from autograder.student.link import memory, printed

PR_SET_PDEATHSIG = 1


def judge(job: Job, on_event: Callable[[dict[str, Any]], None]) -> Surroundings:
    """Run all tests of a job against a student in a sandbox. Raises GraderError subclasses: our faults."""
    manifest = manifests.load(Path(job.manifest))
    with sandboxes_for(job, manifest) as sandboxes:

        def on_event_with_result(event: dict[str, Any]) -> None:
            if event["event"] == "finished":
                event = {**event, "finished": msgspec.to_builtins(judging.finished[-1])}
            on_event(event)

        judging = Judging(
            make_student=sandboxes.student,
            make_reference=sandboxes.reference if job.reference else None,
            limits=manifest.limits,
            visibility=visibility,
            secret=lambda path: PUBLIC_SECRET if visibility(path) == "public" else job.secret,
            course_secret=job.secret,
            printed=printed,
            memory=memory,
            device=sandboxes.device(),
            calibrating=job.calibrating,
            on_event=on_event_with_result,
            shrink_runs=SHRINK_RUNS if job.shrink else 0,
            meter=Meter(limited=True),
            too_costly=job.too_costly,
            finished=list(job.finished),
        )
        run_tests([Path(path) for path in job.tests], judging, only=job.only, with_needs=job.with_needs)
        return sandboxes.surroundings(judging.import_failure)


def judge_here(job: Job, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> Judged:
    """The same for a caller in this process, whose memory is limited from then on; nothing ends a costly test."""
    finished: list[Finished] = []

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "finished":
            finished.append(FINISHED.value(event["finished"]))
        on_event(event)

    surroundings = judge(job, hear)
    return Judged(finished, surroundings)


def visibility(path: Path) -> Visibility:
    return "public" if path.name == "test_public.py" else "hidden"


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a judge ended: its last line says that
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to act on
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
        if not message:
            return
        _get_ready(message.decode().split()[1:])
        gc.freeze()  # or every judge's collections would look at all of this, torch included: half a second
        server = os.getpid()
        if os.fork() == 0:
            control.close()
            _run_judge(descriptors, server)
        for descriptor in descriptors:
            os.close(descriptor)


def _get_ready(packages: list[str]) -> None:
    """What the judges of jobs with these packages would each do again; what goes wrong here goes wrong there, too,
    and is said there."""
    for name in SLOW_IMPORTS:
        if name in packages:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    with contextlib.suppress(Exception):
        runtime(packages)  # which files of theirs are mounted: a quarter of a second for torch


def _run_judge(descriptors: list[int], server: int) -> NoReturn:
    """In the forked process: one job, then the end."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if os.getppid() != server:
            os._exit(0)  # it went before we could ask to go with it
        # Tests may print: the socket belongs to the events alone.
        os.dup2(descriptors[1], 1)
        os.dup2(descriptors[1], 2)
        os.close(descriptors[1])
        with socket.socket(fileno=descriptors[0]) as events:
            _answer(events)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _answer(events: socket.socket) -> None:
    def say(event: dict[str, Any]) -> None:
        events.sendall(json.dumps(event).encode() + b"\n")

    say({"event": "begun", "pid": os.getpid()})
    with events.makefile("rb") as stream:
        data = stream.read()
    try:
        surroundings = judge(JOBS.json(data), say)
        say({"event": "judged", "surroundings": msgspec.to_builtins(surroundings)})
    except DeepgradeError as error:
        say({"event": "fault", "kind": type(error).__name__, "message": str(error)})
    except Exception as error:
        say({"event": "fault", "kind": "GraderError", "message": verdicts.full_text(error)})


if __name__ == "__main__":
    main()
