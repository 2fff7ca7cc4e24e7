"""MNIST and Fashion-MNIST: 28x28 grey, what is drawn bright on black; the official files.

source "MNIST" or "Fashion-MNIST"                 all four files are there
source "8x8 digits enlarged, for want of ..."     one is missing: real digits too, but fewer, of fewer people, blurred
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from autograder.datasets import catalogue, digits8, files, idx
from autograder.datasets.catalogue import Entry
from autograder.datasets.dataset import Dataset, Split, check_split
from autograder.datasets.files import File

FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
VALIDATION = 12  # the last twelfth of the training file: 5,000 of 60,000


def mnist(split: Split) -> Dataset:
    """Handwritten digits: "train" (55,000), "valid" (5,000, the last of the training file) and "test" (10,000).

    x : (n, 784), every picture by rows.   names : "0" .. "9".
    Without the files: `digits` enlarged to 28x28, 1,197 + 300 + 300 of them.
    Raises BadData if a file is damaged, ValueError for another split.
    """
    return _read(split, "MNIST", catalogue.MNIST, digits8.NAMES)


def fashion_mnist(split: Split) -> Dataset:
    """Articles of clothing; sizes, layout, errors as in `mnist`. Without the files these are digits, and named so."""
    return _read(split, "Fashion-MNIST", catalogue.FASHION_MNIST, FASHION_NAMES)


def _read(split: Split, source: str, entry: Entry, names: tuple[str, ...]) -> Dataset:
    check_split(split)
    paths = files.find_all(entry.files)
    if paths is None:
        return digits8.enlarged(split, source)
    part = slice(2, 4) if split == "test" else slice(0, 2)
    return _part(split, source, names, paths[part], entry.files[part])


@cache
def _part(
    split: Split, source: str, names: tuple[str, ...], paths: tuple[Path, ...], entries: tuple[File, ...]
) -> Dataset:
    pixels, y = _arrays(paths, entries)
    held_out = len(y) // VALIDATION
    rows = {"train": slice(len(y) - held_out), "valid": slice(len(y) - held_out, None), "test": slice(None)}[split]
    return Dataset(pixels[rows], y[rows], names, source)


@cache
def _arrays(paths: tuple[Path, ...], entries: tuple[File, ...]) -> tuple[np.ndarray, np.ndarray]:
    contents = [idx.unzip(files.read(path, file.sha256), path) for path, file in zip(paths, entries, strict=True)]
    return idx.parse(contents[0], 3, paths[0]), idx.parse(contents[1], 1, paths[1]).astype(np.int64)
