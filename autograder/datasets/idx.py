"""The IDX format of MNIST: a magic number, the shape, the bytes.

    0 0 8 d | d lengths, 4 bytes each, big endian | the entries, one byte each, the last axis fastest

8 says that entries are unsigned bytes, the only kind read here; d is the number of axes.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np

from autograder.datasets.files import BadData

LIMIT = 2**26  # bytes unpacked; MNIST's largest file has 47,040,016
MOST_AXES = 4


def parse(data: bytes, axes: int, location: Path | str) -> np.ndarray:
    """The array of `axes` axes in the bytes of an IDX file, uint8, not copied and not to be written to.

    location : the file, for the message.   Raises BadData if the bytes are not such a file.
    """
    head = 4 + 4 * axes
    if len(data) < head:
        raise BadData(f"{location}: has {len(data)} bytes, and the head of an IDX file of {axes} axes has {head}")
    magic = bytes([0, 0, 8, axes])
    if data[:4] != magic:
        raise BadData(
            f"{location}: begins with {data[:4].hex(' ')}, and an IDX file of {axes} axes with {magic.hex(' ')}"
        )
    shape = struct.unpack(f">{axes}I", data[4:head])
    announced, present = math.prod(shape), len(data) - head  # Python's integers: they do not wrap around
    if announced != present:
        raise BadData(
            f"{location}: announces {' x '.join(map(str, shape))} = {announced} entries, and {present} follow"
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def unzip(data: bytes, location: Path | str, limit: int = LIMIT) -> bytes:
    """The contents of a gzip file of one member. Raises BadData if it is damaged or longer than the limit."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise BadData(f"{location}: is not a gzip file ({error})") from error
    if len(unpacked) > limit:
        raise BadData(f"{location}: unpacks to more than {limit} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise BadData(f"{location}: its gzip data {'ends early' if not unpacker.eof else 'is followed by other bytes'}")
    return unpacked
