"""Frames of the wire, and arrays with any bits in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import wire


def frame(value: Any) -> bytes:
    encoder = wire.Encoder()
    return b"".join(bytes(piece) for piece in wire.pack(["value", encoder.value(value)], encoder.buffers))


def read(data: bytes, max_body: int = 2**20) -> Any:
    """What a whole frame holds. Raises WireError."""
    header, body = wire.lengths(data[: wire.PREFIX.size], max_body)
    start = wire.PREFIX.size
    tree = wire.unpack_header(data[start : start + header])
    decoder = wire.Decoder(data[start + header : start + header + body])
    return decoder.value(tree[1] if len(tree) > 1 else None)


def crossed(value: Any) -> Any:
    return read(frame(value), max_body=2**26)


def decoded(tree: Any, body: bytes = b"") -> Any:
    return wire.Decoder(body).value(tree)


dtypes = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)


@st.composite
def arrays(draw: Any) -> np.ndarray:
    """Any bits in any dtype: also NaN with a payload, and no axes, empty axes, strides and Fortran's order."""
    dtype = draw(dtypes)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    size = math.prod(shape) * dtype.itemsize
    data = draw(st.binary(min_size=size, max_size=size))
    if dtype.kind == "b":
        data = bytes(byte & 1 for byte in data)
    array = np.frombuffer(data, dtype).reshape(shape)
    return {
        "c": lambda: array,
        "f": lambda: np.asfortranarray(array),
        "t": lambda: array.T,
        "s": lambda: array[..., ::2],
    }[draw(st.sampled_from("cfts" if shape else "c"))]()
