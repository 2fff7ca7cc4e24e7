"""The wire between a host's bell and one of its slots: a socket pair, whose ends `deepgrade worker` keeps open.

    slot ── "idle", "busy" ──> bell        what it is; said again every few seconds, so that each may be started anew
    slot <────── "look" ────── bell        a ticket has come: look into the database

What is said twice or into a process that has just died costs a look, or a few seconds.
"""

from __future__ import annotations

import contextlib
import select
import socket

IDLE, BUSY, LOOK = b"idle", b"busy", b"look"
WAIT_SECONDS = 3.0  # then a slot looks although nobody has rung


def pair() -> tuple[socket.socket, socket.socket]:
    """The slot's end, the bell's end."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def say(end: socket.socket, word: bytes) -> None:
    with contextlib.suppress(BlockingIOError):  # nobody reads just now: it will be said again
        end.send(word)


def hear(end: socket.socket) -> list[bytes]:
    """All that was said since the last time. Raises EOFError where nobody is left who could say more."""
    words: list[bytes] = []
    with contextlib.suppress(BlockingIOError):
        while word := end.recv(16):
            words.append(word)
        if not words:
            raise EOFError
    return words


def wait_for_ring(end: socket.socket) -> None:
    """A slot's rest: until it is rung, or WAIT_SECONDS have passed, or a signal has come."""
    say(end, IDLE)
    select.select([end], [], [], WAIT_SECONDS)
    hear(end)
