"""Finds pairs of Python files that share code, by winnowing (Schleimer, Wilkerson and Aiken) with copydetect."""

import io
import sys
import types
from typing import Any

import numpy as np

# The library imports matplotlib for a report that is not used here; the import takes seconds.
sys.modules["matplotlib.pyplot"] = types.ModuleType("matplotlib.pyplot")
sys.modules["matplotlib"] = types.ModuleType("matplotlib")
sys.modules["matplotlib"].pyplot = sys.modules["matplotlib.pyplot"]  # type: ignore[attr-defined]

from copydetect import CodeFingerprint, compare_files  # noqa: E402
from copydetect.utils import get_token_coverage  # noqa: E402

TOKENS = 25  # characters, after names were replaced: a shorter match does not count
SLICES = 500  # marked slices of a pair; the others are not marked
WINDOW = 12  # a match of TOKENS + WINDOW - 1 characters is always found


def compare(texts: list[str], starter: list[str], least: float, most: int) -> list[object]:
    """The `most` pairs with the largest similarity of at least `least`, the largest first, and the number of all pairs.

    starter : the starter code, which is ignored.
    Returns [pairs, number of all pairs]; a pair is [i, j, share of i that is in j, share of j that is in i,
    slices of i, slices of j]; slices are [[start, end]] in characters.
    """
    starter_hashes: frozenset[int] = frozenset().union(*(_print(text, 1).hashes for text in starter))
    prints = [_print(text, WINDOW, starter_hashes) for text in texts]
    hashes = [frozenset(map(int, fingerprint.hashes)) for fingerprint in prints]
    pairs: list[list[Any]] = []
    for i in range(len(texts)):
        for j in range(i + 1, len(texts)):
            common = len(hashes[i] & hashes[j])
            if common and common >= 0.5 * least * min(len(hashes[i]), len(hashes[j])):
                _, shares, slices = compare_files(prints[i], prints[j])
                if max(shares) >= least:
                    pairs.append([i, j, *(min(1.0, float(share)) for share in shares), *map(_pairs, slices)])
    pairs.sort(key=lambda pair: (-max(pair[2], pair[3]), -min(pair[2], pair[3]), pair[0], pair[1]))
    return [pairs[:most], len(pairs)]


def _print(text: str, window: int, ignored: frozenset[int] = frozenset()) -> CodeFingerprint:
    """The fingerprint of a text without the known hashes. The library would also remove repeated code."""
    fingerprint = CodeFingerprint("code.py", TOKENS, window, None, True, "python", fp=io.StringIO(text))
    fingerprint.hashes -= ignored
    fingerprint.hash_idx = {digest: places for digest, places in fingerprint.hash_idx.items() if digest not in ignored}
    fingerprint.token_coverage = get_token_coverage(fingerprint.hash_idx, TOKENS, len(fingerprint.filtered_code))
    return fingerprint


def _pairs(slices: np.ndarray) -> list[list[int]]:
    return [[int(start), int(end)] for start, end in zip(slices[0][:SLICES], slices[1][:SLICES], strict=True)]
