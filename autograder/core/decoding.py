"""Plain data of a known type, out of JSON or out of dicts and lists.

msgspec describes a type when it first reads one. Two threads that do so at the same moment crash their process with
SIGSEGV. So a type has a decoder at the top of its module, which describes it while one thread imports the module, and
nothing else reads typed data.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class TypedDecoder(Generic[T]):
    """Both ways raise msgspec.ValidationError for what is not of the type."""

    def __init__(self, kind: Any) -> None:
        """kind : the type T, a class or such as `list[tuple[str, int]]`"""
        self._kind = kind
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)  # describes it, and all that it is made of

    def json(self, data: bytes | str) -> T:
        return self._decoder.decode(data)

    def value(self, data: Any) -> T:
        """Out of dicts, lists, texts and numbers."""
        value: T = msgspec.convert(data, self._kind)
        return value
