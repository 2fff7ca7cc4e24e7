"""Values as bytes, between the judge and a student's worker.

Data only: a reply can be wrong but can never run code.

    frame  = header length (4 bytes, big endian) + body length (8 bytes) + header (msgpack) + body (array bytes)
    header = a list; values in it are trees of the forms below; arrays lie in the body, in the order of the header

    None  bool  int (64 bit)  float  str  bytes        themselves
    ["l", items]  ["t", items]  ["d", [[key, value]]]   list, tuple, dict
    ["a", dtype, shape]                                 np.ndarray, its bytes in the body
    ["x", dtype, shape]                                 torch.Tensor, likewise; without its graph, from any device
    ["s", dtype, bytes]                                 numpy scalar
    ["i", hex]  ["z", real, imag]                       larger int, complex
    ["g", state, inc, has_uint32, uinteger, seeds]      np.random.Generator over PCG64
        seeds = None, or [entropy, spawn key, pool size, children spawned] of its SeedSequence
    ["h", id, class name]                               an object that stays in the worker
    ["T", id, items]  ["L", id, items]  ["D", id, [[key, value]]]
                                                        an instance of a subclass of tuple, list or dict: what is in it,
                                                        and the object itself by id
    ["r", id]                                           the judge names such an object
    ["c", number]                                       a function that stays with the judge

This room is all that trusted and untrusted code share; it imports nothing of ours, and torch only where somebody
else has done so: then tensors are values here, and in a numpy assignment nobody waits for it. Decoding is bounded:
depth, number of values, bytes, and a fixed set of dtypes. Anything else is a `WireError`.

An encoder that can hold objects (a worker's) keeps to the same bounds: what is too large, too deep, or has too many
keys that are no text stays where it is and crosses as an object.
"""

from autograder.wire.bounds import (
    DTYPES,
    MAX_DEPTH,
    MAX_HEADER,
    MAX_VALUES,
    TENSOR_DTYPES,
    Buffer,
    WireError,
)
from autograder.wire.decoder import Decoder
from autograder.wire.encoder import Encoder
from autograder.wire.frames import PREFIX, lengths, pack, read, unpack, unpack_header
from autograder.wire.leaves import is_tensor

__all__ = [
    "DTYPES",
    "MAX_DEPTH",
    "MAX_HEADER",
    "MAX_VALUES",
    "PREFIX",
    "TENSOR_DTYPES",
    "Buffer",
    "Decoder",
    "Encoder",
    "WireError",
    "is_tensor",
    "lengths",
    "pack",
    "read",
    "unpack",
    "unpack_header",
]
