"""One test's process in a sandbox: its data socket, its output, and why it died."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import time
from typing import Any, Protocol

from autograder.core.errors import Died, GraderError, OutOfMemory, SandboxLost, StudentGone
from autograder.course.manifest import Limits
from autograder.sandbox.command import is_root
from autograder.student_process import READY

READY_SECONDS = 30.0  # from fork to "ready", before any student code; past it the sandbox is lost
GRACE_SECONDS = 1.0  # for a worker that hung up to end by itself, so that its exit status can be told
# Bubblewrap's two, the zygote, and the next worker; without namespaces the zygote, this worker's supervisor with the
# process that kills for it, and the next worker with its supervisor.
OWN_PROCESSES = 6

_numbers = itertools.count()


class Zygote(Protocol):
    """The sandbox around a worker, which forks it, ends it, and counts its memory."""

    @property
    def limits(self) -> Limits: ...

    def tell(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Give an order. Raises SandboxLost."""

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Give an order, and wait for its answer. Raises SandboxLost."""

    def memory_was_exceeded(self) -> bool: ...

    def peak_memory(self) -> int | None:
        """Bytes; None where nothing counts them."""


class Worker:
    """One test's process. Leave its context to end it and everything that it has started."""

    def __init__(self, sandbox: Zygote) -> None:
        self._sandbox = sandbox
        self._id = next(_numbers)
        self._ended = False
        limits = sandbox.limits
        self.socket, data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.output, pipe = os.pipe()
        os.set_blocking(self.output, False)
        order = {
            "op": "spawn",
            "id": self._id,
            "memory_mb": limits.memory_mb,
            "files_mb": limits.files_mb,
            # An ordinary user has one uid here, which our own processes have as well.
            "processes": limits.processes + (0 if is_root() else OWN_PROCESSES),
        }
        try:
            sandbox.tell(order, (data.fileno(), pipe))
        except BaseException:
            self._close()
            raise
        finally:
            data.close()
            os.close(pipe)

    def wait_until_ready(self) -> None:
        """Its walls stand, and it has said so, before there is a student's file in it. Raises SandboxLost."""
        self.socket.settimeout(READY_SECONDS)
        try:
            said = self.socket.recv(len(READY), socket.MSG_WAITALL)
        except OSError as error:
            raise SandboxLost(f"a worker did not start: {error}") from error
        finally:
            self.socket.setblocking(False)
        if said != READY:
            raise SandboxLost(f"a worker did not start: {self._complaint()}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.end()
        except SandboxLost:
            # What it left running may have brought the sandbox down after its last answer: its own fault, not ours.
            if not self.ran_out_of_memory():
                raise
            raise OutOfMemory("used more memory than the limit") from None
        finally:
            self._close()

    def discard(self) -> None:
        """Of one that no test has used."""
        with contextlib.suppress(SandboxLost):
            self.end()
        self._close()

    def _close(self) -> None:
        self.socket.close()
        os.close(self.output)

    def _complaint(self) -> str:
        try:
            return os.read(self.output, 1000).decode(errors="replace").strip()
        except OSError:
            return "it hung up"

    def end(self, grace_seconds: float = 0.0) -> int:
        """Kill it; its exit status, negative where it still ran after the grace. Raises SandboxLost."""
        if self._ended:
            return 0
        self._ended = True
        return int(self._sandbox.ask({"op": "end", "id": self._id, "grace_seconds": grace_seconds})["status"])

    def peak_memory(self) -> int | None:
        return self._sandbox.peak_memory()

    def ran_out_of_memory(self) -> bool:
        """Has the limit been reached since this was last asked?"""
        return self._sandbox.memory_was_exceeded()

    def cause_of_death(self) -> StudentGone:
        """Why it hung up. Raises SandboxLost where the sandbox fell, and no memory limit was reached."""
        # The kernel counts its kill a moment after the socket closes.
        lost: GraderError | None = None
        status = 0
        try:
            status = self.end(grace_seconds=GRACE_SECONDS)
        except SandboxLost as error:
            lost = error
        for _ in range(20):
            if self._sandbox.memory_was_exceeded():
                return OutOfMemory("used more memory than the limit")
            if lost is None and status != 128 + signal.SIGKILL:
                break
            time.sleep(0.01)
        if lost:
            raise lost
        return Died(f"its process ended ({_status_in_words(status)})")


def _status_in_words(status: int) -> str:
    if status > 128:
        try:
            return f"signal {signal.Signals(status - 128).name}"
        except ValueError:
            return f"signal {status - 128}"
    return f"exit status {status}" if status >= 0 else "it closed its connection"
