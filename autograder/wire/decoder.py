"""Trees to values, within bounds: depth, number of values, bytes, and a fixed set of dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.wire.bounds import (
    DTYPES,
    MAX_DEPTH,
    MAX_EMPTY,
    MAX_ODD_KEYS,
    MAX_VALUES,
    TENSOR_DTYPES,
    Buffer,
    WireError,
)
from autograder.wire.leaves import from_hex, generator_of, list_of, tensor_of


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
            return tensor_of(self._array(TENSOR_DTYPES[name], shape), name)
        if tag == "t":
            return tuple(self.value(item, depth + 1) for item in list_of(tree[1]))
        if tag == "l":
            return [self.value(item, depth + 1) for item in list_of(tree[1])]
        if tag == "d":
            return self.dict_of(tree[1], depth)
        if tag == "s":
            _, code, data = tree
            return np.frombuffer(data, DTYPES[code], 1)[0]
        if tag == "i":
            return from_hex(tree[1])
        if tag == "z":
            return complex(float(tree[1]), float(tree[2]))
        if tag == "g":
            return generator_of(*tree[1:])
        if self._special is not None and tag in ("h", "T", "L", "D", "r", "c"):
            return self._special(tree, self, depth)
        raise WireError("not a value: unknown form")

    def dict_of(self, pairs: Any, depth: int) -> dict[Any, Any]:
        """The dict of [[key tree, value tree]]."""
        return {self._key(key, depth): self.value(item, depth + 1) for key, item in list_of(pairs)}

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
        if len(list_of(shape)) > MAX_DEPTH or any(type(size) is not int or size < 0 for size in shape):
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
            booleans: np.ndarray = (np.frombuffer(data, np.uint8) != 0).reshape(shape)
            return booleans
        return np.frombuffer(data, dtype).reshape(shape).copy()
