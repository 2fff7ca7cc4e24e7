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

This module is all that trusted and untrusted code share; it imports nothing of ours, and torch only where somebody
else has done so: then tensors are values here, and in a numpy assignment nobody waits for it. Decoding is bounded:
depth, number of values, bytes, and a fixed set of dtypes. Anything else is a `WireError`.

An encoder that can hold objects (a worker's) keeps to the same bounds: what is too large, too deep, or has too many
keys that are no text stays where it is and crosses as an object.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

PREFIX = struct.Struct(">IQ")
MAX_HEADER = 4 * 2**20  # bytes; some 200,000 small values. An empty list is 1 byte there and 64 in memory
MAX_DEPTH = 32
JOINED = 2**16  # bytes of arrays up to which a frame is one piece
MAX_VALUES = 200_000
MAX_EMPTY = 2**20  # bytes that an array without entries would have, if its empty sides were one long
MAX_ODD_KEYS = 2_000  # dict keys that are no text: hashes of numbers can be made to collide, which is quadratic time
VALUE_BYTES = 16  # at most, of a small value in a header
SHAPE_BYTES = 5  # the same of one side of an array
MAX_SEED_WORDS = 64  # integers in the entropy, or in the spawn key, of a SeedSequence
MAX_POOL = 64  # words in the pool of a SeedSequence
DTYPES = {
    np.dtype(code).str: np.dtype(code)
    for code in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
}
# Of tensors, by name; those that numpy has no dtype for lie in the body as integers of their size.
TENSOR_DTYPES = {name: np.dtype(name) for name in ("float64", "float32", "float16", "int64", "int32", "int16")}
TENSOR_DTYPES |= {name: np.dtype(name) for name in ("int8", "uint8", "bool")} | {"bfloat16": np.dtype("int16")}

_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder()

Buffer = bytes | bytearray | memoryview


class WireError(Exception):
    """Bytes that are no frame, or a value that no frame can hold."""


class Encoder:
    """Turns values into trees, and gathers the bytes of their arrays."""

    def __init__(
        self,
        special: Callable[[Any, Encoder, int], Any] | None = None,
        *,
        hold: Callable[[Any], Any] | None = None,
        max_body: int | None = None,
    ) -> None:
        """special : from what is no data, the encoder and the depth to a tree; or it raises WireError.
        hold : from what is past a bound to the tree of an object; without it, that is a WireError.
        max_body : bytes of all arrays together.
        """
        self.buffers: list[Buffer] = []
        self._special, self._hold = special, hold
        self._values, self._odd_keys = MAX_VALUES, MAX_ODD_KEYS
        self._header, self._body = MAX_HEADER, math.inf if max_body is None else max_body

    def value(self, value: Any, depth: int = 0) -> Any:
        self._values -= 1
        self._header -= VALUE_BYTES
        if self._values < 0 or self._header < 0:
            raise WireError(f"more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise WireError(f"nested more than {MAX_DEPTH} deep")
        if self._hold is None:
            return self._tree(value, depth)
        before = self._values, self._odd_keys, self._header, self._body, len(self.buffers)
        try:
            return self._tree(value, depth)
        except WireError:
            self._values, self._odd_keys, self._header, self._body, count = before
            del self.buffers[count:]
            return self._hold(value)

    def data(self, value: Any, depth: int) -> list[Any]:
        """The trees of what is in a tuple, list or dict."""
        if isinstance(value, dict):
            for key in value:
                self._odd_keys -= type(key) is not str and type(key) is not bytes
            if self._odd_keys < 0:
                raise WireError(f"more than {MAX_ODD_KEYS} keys that are no text")
            return [[self.value(key, depth + 1), self.value(item, depth + 1)] for key, item in value.items()]
        return [self.value(item, depth + 1) for item in value]

    def _tree(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is str or kind is bytes:
            return self._text(value)
        if kind is np.ndarray and value.dtype.str in DTYPES:
            self._array(value)
            return ["a", value.dtype.str, list(value.shape)]
        if kind is int:
            return value if -(2**63) <= value < 2**63 else ["i", self._text(_hex(value))]
        if isinstance(value, np.generic) and value.dtype.str in DTYPES:
            return ["s", value.dtype.str, value.tobytes()]
        if kind is tuple:
            return ["t", self.data(value, depth)]
        if kind is list:
            return ["l", self.data(value, depth)]
        if kind is dict:
            return ["d", self.data(value, depth)]
        if is_tensor(value) and (name := str(value.dtype).removeprefix("torch.")) in TENSOR_DTYPES:
            array = _numbers_of(value)
            self._array(array)
            return ["x", name, list(array.shape)]
        if kind is complex:
            return ["z", value.real, value.imag]
        if kind is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            return _generator_tree(value)
        if self._special is not None:
            return self._special(value, self, depth)
        raise WireError(f"a {kind.__name__} is no plain data")

    def _text(self, text: str | bytes) -> str | bytes:
        self._header -= len(text) if isinstance(text, bytes) or text.isascii() else len(text.encode())
        if self._header < 0:
            raise WireError(f"more than {MAX_HEADER} bytes of text")
        return text

    def _array(self, array: np.ndarray) -> None:
        self._header -= SHAPE_BYTES * array.ndim
        self._body -= array.nbytes
        if self._header < 0 or self._body < 0:
            raise WireError("more bytes of arrays than may be sent")
        self.buffers.append(_bytes_of(array))


class Decoder:
    """Rebuilds values from trees; `special` resolves the forms that stand for objects and functions."""

    def __init__(self, body: Buffer, special: Callable[[list[Any], Decoder, int], Any] | None = None) -> None:
        self._body = memoryview(body)
        self._at = 0
        self._special = special
        self._left = MAX_VALUES
        self._odd_keys = MAX_ODD_KEYS

    def with_special(self, special: Callable[[list[Any], Decoder, int], Any]) -> Decoder:
        """The same decoder, which now knows what stands for objects and functions."""
        self._special = special
        return self

    def value(self, tree: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0:
            raise WireError(f"more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise WireError(f"nested more than {MAX_DEPTH} deep")
        kind = type(tree)
        if tree is None or kind is bool or kind is int or kind is float or kind is str or kind is bytes:
            return tree
        try:
            if kind is list:
                return self._tagged(tree, depth)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise WireError(f"not a value: {type(error).__name__}") from None
        raise WireError(f"not a value: {kind.__name__}")

    def _tagged(self, tree: list[Any], depth: int) -> Any:
        tag = tree[0]
        if tag == "a":
            _, code, shape = tree
            return self._array(DTYPES[code], shape)
        if tag == "x":
            _, name, shape = tree
            return _tensor(self._array(TENSOR_DTYPES[name], shape), name)
        if tag == "t":
            return tuple(self.value(item, depth + 1) for item in _list(tree[1]))
        if tag == "l":
            return [self.value(item, depth + 1) for item in _list(tree[1])]
        if tag == "d":
            return self.dict_of(tree[1], depth)
        if tag == "s":
            _, code, data = tree
            return np.frombuffer(data, DTYPES[code], 1)[0]
        if tag == "i":
            return _from_hex(tree[1])
        if tag == "z":
            return complex(float(tree[1]), float(tree[2]))
        if tag == "g":
            return _generator(*tree[1:])
        if self._special is not None and tag in ("h", "T", "L", "D", "r", "c"):
            return self._special(tree, self, depth)
        raise WireError("not a value: unknown form")

    def dict_of(self, pairs: Any, depth: int) -> dict[Any, Any]:
        """The dict of [[key tree, value tree]]."""
        return {self._key(key, depth): self.value(item, depth + 1) for key, item in _list(pairs)}

    def _key(self, tree: Any, depth: int) -> Any:
        key = self.value(tree, depth + 1)
        if type(key) is not str and type(key) is not bytes:
            self._odd_keys -= 1
            if self._odd_keys < 0:
                raise WireError(f"more than {MAX_ODD_KEYS} keys that are no text")
        hash(key)
        return key

    def _array(self, dtype: np.dtype, shape: Any) -> np.ndarray:
        # Checked before they are multiplied: the product of a million large sizes takes hours.
        if len(_list(shape)) > MAX_DEPTH or any(type(size) is not int or size < 0 for size in shape):
            raise WireError("not a shape")
        end = self._at + math.prod(shape) * dtype.itemsize
        # Sizes are compared before numpy sees them: a shape of 2**62 entries must not reach an allocation. Nor may the
        # other sides of an empty array be endless, since a sum along the empty one has their size.
        sides = math.prod(size or 1 for size in shape) * dtype.itemsize
        if end > len(self._body) or sides > max(len(self._body), MAX_EMPTY):
            raise WireError("an array is larger than the bytes that came with it")
        data = self._body[self._at : end]
        self._at = end
        if dtype.kind == "b":  # any byte but 0 is true; numpy, and torch, take each as it is, and count strangely
            return (np.frombuffer(data, np.uint8) != 0).reshape(shape)
        return np.frombuffer(data, dtype).reshape(shape).copy()


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


def is_tensor(value: Any) -> bool:
    """A plain torch.Tensor with numbers in it; parameters, other subclasses and sparse ones are objects."""
    torch = sys.modules.get("torch")
    if torch is None or type(value) is not getattr(torch, "Tensor", None):
        return False
    return value.layout is torch.strided and value.device.type in ("cpu", "cuda") and not value.is_quantized


def _numbers_of(tensor: Any) -> np.ndarray:
    torch = sys.modules["torch"]
    tensor = tensor.detach().cpu().contiguous()
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _tensor(array: np.ndarray, name: str) -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        raise WireError("a tensor, where there is no torch")
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if name == "bfloat16" else tensor


def _bytes_of(array: np.ndarray) -> Buffer:
    if array.nbytes < 2**14 or not array.flags.c_contiguous:
        return array.tobytes()
    return array.reshape(-1).view(np.uint8).data


def _list(tree: Any) -> list[Any]:
    if type(tree) is not list:
        raise WireError("not a list of values")
    return tree


def _hex(value: int) -> str:
    if value.bit_length() > 2**16:
        raise WireError("an integer of more than 65,536 bits")
    return hex(value)


def _from_hex(text: Any) -> int:
    if type(text) is not str or len(text) > 2**14 + 4:
        raise WireError("not an integer")
    return int(text, 16)


def _generator_tree(rng: np.random.Generator) -> list[Any]:
    state: Any = rng.bit_generator.state
    inner = state["state"]
    return ["g", _hex(inner["state"]), _hex(inner["inc"]), state["has_uint32"], state["uinteger"], _seed_tree(rng)]


def _seed_tree(rng: np.random.Generator) -> list[Any] | None:
    seeds = getattr(rng.bit_generator, "seed_seq", None)
    if type(seeds) is not np.random.SeedSequence:
        return None
    entropy: Any = seeds.entropy
    one = isinstance(entropy, (int, np.integer))
    words = _hex(int(entropy)) if one else [_hex(int(word)) for word in np.ravel(np.array(entropy, dtype=object))]
    return [words, [_hex(int(word)) for word in seeds.spawn_key], seeds.pool_size, seeds.n_children_spawned]


def _generator(state: Any, inc: Any, has_uint32: Any, uinteger: Any, seeds: Any) -> np.random.Generator:
    bits = np.random.PCG64(_seed_sequence(seeds))
    inner: Any = {"state": _from_hex(state) % 2**128, "inc": _from_hex(inc) % 2**128}
    bits.state = {
        "bit_generator": "PCG64",
        "state": inner,
        "has_uint32": int(bool(has_uint32)),
        "uinteger": int(uinteger) % 2**32,
    }
    return np.random.Generator(bits)


def _seed_sequence(seeds: Any) -> Any:
    """What children are spawned from; the seed 0 where nothing is known of it."""
    if seeds is None:
        return 0
    words, spawn_key, pool_size, children = seeds
    if (type(words) is not str and len(_list(words)) > MAX_SEED_WORDS) or len(_list(spawn_key)) > MAX_SEED_WORDS:
        raise WireError("a seed of too many words")
    if type(pool_size) is not int or not 4 <= pool_size <= MAX_POOL or type(children) is not int:
        raise WireError("not a seed")
    entropy = _from_hex(words) if type(words) is str else [_from_hex(word) for word in words]
    key = tuple(_from_hex(word) for word in spawn_key)
    return np.random.SeedSequence(entropy, spawn_key=key, pool_size=pool_size, n_children_spawned=children % 2**32)
