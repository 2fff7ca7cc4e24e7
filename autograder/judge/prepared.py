"""A process that has collected an assignment's tests, and forks a judge for each job.

    server ── orders ──> prepared process ── fork ──> judge: one job
                               │
                               └── fork ──> recorder: the reference runs the tests that are run for a second time, and
                                            their examples come back over a pipe (recording.py)

Nobody waits for the recorder: a judge replays what has come back when it is forked, and draws the rest. This process
runs no test itself, so every judge begins alike.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from autograder.core.errors import DeepgradeError
from autograder.course import manifest as manifests
from autograder.judge import verdicts
from autograder.judge.forked import end_with, print_to
from autograder.judge.job import JOBS, Job, Order
from autograder.judge.judge import judge
from autograder.judge.recorder_process import RecorderProcess
from autograder.judge.recording import Recording
from autograder.judge.run import Collection, collect
from autograder.judge.sandbox_pool import Loan, SandboxPool
from autograder.judge.session import Event
from autograder.sandbox import gpu as gpus


def serve(control: socket.socket, order: Order, descriptors: list[int], server: int) -> NoReturn:
    """In the forked process: collect the tests, then serve this order and those that come, until the server hangs up.

    descriptors : of the order: its job socket, and the file for what is printed.
    server : the process that has forked this one, with which it ends.
    """
    try:
        end_with(server)
        print_to(descriptors[1])
        _serve(control, order, *descriptors)
        with suppress(ChildProcessError):
            while True:  # its judges end with this process, so it stays for as long as they run
                os.waitpid(-1, 0)
    except BaseException:
        _end_with_a_traceback()
    os._exit(0)


def _serve(control: socket.socket, order: Order, events: int, printed: int) -> None:
    def serve(collection: Collection) -> None:
        gc.collect()
        gc.freeze()
        prepared = _Prepared(control, collection)
        prepared.judge(events, printed)
        prepared.serve()

    try:
        collect([Path(path) for path in order.tests], serve)
    except DeepgradeError as error:  # pytest itself failed
        with socket.socket(fileno=events) as connection:
            _send(connection, _fault(error))


class _Prepared:
    """The tests, and what is known of their examples."""

    def __init__(self, control: socket.socket, collection: Collection) -> None:
        self._control, self._collection = control, collection
        self._recording = Recording()
        self._recorder: RecorderProcess | None = None
        self._pool = SandboxPool()
        self._is_first = True  # no job has come yet
        self._run: set[str] = set()  # names of tests that a job has run
        self._tried: set[str] = set()  # names of tests that the reference has run, or runs

    def serve(self) -> None:
        """Orders, until the server hangs up. What judges have lent is then taken back, as they end."""
        control = self._control.fileno()
        while True:
            recorder = self._recorder
            waited_for = [control, *self._pool.descriptors(), *([recorder.pipe] if recorder else [])]
            ready, _, _ = select.select(waited_for, [], [])
            self._pool.attend(ready)
            if recorder and recorder.pipe in ready and not recorder.receive(self._recording):
                self._recorder = None
            if control in ready:
                message, descriptors, _, _ = socket.recv_fds(self._control, 65536, 2)
                if not message:
                    break
                self.judge(*descriptors)
        self._pool.close(lent=False)
        while self._pool:
            self._pool.attend(select.select(self._pool.descriptors(), [], [])[0])
            self._pool.close(lent=False)

    def judge(self, events: int, printed: int) -> None:
        """Fork a judge for the job that comes from the job socket."""
        with socket.socket(fileno=events) as connection, open(printed, "wb") as words:
            loan = None
            try:
                with connection.makefile("rb") as stream:
                    job = JOBS.json(stream.read())
                loan = self._loan(job)
                parent = os.getpid()
                if os.fork() == 0:
                    self._control.close()
                    _judge(connection, words.fileno(), job, self._collection, self._recording, loan, parent)
            except (OSError, ValueError, msgspec.MsgspecError):
                traceback.print_exc()  # the caller has gone, or no process can be forked; the socket is closed
                return
            finally:
                if loan is not None:
                    loan.hand_over()
        self._record(job)  # after both are closed here: the recorder must not hold them

    def _loan(self, job: Job) -> Loan | None:
        """A sandbox for this job. The first job is served without one: it may be the only one."""
        is_first, self._is_first = self._is_first, False
        if is_first or job.container:
            return None
        try:
            manifest = manifests.load(Path(job.manifest))
            if manifest.device == "gpu" and gpus.assigned() is not None:
                return None  # a card is held by one job, and so is its sandbox
        except DeepgradeError:  # the judge says what is wrong
            return None
        return self._pool.lend(manifest)

    def _record(self, job: Job) -> None:
        """Start to record the tests of this job that another one has run before."""
        names = set(self._collection.recordable(job.only, job.with_needs))
        due = (names & self._run) - self._tried
        self._run |= names
        if due and self._recorder is None and job.reference:
            self._tried |= due
            self._recorder = RecorderProcess(self._collection, job, sorted(due))


def _judge(
    connection: socket.socket,
    printed: int,
    job: Job,
    collection: Collection,
    recording: Recording,
    loan: Loan | None,
    parent: int,
) -> NoReturn:
    """In the forked process: one job, then the end."""
    try:
        end_with(parent)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        print_to(printed)
        faulthandler.enable()
        _send(connection, {"event": "begun", "pid": os.getpid()})
        try:
            judge(job, lambda event: _send(connection, event), collection, recording, loan)
        except DeepgradeError as error:
            _send(connection, _fault(error))
        except Exception as error:
            _send(connection, {"event": "fault", "kind": "GraderError", "message": verdicts.full_text(error)})
    except BaseException:
        _end_with_a_traceback()
    os._exit(0)


def _fault(error: DeepgradeError) -> Event:
    return {"event": "fault", "kind": type(error).__name__, "message": str(error)}


def _send(connection: socket.socket, event: Event) -> None:
    connection.sendall(json.dumps(event).encode() + b"\n")


def _end_with_a_traceback() -> NoReturn:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
