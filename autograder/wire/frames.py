"""Frames as bytes: a prefix with two lengths, a header, and a body."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from autograder.wire.bounds import MAX_HEADER, Buffer, WireError

PREFIX = struct.Struct(">IQ")
JOINED = 2**16  # bytes of arrays up to which a frame is one piece

_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder()


def pack(header: list[Any], buffers: list[Buffer]) -> list[Buffer]:
    """A frame as pieces to be written one after the other."""
    data = _packer.encode(header)
    size = sum(len(buffer) for buffer in buffers)
    prefix = PREFIX.pack(len(data), size)
    # One write where it is short: a second one costs more than the copy.
    return [b"".join((prefix, data, *buffers))] if size < JOINED else [prefix + data, *buffers]


def lengths(prefix: Buffer, max_body: int, max_header: int = MAX_HEADER) -> tuple[int, int]:
    """(header, body) lengths of a frame, refused before a byte of them is read if they are too large."""
    header, body = PREFIX.unpack(prefix)
    if header > max_header or body > max_body:
        raise WireError(f"a frame of {header} + {body} bytes is larger than the limit of {max_header} + {max_body}")
    return header, body


def unpack(data: Buffer) -> Any:
    """What msgpack made of these bytes."""
    try:
        return _unpacker.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise WireError(f"not a header: {type(error).__name__}") from None


def unpack_header(data: Buffer) -> list[Any]:
    header = unpack(data)
    if type(header) is not list or not header or type(header[0]) is not str:
        raise WireError("not a header")
    return header


def read(recv_into: Callable[[memoryview], int], max_body: int) -> Iterator[tuple[list[Any], Buffer]]:
    """Frames from a blocking source that is trusted, until it ends: a submission's files lie in a header.

    (The judge, under deadlines and limits, reads for itself.)
    """
    while True:
        prefix = _exactly(recv_into, PREFIX.size)
        if prefix is None:
            return
        header_length, body_length = lengths(prefix, max_body, max_header=max_body)
        header, body = _exactly(recv_into, header_length), _exactly(recv_into, body_length)
        if header is None or body is None:
            return
        yield unpack_header(header), body


def _exactly(recv_into: Callable[[memoryview], int], size: int) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = recv_into(view)
        if got == 0:
            return None
        view = view[got:]
    return data
