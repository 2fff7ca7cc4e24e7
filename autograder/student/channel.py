"""Requests and replies over a worker's socket, every byte both ways under a deadline.

What the worker prints is drained meanwhile, so that it can neither block nor flood us. Whatever goes wrong here is a
`StudentGone`: the test is over.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from autograder import wire
from autograder.core.errors import BrokenProtocol, GraderError, OutOfMemory, StudentGone, TimedOut
from autograder.course.manifest import Limits
from autograder.sandbox import Worker
from autograder.student.exceptions import HandleInCallback, printable

LOOK_SECONDS = 0.25  # between two looks at the memory limit while a call runs
REPLIES = 16  # times reply_mb, all replies of one test together; past it the test is `died`
CHUNK = 2**18
POLL_IN = select.POLLIN | select.POLLHUP | select.POLLERR

# Answers a callback: (number, args tree, kwargs tree, decoder) -> (tree, buffers), or raises.
Answer = Callable[[Any, Any, Any, wire.Decoder], tuple[Any, list[wire.Buffer]]]
# Reads a reply's fields; raises WireError where they are no reply.
Read = Callable[[list[Any], wire.Decoder], Any]


class Channel:
    def __init__(self, worker: Worker, limits: Limits) -> None:
        self._worker, self._limits = worker, limits
        self._socket = worker.socket
        self._poll = select.poll()
        self._poll.register(worker.output, POLL_IN)
        self._poll.register(self._socket, POLL_IN)
        self._inbox = bytearray()
        self._output = bytearray()
        self._dropped = False
        self._received = 0  # bytes
        self._left = limits.test_seconds
        self.seq = 0  # number of the last request
        self._gone: StudentGone | GraderError | None = None
        self._busy = False  # a request waits for its reply

    def request(
        self, kind: str, fields: list[Any], buffers: list[wire.Buffer], *, read: Read, answer: Answer, what: str
    ) -> Any:
        """Send one request and return its reply, as `read` reads it. Raises StudentGone, or SandboxLost."""
        if self._gone is not None:
            raise self._gone
        if self._busy:
            raise HandleInCallback(what)
        seconds = min(self._limits.seconds, self._left)
        began = time.monotonic()
        deadline = began + seconds
        self.seq += 1
        self._busy = True
        try:
            self._check_that_nothing_waits()
            reply, decoder = self._exchange(kind, fields, buffers, answer, deadline)
            return read(reply, decoder)
        except _DeadlinePassed:
            whole = self._left < self._limits.seconds
            limit = f"{self._limits.test_seconds:g} s for all calls of one test" if whole else f"{seconds:g} s"
            self._gone = TimedOut(f"{what} took longer than {limit}")
        except _MemoryExhausted:
            self._gone = OutOfMemory(f"{what} used more memory than the limit")
        except wire.WireError as error:
            self._gone = BrokenProtocol(f"{what} answered with something that is no answer: {error}")
        except _ConnectionClosed:
            self._gone = self._cause(what)
        finally:
            self._busy = False
            self._left -= time.monotonic() - began
        raise self._gone

    def peak_memory(self) -> int | None:
        """Bytes, the most that the sandbox has held since the worker began; None where nothing counts them."""
        return self._worker.peak_memory()

    def output(self) -> str:
        """What the worker printed, cut at the limit, as text with control characters escaped."""
        with contextlib.suppress(OSError):
            # Not to the end: a child that prints faster than we read would keep us here.
            while not self._dropped and self._take():
                pass
        text = printable(self._output.decode(errors="backslashreplace"))
        return text + ("\n... (more was printed, and dropped)" if self._dropped else "")

    def _check_that_nothing_waits(self) -> None:
        """An answer that is there before its question can be no answer to it."""
        waiting = len(self._inbox)
        if not waiting:
            with contextlib.suppress(OSError):
                waiting = len(self._socket.recv(1, socket.MSG_PEEK))
        if waiting:
            raise wire.WireError("an answer to another question")

    def _exchange(
        self, kind: str, fields: list[Any], buffers: list[wire.Buffer], answer: Answer, deadline: float
    ) -> tuple[list[Any], wire.Decoder]:
        failure: Exception | None = None
        self._write(wire.pack([kind, self.seq, *fields], buffers), deadline)
        while True:
            header, decoder = self._read_frame(deadline)
            if len(header) < 3 or header[1] != self.seq:
                raise wire.WireError("an answer to another question")
            if header[0] != "callback":
                if failure is not None:
                    raise failure
                return [header[0], *header[2:]], decoder
            if len(header) != 5:
                raise wire.WireError("not a callback")
            number, args, kwargs = header[2:]
            try:
                tree, back = answer(number, args, kwargs, decoder)
            except wire.WireError:
                raise
            except Exception as error:  # of the test's own function: raised when the student's has returned
                failure = error
                self._write(wire.pack(["refuse", self.seq], []), deadline)
            else:
                self._write(wire.pack(["answer", self.seq, tree], back), deadline)

    def _cause(self, what: str) -> StudentGone | GraderError:
        try:
            cause = self._worker.cause_of_death()
        except GraderError as lost:
            return lost
        return type(cause)(f"{what}: {cause}")

    # bytes

    def _write(self, pieces: list[wire.Buffer], deadline: float) -> None:
        for piece in pieces:
            view = memoryview(piece).cast("B") if len(piece) else memoryview(b"")
            while view:
                try:
                    view = view[self._send(view[:CHUNK]) :]
                except BlockingIOError:
                    self._poll.modify(self._socket, select.POLLOUT | select.POLLERR | select.POLLHUP)
                    try:
                        self._wait(deadline)
                    finally:
                        self._poll.modify(self._socket, POLL_IN)

    def _send(self, piece: memoryview) -> int:
        try:
            return self._socket.send(piece)
        except BlockingIOError:
            raise
        except OSError:
            raise _ConnectionClosed from None

    def _receive(self) -> bytes:
        """Some bytes. Not an OSError when there are no more: a student's code may raise those as well."""
        try:
            chunk = self._socket.recv(CHUNK)
        except BlockingIOError:
            raise
        except OSError:
            raise _ConnectionClosed from None
        if not chunk:
            raise _ConnectionClosed
        return chunk

    def _read_frame(self, deadline: float) -> tuple[list[Any], wire.Decoder]:
        prefix = self._read(wire.PREFIX.size, deadline)
        header, body = wire.lengths(prefix, self._limits.reply_mb * 2**20)
        self._received += header + body
        if self._received > REPLIES * self._limits.reply_mb * 2**20:
            raise wire.WireError(f"all its answers are together larger than {REPLIES * self._limits.reply_mb:,} MB")
        tree = wire.unpack_header(self._read(header, deadline))
        return tree, wire.Decoder(self._read(body, deadline))

    def _read(self, size: int, deadline: float) -> bytearray:
        """The next `size` bytes. The inbox grows as bytes arrive: a length that lies costs nothing."""
        while len(self._inbox) < size:
            try:
                self._inbox += self._receive()
            except BlockingIOError:
                self._wait(deadline)
                continue
            if time.monotonic() > deadline:
                raise _DeadlinePassed
        data = self._inbox[:size]
        del self._inbox[:size]
        return data

    def _wait(self, deadline: float) -> None:
        """Until the socket can go on; drains the output meanwhile."""
        number = self._socket.fileno()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _DeadlinePassed
            events = self._poll.poll(min(left, LOOK_SECONDS) * 1000 + 1)
            # The kernel may have killed a child of the worker's, and the worker now waits for it for ever.
            if not events and self._worker.ran_out_of_memory():
                raise _MemoryExhausted
            for descriptor, _ in events:
                if descriptor != number and not self._drain():
                    self._poll.unregister(descriptor)
            if any(descriptor == number for descriptor, _ in events):
                return

    def _drain(self) -> bool:
        """Take what there is of the output; False at its end."""
        try:
            return self._take()
        except BlockingIOError:
            return True

    def _take(self) -> bool:
        chunk = os.read(self._worker.output, CHUNK)
        room = self._limits.output_kb * 1024 - len(self._output)
        self._output += chunk[: max(0, room)]
        self._dropped = self._dropped or len(chunk) > room
        return bool(chunk)


class _DeadlinePassed(Exception):
    pass


class _ConnectionClosed(Exception):
    pass


class _MemoryExhausted(Exception):
    pass
