"""What came of one example of a test that failed, in a few numbers.

    Record("wrong_value", place=1, structure=0x5bd1e995, numbers=(0.31, -0.8, 2.4), strength=6)

`numbers` are two projections of what was compared on fixed pseudo-random weights, and its norm: two answers that agree
to rounding have numbers that agree, and other answers have other numbers. Entries that are not finite count as zeros;
where they stand is part of `structure`. Nothing of a value can be read from a record by looking at it.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

FIVE_DIGITS = 1e-5  # relative; float32 answers in another order of sums agree to that
ENTRIES = 2**18  # of one answer that are looked at; what lies behind them is left out
DEPTH = 8  # of nested containers
HELD = "held"  # all comparisons of the example
VALUE = "wrong_value"
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\b(?:nan|inf)\b", re.IGNORECASE)
TEXT = 4000  # characters of a text in which numbers are looked for

_PACKED = struct.Struct("<fff")


class Record(msgspec.Struct, frozen=True, array_like=True):
    outcome: str  # HELD, the kind of a mismatch, `raised ValueError`, `failed TypeError`, `gone timed_out`
    place: int = 0  # how many comparisons came before
    structure: int = 0  # hash of shapes, and of where entries are not finite; with a wrong dtype, of dtypes
    packed: bytes = b""  # the numbers, as three floats of 32 bits; b"" where nothing was compared
    strength: int = 0  # how many different telling numbers the answer held; 0: it proves nothing by itself

    @property
    def held(self) -> bool:
        return self.outcome == HELD

    @property
    def numbers(self) -> tuple[float, float, float]:
        first, second, norm = _PACKED.unpack(self.packed)
        return first, second, norm


HOLDS = Record(HELD)


def of_value(kind: str, place: int, value: Any) -> Record:
    """Of an answer for which a comparison of that kind failed."""
    is_about_types = kind in ("wrong_dtype", "wrong_type")
    description: list[str] = []
    pieces = []
    left = ENTRIES
    for shape, entries, dtype in _leaves(value, DEPTH):
        numbers = entries[:left]
        left -= len(numbers)
        finite = np.isfinite(numbers)
        holes = "" if finite.all() else f"!{zlib.crc32(np.packbits(~finite).tobytes())}"
        description.append(f"{shape}{dtype if is_about_types else ''}{holes}")
        pieces.append(np.where(finite, numbers, 0.0))
    flat = np.concatenate(pieces) if pieces else np.zeros(0)
    return Record(
        VALUE if kind == "not_finite" else kind, place, zlib.crc32(";".join(description).encode()), *_measures(flat)
    )


def of_text(kind: str, place: int, text: str) -> Record:
    """Of a failed `check`, whose text says what was found, before what was expected."""
    found = re.split(r"\bexpected\b", text[:TEXT])[0]
    values = [float(number) for number in NUMBER.findall(found)]
    shape = zlib.crc32(NUMBER.sub("#", found).encode())
    numbers = np.array([value if np.isfinite(value) else 0.0 for value in values])
    return Record(VALUE if kind == "not_finite" else kind, place, shape, *_measures(numbers))


def alike(one: Record, other: Record) -> bool:
    """Did the two answer alike, up to rounding?"""
    if one.outcome != other.outcome or one.place != other.place or one.structure != other.structure:
        return False
    if one.packed == other.packed:
        return True
    if not one.packed or not other.packed:
        return False
    (a, b, norm), (c, d, other_norm) = one.numbers, other.numbers
    room = FIVE_DIGITS * max(norm, other_norm)
    return abs(a - c) <= room and abs(b - d) <= room and abs(norm - other_norm) <= room


def all_alike(records: Sequence[Record], others: Sequence[Record]) -> bool:
    return len(records) == len(others) and all(map(alike, records, others))


def _measures(flat: np.ndarray) -> tuple[bytes, int]:
    """(packed numbers, strength)."""
    flat = flat.astype(np.float64)
    with np.errstate(all="ignore"):
        first, second = (float(np.dot(flat, weights)) for weights in _weights(len(flat)))
        norm = float(np.sqrt(np.dot(flat, flat)))
        telling = flat[np.abs(2 * flat - np.round(2 * flat)) > 1e-6 * np.maximum(1.0, np.abs(flat))]
        strength = len(np.unique(np.round(telling[:64], 9)))
        if not strength and len(flat) > 4:
            different = len(np.unique(flat[:64]))
            strength = different if different > 3 else 0
    largest = np.finfo(np.float32).max
    return _PACKED.pack(*(float(np.clip(number, -largest, largest)) for number in (first, second, norm))), strength


@lru_cache(maxsize=1)
def _all_weights() -> np.ndarray:
    """(2, ENTRIES) in [-1, 1): SplitMix64 of the index, so that they never change."""
    with np.errstate(over="ignore"):
        z = np.arange(1, 2 * ENTRIES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    weights: np.ndarray = (z >> np.uint64(11)).astype(np.float64) / 2**52 - 1
    return weights.reshape(2, ENTRIES)


def _weights(count: int) -> np.ndarray:
    return _all_weights()[:, :count]


def _leaves(value: Any, depth: int) -> Iterator[tuple[str, np.ndarray, str]]:
    """(shape or kind, numbers, dtype) of each array, number and text in it."""
    if hasattr(value, "detach") and hasattr(value, "layout"):
        value, dtype = value.detach().cpu().float().numpy(), str(value.dtype)
    else:
        dtype = str(getattr(value, "dtype", type(value).__name__))
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        yield str(value.shape), value.ravel()[:ENTRIES].astype(np.float64), dtype
    elif isinstance(value, (bool, int, float, np.generic)) and not isinstance(value, (np.str_, np.bytes_)):
        yield "()", np.array([_number(value)]), dtype
    elif isinstance(value, (list, tuple)) and depth:
        yield f"[{len(value)}]", np.zeros(0), ""
        for item in value[:1000]:
            yield from _leaves(item, depth - 1)
    elif isinstance(value, dict) and depth:
        keys = sorted(map(str, value))[:1000]
        yield f"{{{','.join(key[:50] for key in keys)}}}", np.zeros(0), ""
        for key in sorted(value, key=str)[:1000]:
            yield from _leaves(value[key], depth - 1)
    elif isinstance(value, str):
        yield f"text {zlib.crc32(value[:TEXT].encode(errors='replace'))}", np.zeros(0), ""
    else:
        yield "None" if value is None else "object", np.zeros(0), dtype


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):  # a complex number; an integer past 1e308
        return 0.0
