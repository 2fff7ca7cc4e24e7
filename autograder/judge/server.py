"""The caller's end of the judges: starts their server, gives it jobs, and reads their events.

One server serves all threads of a process. It is started when first needed, or ahead of that with `warm`, and again
should it have ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from autograder.core import environment, errors
from autograder.core.errors import GraderError
from autograder.judge.budget import Watch
from autograder.judge.job import FINISHED, PLAYED, SURROUNDINGS, Finished, Job, Judged, Order, Played, Surroundings

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SILENCE_SECONDS = 900.0  # without one event from a judge; past it the judge is ended: our fault
PLAY_SECONDS = 120.0  # for failed tests, after a grading; past it mistakes are named by what has come
LOOK_SECONDS = 0.25  # between two looks at what a test costs its judge

_lock = threading.Lock()
_server: tuple[int, subprocess.Popen[bytes], socket.socket] | None = None  # whose, itself, and its control socket


def warm() -> None:
    """Start the server, so that the first job need not wait for it."""
    with _lock:
        _running()


def ask(job: Job, on_event: Callable[[dict[str, Any]], None], packages: Sequence[str] = ()) -> Judged:
    """Have a job judged. Raises GraderError, or the kind of it that the judge names.

    packages : that the student may import, in the manifest's order; the server gets ready for them, once for all its
        judges.

    A test that takes its judge too long, or brings it down twice, has failed if the reference gets through it here and
    now; another judge goes on behind it.
    """
    handler = _EventHandler(on_event)
    while True:
        try:
            surroundings = _ask_one(job, handler, packages)
            return Judged(handler.finished, surroundings, [played for played in handler.played if played.records])
        except _JudgeEnded as ended:
            if handler.is_to_blame(ended):
                _check_with_the_reference(job, ended, packages)
                job = msgspec.structs.replace(job, too_costly={**job.too_costly, ended.test: ended.why})
            job = msgspec.structs.replace(job, finished=list(handler.finished))


def _check_with_the_reference(job: Job, ended: _JudgeEnded, packages: Sequence[str]) -> None:
    """Raises GraderError unless a judge of the reference comes to the end of that test."""
    if not job.reference:
        raise GraderError(str(ended))
    name = ended.test.partition("::")[2]
    alone = msgspec.structs.replace(
        job,
        files=job.reference,
        suite=None,  # of tests of a student's own there is no reference: such a job ends at once
        only=[name],
        with_needs=False,
        finished=[],
        too_costly={},
        shrink=False,
    )
    try:
        _ask_one(alone, _EventHandler(lambda event: None), packages)
    except _JudgeEnded as again:
        raise GraderError(f"with the reference as well: {again}") from again


class _JudgeEnded(Exception):
    """A judge that was ended, or ended by itself, in the middle of a test."""

    def __init__(self, test: str, why: str, *, over_budget: bool) -> None:
        super().__init__(f"{test}: {why}")
        self.test, self.why, self.over_budget = test, why, over_budget


class _EventHandler:
    """What the judges of one job have told so far."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        self.finished: list[Finished] = []
        self.played: list[Played] = []
        self.watch: Watch | None = None  # of the test that runs
        self.pid = 0
        self.costly = 0  # tests so far that had failed by what they cost
        self._on_event = on_event
        self._collected = False
        self._brought_down: set[str] = set()  # tests during which a judge ended by itself

    def handle(self, event: dict[str, Any]) -> Surroundings | None:
        """One event; the last one holds the surroundings. Raises GraderError for a fault."""
        kind = event["event"]
        if kind == "judged":
            return SURROUNDINGS.value(event["surroundings"])
        if kind == "fault":
            raise getattr(errors, event["kind"], GraderError)(event["message"])
        if kind == "begun":
            self.pid = event["pid"]
            return None
        if kind == "playing":
            self.watch = Watch.over(self.pid, event["test"], event["judge_seconds"], 0)
            return None
        if kind == "played":
            self.watch = None
            self.played.append(PLAYED.value(event["played"]))
            return None
        if kind == "started":
            self.watch = Watch.over(self.pid, event["test"], event.pop("judge_seconds"), self.costly)
        elif kind == "finished":
            self.watch = None
            self.finished.append(FINISHED.value(event.pop("finished")))
        elif kind == "collected":
            if self._collected:
                return None  # by a judge that goes on
            self._collected = True
        self._on_event(event)
        return None

    def is_to_blame(self, ended: _JudgeEnded) -> bool:
        """Does the test's failure stand? A judge that ended by itself is replaced once, and the test is tried again."""
        if ended.over_budget or ended.test in self._brought_down:
            self.costly += 1
            return True
        self._brought_down.add(ended.test)
        return False


