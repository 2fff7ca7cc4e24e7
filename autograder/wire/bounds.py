"""What a frame may hold, and what is raised for anything else."""

from __future__ import annotations

import numpy as np

MAX_HEADER = 4 * 2**20  # bytes; some 200,000 small values. An empty list is 1 byte there and 64 in memory
MAX_DEPTH = 32
MAX_VALUES = 200_000
MAX_EMPTY = 2**20  # bytes that an array without entries would have, if its empty sides were one long
MAX_ODD_KEYS = 2_000  # dict keys that are no text: hashes of numbers can be made to collide, which is quadratic time
VALUE_BYTES = 16  # at most, of a small value in a header
SHAPE_BYTES = 5  # the same of one side of an array
DTYPES = {
    np.dtype(code).str: np.dtype(code)
    for code in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
}
# Of tensors, by name; those that numpy has no dtype for lie in the body as integers of their size.
TENSOR_DTYPES = {name: np.dtype(name) for name in ("float64", "float32", "float16", "int64", "int32", "int16")}
TENSOR_DTYPES |= {name: np.dtype(name) for name in ("int8", "uint8", "bool")} | {"bfloat16": np.dtype("int16")}

Buffer = bytes | bytearray | memoryview


class WireError(Exception):
    """Bytes that are no frame, or a value that no frame can hold."""
