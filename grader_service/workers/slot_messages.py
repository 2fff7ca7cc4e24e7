"""The messages between a pool and one of its slots: a socket pair, one message a packet.

pool ── "ticket", "look", "finish" ──> slot     take jobs; the same, but for no ticket; end after the current job
pool <──────────── Reply ───────────── slot     what it has done; after each reply, and at its start, it is idle
"""

from __future__ import annotations

import contextlib
import select
import socket

import msgspec

from autograder.core.decoding import TypedDecoder

TICKET, LOOK, FINISH = b"ticket", b"look", b"finish"
WAIT_SECONDS = 1.0  # an idle slot returns so often, to see whether it must stop
MOST_BYTES = 65_536


class Reply(msgspec.Struct, frozen=True):
    """What a slot has done for one message.

    graded : submissions whose job ended with a report
    faults : submissions on which the grader failed
    more : more jobs wait for this slot
    """

    graded: list[int] = []
    faults: list[int] = []
    more: bool = False


REPLIES: TypedDecoder[Reply] = TypedDecoder(Reply)


def pair() -> tuple[socket.socket, socket.socket]:
    """The pool's end and the slot's end."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def tell(end: socket.socket, word: bytes) -> None:
    """To a slot. A slot has at most two unread messages, so there is always room."""
    with contextlib.suppress(BlockingIOError):
        end.send(word)


def wait(end: socket.socket) -> bytes | None:
    """The next message for a slot; None: none came within WAIT_SECONDS. Raises EOFError if the pool has ended."""
    select.select([end], [], [], WAIT_SECONDS)
    try:
        word = end.recv(16)
    except BlockingIOError:
        return None
    if not word:
        raise EOFError
    return word


def answer(end: socket.socket, reply: Reply) -> None:
    """To the pool, whose thread always reads."""
    select.select([], [end], [])
    end.send(msgspec.json.encode(reply))


def replies(end: socket.socket) -> list[Reply]:
    """All replies since the last call."""
    packets = []
    with contextlib.suppress(BlockingIOError):
        while packet := end.recv(MOST_BYTES):
            packets.append(packet)
    return [REPLIES.json(packet) for packet in packets]


def drop_unread(end: socket.socket) -> None:
    """Nobody will read what was sent to this end: its process has ended."""
    with contextlib.suppress(BlockingIOError):
        while end.recv(MOST_BYTES):
            pass