def _ask_one(job: Job, handler: _EventHandler, packages: Sequence[str]) -> Surroundings:
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as words:
        with theirs, _lock:
            socket.send_fds(_running(), [_order(job, packages)], [theirs.fileno(), words.fileno()])
        try:
            return _receive(ours, job, handler)
        except OSError as error:
            if handler.watch is not None:
                why = f"it brought the grader's process down ({error}): {_last(words)}"
                raise _JudgeEnded(handler.watch.test, why, over_budget=False) from error
            raise GraderError(f"the judge's process is gone ({error}): {_last(words)}") from error


def _order(job: Job, packages: Sequence[str]) -> bytes:
    """Raises GraderError where a file of tests cannot be read."""
    digest = hashlib.sha256(job.secret)
    try:
        contents = [Path(path).read_bytes() for path in job.tests]
    except OSError as error:
        raise GraderError(f"the tests cannot be read: {error}") from error
    for part in (*map(str.encode, job.tests), *contents, *map(str.encode, job.reference), *job.reference.values()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return msgspec.json.encode(Order(digest.hexdigest(), list(packages), job.tests))


def _receive(ours: socket.socket, job: Job, handler: _EventHandler) -> Surroundings:
    handler.pid, handler.watch = 0, None
    try:
        ours.settimeout(SILENCE_SECONDS)
        ours.sendall(msgspec.json.encode(job))
        ours.shutdown(socket.SHUT_WR)
        for line in _lines(ours, handler):
            surroundings = handler.handle(json.loads(line))
            if surroundings is not None:
                if job.play:
                    _receive_played(ours, handler)
                return surroundings
    except BaseException:
        # Nobody listens to it any more: silent for too long, over its budget, or the caller is being stopped.
        _end(handler.pid)
        raise
    raise ConnectionError("it ended before it had judged")


def _receive_played(ours: socket.socket, handler: _EventHandler) -> None:
    """All results are there. Whatever happens to the judge while it plays, they stand."""
    began = time.monotonic()
    try:
        for line in _lines(ours, handler):
            handler.handle(json.loads(line))
            if time.monotonic() - began > PLAY_SECONDS:
                raise TimeoutError
    except (OSError, _JudgeEnded):
        _end(handler.pid)
    finally:
        handler.watch = None


def _end(pid: int) -> None:
    """End a judge that nobody listens to any more."""
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _lines(ours: socket.socket, handler: _EventHandler) -> Iterator[bytes]:
    """Whole lines, until the judge ends. Raises _JudgeEnded, or TimeoutError after a long silence."""
    inbox = bytearray()
    silent_since = time.monotonic()
    while True:
        ready, _, _ = select.select([ours], [], [], LOOK_SECONDS)
        if not ready:
            watch = handler.watch
            if watch is not None and watch.is_over_budget():
                why = f"it took the grader more than {watch.seconds:g} s of processor time to check"
                raise _JudgeEnded(watch.test, why, over_budget=True)
            if time.monotonic() - silent_since > SILENCE_SECONDS:
                raise TimeoutError(f"silent for {SILENCE_SECONDS:g} s")
            continue
        silent_since = time.monotonic()
        chunk = ours.recv(2**18)
        if not chunk:
            return
        inbox += chunk
        *lines, rest = inbox.split(b"\n")
        inbox = bytearray(rest)
        yield from map(bytes, lines)


def _running() -> socket.socket:
    """The control socket of a server that runs. Under the lock."""
    global _server
    if _server is not None and _server[0] == os.getpid() and _server[1].poll() is None:
        return _server[2]
    if _server is not None:
        _server[2].close()
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-m", "autograder.judge.process", str(theirs.fileno())]
    with theirs:
        # One thread for the tests' own arithmetic: the other cores belong to the students' processes.
        variables = environment.clean() | dict.fromkeys(THREADS, "1")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), env=variables)
    _server = os.getpid(), process, control
    return control


def _last(words: IO[bytes]) -> str:
    """The end of what the judge wrote to standard error."""
    words.seek(max(0, words.seek(0, os.SEEK_END) - 4000))
    return words.read().decode(errors="replace").strip()
