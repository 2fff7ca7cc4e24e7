"""Which of many texts of Python share code, after Schleimer, Wilkerson and Aiken's winnowing, by copydetect."""

import io
import sys
import types
from typing import Any

import numpy as np

# It draws the library's own report, which is not asked for, and to import it takes seconds.
sys.modules["matplotlib.pyplot"] = types.ModuleType("matplotlib.pyplot")
sys.modules["matplotlib"] = types.ModuleType("matplotlib")
sys.modules["matplotlib"].pyplot = sys.modules["matplotlib.pyplot"]  # type: ignore[attr-defined]

from copydetect import CodeFingerprint, compare_files  # noqa: E402
from copydetect.utils import get_token_coverage  # noqa: E402

TOKENS = 25  # characters, after names were replaced: a shorter likeness is none
SLICES = 500  # of a pair that are marked; the page of a pair has no end of them otherwise
WINDOW = 12  # a likeness of TOKENS + WINDOW - 1 characters is always found


def compare(texts: list[str], starter: list[str], least: float, most: int) -> list[object]:
    """The `most` pairs with the largest likeness of at least `least`, in the order of that, and how many there are.

    starter : code that everybody was given; it counts for nothing.
    Returns [pairs, number of all pairs]; a pair is [i, j, share of i that is in j, share of j that is in i,
    slices of i, slices of j]; slices are [[start, end]] in characters.
    """
    known: frozenset[int] = frozenset().union(*(_print(text, 1).hashes for text in starter))
    prints = [_print(text, WINDOW, known) for text in texts]
    hashes = [frozenset(map(int, one.hashes)) for one in prints]
    found: list[list[Any]] = []
    for i in range(len(texts)):
        for j in range(i + 1, len(texts)):
            common = len(hashes[i] & hashes[j])
            if common and common >= 0.5 * least * min(len(hashes[i]), len(hashes[j])):
                _, shares, slices = compare_files(prints[i], prints[j])
                if max(shares) >= least:
                    found.append([i, j, *(min(1.0, float(share)) for share in shares), *map(_pairs, slices)])
    found.sort(key=lambda pair: (-max(pair[2], pair[3]), -min(pair[2], pair[3]), pair[0], pair[1]))
    return [found[:most], len(found)]


def _print(text: str, window: int, known: frozenset[int] = frozenset()) -> CodeFingerprint:
    """What is known is taken out here: the library takes out what a text says twice as well."""
    found = CodeFingerprint("code.py", TOKENS, window, None, True, "python", fp=io.StringIO(text))
    found.hashes -= known
    found.hash_idx = {one: places for one, places in found.hash_idx.items() if one not in known}
    found.token_coverage = get_token_coverage(found.hash_idx, TOKENS, len(found.filtered_code))
    return found


def _pairs(slices: np.ndarray) -> list[list[int]]:
    return [[int(start), int(end)] for start, end in zip(slices[0][:SLICES], slices[1][:SLICES], strict=True)]
