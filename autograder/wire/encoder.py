"""Values to trees; the bytes of their arrays are gathered beside them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.wire.bounds import (
    DTYPES,
    MAX_DEPTH,
    MAX_HEADER,
    MAX_ODD_KEYS,
    MAX_VALUES,
    SHAPE_BYTES,
    TENSOR_DTYPES,
    VALUE_BYTES,
    Buffer,
    WireError,
)
from autograder.wire.leaves import bytes_of, generator_tree, hex_of, is_tensor, numbers_of


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
            return value if -(2**63) <= value < 2**63 else ["i", self._text(hex_of(value))]
        if isinstance(value, np.generic) and value.dtype.str in DTYPES:
            return ["s", value.dtype.str, value.tobytes()]
        if kind is tuple:
            return ["t", self.data(value, depth)]
        if kind is list:
            return ["l", self.data(value, depth)]
        if kind is dict:
            return ["d", self.data(value, depth)]
        if is_tensor(value) and (name := str(value.dtype).removeprefix("torch.")) in TENSOR_DTYPES:
            array = numbers_of(value)
            self._array(array)
            return ["x", name, list(array.shape)]
        if kind is complex:
            return ["z", value.real, value.imag]
        if kind is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            return generator_tree(value)
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
        self.buffers.append(bytes_of(array))
