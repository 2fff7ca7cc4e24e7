"""The caller's end of the judges: starts their server, gives it jobs, and hears their events.

One server serves all threads of a process. It is started when first needed, or ahead of that with `warm`, and again
should it have ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

import msgspec

from autograder import errors
from autograder.errors import GraderError
from autograder.judge.job import Job, Judged

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SILENCE_SECONDS = 900.0  # without one event from a judge; past it the judge is ended: our fault

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
    """
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as words:
        with theirs, _lock:
            socket.send_fds(_running(), [" ".join(["j", *packages]).encode()], [theirs.fileno(), words.fileno()])
        try:
            return _hear(ours, job, on_event)
        except OSError as error:
            raise GraderError(f"the judge's process is gone ({error}): {_last(words)}") from error


def _hear(ours: socket.socket, job: Job, on_event: Callable[[dict[str, Any]], None]) -> Judged:
    ours.settimeout(SILENCE_SECONDS)
    pid = 0
    try:
        ours.sendall(msgspec.json.encode(job))
        ours.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # it ended in the middle of a word
                event = json.loads(line)
                if event["event"] == "judged":
                    return msgspec.convert(event["judged"], Judged)
                if event["event"] == "fault":
                    raise getattr(errors, event["kind"], GraderError)(event["message"])
                if event["event"] == "begun":
                    pid = event["pid"]
                else:
                    on_event(event)
    except BaseException:
        # Nobody listens to it any more: silent for too long, or the caller is being stopped.
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise
    raise ConnectionError("it ended before it had judged")


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
        environment = os.environ | dict.fromkeys(THREADS, "1")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), env=environment)
    _server = os.getpid(), process, control
    return control


def _last(words: IO[bytes]) -> str:
    """The end of what the judge wrote to standard error."""
    words.seek(max(0, words.seek(0, os.SEEK_END) - 4000))
    return words.read().decode(errors="replace").strip()
