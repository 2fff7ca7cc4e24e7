"""Real handwritten digits, 8x8: small enough to travel with every installation.

The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998; UCI Machine Learning
Repository, doi:10.24432/C50P49, CC BY 4.0), 1,797 digits of 13 people, as scikit-learn bundles it. Changed: divided
into three parts and reordered by tools/make_digits.py, so that classes take turns; the same people write in all.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from autograder.datasets import files
from autograder.datasets.dataset import SPLITS, Dataset, Split, check_split

FILE = Path(__file__).with_name("digits.npz")
SHA256 = "0be7477c79e773bde6cce1285033debf9d76adf566bd13782bd39d058061484c"
SOURCE = "8x8 digits"
NAMES = tuple("0123456789")
SIZES = {"train": 1197, "valid": 300, "test": 300}
WHITE = 16  # of 4x4 dots of the scanned page, how many are ink


def digits(split: Split) -> Dataset:
    """One of "train" (1,197 examples), "valid" (300) and "test" (300); ink bright (1) on black (0).

    x : (n, 64), every picture by rows, entries k/16.   names : "0" .. "9".
    Classes take turns: 0, 1, .., 9, 0, ..; in train until the rarest is used up, so its first 1,140 are balanced.
    Always at hand.  Raises ValueError for another split.
    """
    check_split(split)
    return _parts()[split]


@cache
def _parts() -> dict[str, Dataset]:
    arrays = files.load_npz(FILE, SHA256, "install deepgrade again")
    ends = np.cumsum([SIZES[split] for split in SPLITS])[:-1]
    parts = zip(SPLITS, np.split(arrays["images"], ends), np.split(arrays["labels"], ends), strict=True)
    return {split: Dataset(pixels, y.astype(np.int64), NAMES, SOURCE, white=WHITE) for split, pixels, y in parts}


@cache
def enlarged(split: Split, instead_of: str) -> Dataset:
    """The same digits in MNIST's layout: 20x20 by linear interpolation, in the middle of 28x28, pixels 0 to 255."""
    small = digits(split)
    grid = (np.arange(20) + 0.5) * 8 / 20 - 0.5  # centres of the new pixels among those of the old
    weights = np.array([np.interp(grid, np.arange(8), unit) for unit in np.eye(8)])  # (8, 20)
    middle = np.einsum("nhw,hi,wj->nij", small.images, weights, weights, optimize=True)
    pixels = np.zeros((len(small), 28, 28), np.uint8)
    pixels[:, 4:24, 4:24] = np.rint(255 * middle)
    return Dataset(pixels, small.y, NAMES, f"{SOURCE} enlarged, for want of {instead_of}")
