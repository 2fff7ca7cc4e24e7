"""The HTTP server: waitress, with deadlines for its clients and lanes for what takes long.

    socket ── event loop ── a whole request ──> lane (threads) ──> application ──> the answer, in buffers ── event loop

A thread never waits for a client. The loop reads header and body first, the body beyond 512 kB into a temporary file,
and it writes the answer when the client takes it. So silent clients cost memory for a connection and nothing else, and
for that they have deadlines. `phase` says what a connection waits for:

    idle      the next request             `seconds` since the last byte
    header    the rest of a header         `seconds` since its first byte
    body      the rest of a body           `seconds` without a byte; `seconds` + its size / `rate` in all
    answer    the client to take it        `seconds` without a byte; `seconds` + its size / `rate` in all
    served    the application              none: that is our time
    refused   the rest of what was refused `LINGER_SECONDS`; it is thrown away, or the client would see no answer

Where connections or buffers become scarce, those go first that move least. Requests of a lane wait for its own threads:
many passwords at once, each a tenth of a second of work, make signing in slow and no page.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import resource
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

log = logging.getLogger("deepgrade.web")

HEADER_BYTES = 16 * 1024  # of a request; a longer header is answered 431
BUFFERS_MB = 512  # of bodies and answers that wait for clients, all connections together; mostly in temporary files
SPARE = 0.1  # share of the connections that is kept free for who comes next
LINGER_SECONDS = 5.0
STOP_SECONDS = 5.0  # a server that is told to stop finishes what it has begun, for so long
LOOK_SECONDS = 1.0  # between two looks at all connections
NEW_SECONDS = 1.0  # for so long the first byte of a connection may be under way
COMPLAIN_SECONDS = 60.0  # between two lines in the log that connections are closed to make room
OTHER_FILES = 256  # descriptors of all that is no connection
FILES = 3  # descriptors that a connection may need: its socket, a body, an answer

WAITED = "deepgrade.waited"  # in the environment of a request

PHASES = ("refused", "idle", "header", "body", "answer")  # in this order they go where room is needed

TOO_LARGE = "The upload is larger than any assignment allows; hand in only the files that the assignment names."


@dataclass(frozen=True)
class Limits:
    """What clients may take."""

    seconds: float = 30.0  # without a byte, or for a whole header; past it the connection is closed
    rate: float = 4 * 1024.0  # bytes a second, of a body or an answer on the whole
    connections: int = 1000  # at a time
    body_bytes: int = 16 * 2**20  # of a request; a larger one is answered 413


class _Task(WSGITask):
    def get_environment(self) -> dict[str, Any]:
        """Without `wsgi.file_wrapper`: what it holds would stay in memory until the client has taken it.

        `deepgrade.waited` : seconds since its last byte came, in which it waited for a thread
        """
        environ: dict[str, Any] = super().get_environment()
        environ.pop("wsgi.file_wrapper", None)
        environ[WAITED] = time.monotonic() - self.request.complete_at
        return environ


class _Refusal(ErrorTask):
    """What cannot be a request, or is too large, in a sentence."""

    def execute(self) -> None:
        error = self.request.error
        words = TOO_LARGE if error.code == 413 else f"{error.reason}."
        body = f"{words}\n".encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):
    """A connection."""

    task_class = _Task
    error_task_class = _Refusal

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._answers = 0
        self._refused = self._lingers = False
        self._seen: tuple[str, object] = ("", None)
        self._since = time.time()
        self._size = 0
        super().__init__(*arguments, **options)

    def received(self, data: bytes) -> bool:
        read: bool = super().received(data)
        now = time.monotonic()
        with self.requests_lock:
            for request in self.requests:
                request.complete_at = getattr(request, "complete_at", now)
        return read

    def service(self) -> None:
        self._answers += 1
        self._refused = self.requests[0].error is not None
        super().service()

    def readable(self) -> bool:
        return self.connected and (self._lingers or super().readable())

    def writable(self) -> bool:
        return self.connected and bool(self.will_close or (not self._lingers and super().writable()))

    def handle_read(self) -> None:
        if not self._lingers:
            super().handle_read()
        elif not self._drained():
            self.will_close = True

    def handle_close(self) -> None:
        """After a refusal the client may still be sending: closed now, the kernel would take our answer back."""
        if self._refused and not self._lingers and self.connected:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self._lingers, self.will_close = True, False
                return
        super().handle_close()

    def drop(self) -> None:
        """Close it now, whatever is still to be sent: a client that does not read would keep it in the kernel, and the
        loop would wait for the day on which it can be written."""
        self._lingers = True
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handle_close()

    def _drained(self) -> bool:
        """Throw away what has come. False: nothing more will."""
        try:
            return bool(self.recv(2**16))
        except OSError:
            return False

    @property
    def phase(self) -> str:
        """What it waits for."""
        if self._lingers:
            return "refused"
        if self.total_outbufs_len:
            return "answer"
        if self.requests:
            return "served"
        if self.request is None:
            return "idle"
        return "body" if self.request.headers_finished else "header"

    @property
    def buffered(self) -> int:
        """Bytes that are kept for it."""
        body: int = self.request.body_bytes_received if self.request is not None else 0
        waiting: int = self.total_outbufs_len
        return body + waiting

    def is_late(self, now: float, limits: Limits) -> bool:
        """Has its client had all the time that it has for this phase?"""
        phase = self._look(now, limits)
        if phase == "served":
            return False
        if phase == "header":
            return now - self._since > limits.seconds
        if phase == "refused":
            return now - self._since > LINGER_SECONDS
        if now - self.last_activity > limits.seconds:
            return True
        return phase != "idle" and now - self._since > limits.seconds + self._size / limits.rate

    def speed(self, now: float) -> float:
        """Bytes a second that it has moved in this phase."""
        phase, _ = self._seen
        moved = self._size - self.total_outbufs_len if phase == "answer" else self.buffered
        return moved / max(LOOK_SECONDS, now - self._since)

    def importance(self, now: float) -> tuple[int, float, float]:
        """Where room is needed, the least one goes. A new connection has not had the time to send anything: it counts
        as a body of which nothing has come. Silent ones go before it, and it goes before an upload that moves."""
        phase = self.phase
        if phase == "idle" and not self._answers and now - self.creation_time < NEW_SECONDS:
            phase = "body"
        return PHASES.index(phase), self.speed(now), self.last_activity

    def _look(self, now: float, limits: Limits) -> str:
        """The phase; where it is another one than at the last look, its time begins now."""
        phase = self.phase
        seen = (phase, self._answers if phase == "answer" else self.request)
        if seen != self._seen:
            self._seen, self._since = seen, now
            self._size = self.total_outbufs_len
            if phase == "body":
                self._size = self.request.content_length or limits.body_bytes  # of chunks nobody says how many come
        return phase


class Lanes:
    """Threads for each kind of request: `others` for all that no lane is for."""

    def __init__(self, lane_of: Callable[[str, str], str], threads: Mapping[str, int]) -> None:
        """lane_of : (method, path) -> name of a lane
        threads : of each lane, `others` among them
        """
        self._lane_of = lane_of
        self._lanes = {name: ThreadedTaskDispatcher() for name in threads}
        for name, count in threads.items():
            self._lanes[name].set_thread_count(count)

    def add_task(self, channel: Channel) -> None:
        request = channel.requests[0]
        path, method = getattr(request, "path", ""), getattr(request, "command", "")
        self._lanes[self._lane_of(method, path)].add_task(channel)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 0.0) -> bool:
        ended = [lane.shutdown(cancel_pending, timeout) for lane in self._lanes.values()]
        return all(ended)


class Server(TcpWSGIServer):
    """On a socket that listens already."""

    channel_class = Channel

    def __init__(
        self, application: Callable[..., Iterable[bytes]], listener: socket.socket, lanes: Lanes, limits: Limits
    ):
        self.limits = limits = dataclasses.replace(limits, connections=_affordable(limits.connections))
        self.told_to_stop = False
        self._complained = 0.0
        adjustments = Adjustments(
            sockets=[listener],
            connection_limit=limits.connections + FILES,  # the loop counts the socket and its own trigger as well
            cleanup_interval=LOOK_SECONDS,
            asyncore_loop_timeout=LOOK_SECONDS,
            asyncore_use_poll=True,
            max_request_header_size=HEADER_BYTES,
            max_request_body_size=limits.body_bytes,
            outbuf_high_watermark=BUFFERS_MB * 2**20,  # no thread waits for a client
            clear_untrusted_proxy_headers=False,  # the application believes them where there is a proxy, or not at all
            log_socket_errors=False,
            ident=None,
        )
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            application, {}, True, listener, dispatcher=lanes, adj=adjustments, sockinfo=address, bind_socket=False
        )

    def readable(self) -> bool:
        """May one more be accepted? Asked in each turn: a flood of silent connections is not waited for."""
        if self.accepting and len(self.active_channels) >= self.limits.connections:
            self.maintenance(time.time())
        return bool(super().readable())

    def maintenance(self, now: float) -> None:
        """Close the connections whose clients are late, and where room is needed those that move least."""
        waiting = []
        for channel in list(self.active_channels.values()):
            if channel.is_late(now, self.limits):
                channel.drop()
            elif channel.phase in PHASES:
                waiting.append(channel)
        self._make_room(waiting, now)

    def _make_room(self, waiting: list[Channel], now: float) -> None:
        excess = len(self.active_channels) - int((1 - SPARE) * self.limits.connections)
        buffered = sum(channel.buffered for channel in waiting) - BUFFERS_MB * 2**20
        if excess <= 0 and buffered <= 0:
            return
        order = sorted(waiting, key=lambda one: one.importance(now))
        closed = 0
        for channel in order:
            if excess <= 0 and (buffered <= 0 or not channel.buffered):
                continue
            excess, buffered, closed = excess - 1, buffered - channel.buffered, closed + 1
            channel.drop()
        if now - self._complained > COMPLAIN_SECONDS:
            self._complained = now
            log.warning("%d connections are closed to make room; %d are open", closed, len(self.active_channels))

    def run_until_told_to_stop(self) -> None:
        """Serve; then finish what is being answered, within STOP_SECONDS."""
        while not self.told_to_stop:
            self._turn()
        self.accepting = False
        until = time.time() + STOP_SECONDS
        while time.time() < until and any(one.phase in ("served", "answer") for one in self.active_channels.values()):
            self._turn()
        self.task_dispatcher.shutdown(timeout=0.0)

    def _turn(self) -> None:
        wasyncore.loop(timeout=LOOK_SECONDS, use_poll=True, map=self._map, count=1)


def _affordable(wanted: int) -> int:
    """So many connections as there are files for, the limit of this process raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES * wanted + OTHER_FILES
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < needed:
        wanted = max(1, (most - OTHER_FILES) // FILES)
        log.warning("at most %d connections at a time: this process may have %d files open (ulimit -Hn)", wanted, hard)
    return wanted
