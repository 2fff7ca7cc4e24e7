"""36 classes of capital letters and digits, 32x32, dark ink (0) on white (1).

source "handchars36"        handwritten, photographed on paper; 60 + 13 + 13 pictures a class
source "rendered glyphs"    drawn from the fonts that matplotlib brings; the same numbers of pictures
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import numpy as np

from autograder.datasets import catalogue, files
from autograder.datasets.dataset import BY_COLUMNS, SPLITS, Dataset, Split, check_split
from autograder.datasets.files import File

HANDWRITTEN = "handchars36"
RENDERED = "rendered glyphs"

_rendering = threading.Lock()  # a service may ask from two threads at once; one of them renders


def characters(split: Split) -> Dataset:
    """One of "train" (2160 examples), "valid" (468) and "test" (468); classes take turns: A, B, .., Z, 0, .., 9, A, ..

    x : (n, 1024), every picture by columns.   names : "A" .. "Z", "0" .. "9".
    Raises BadData if a file of the handwritten set is there but is not what it should be, ValueError for another split.
    """
    check_split(split)
    paths = files.find_all(catalogue.CHARACTERS.files)
    if paths is None:
        with _rendering:
            return _rendered(split)
    part = SPLITS.index(split)
    return _handwritten(paths[part], catalogue.CHARACTERS.files[part])


@cache
def _handwritten(path: Path, file: File) -> Dataset:
    arrays = files.load_npz(path, file.sha256)
    names = tuple(str(name) for name in arrays["class_names"])
    return Dataset(arrays["images"], arrays["labels"].astype(np.int64), names, HANDWRITTEN, order=BY_COLUMNS)


@cache
def _rendered(split: Split) -> Dataset:
    from autograder.datasets import glyphs  # with it comes matplotlib, a quarter of a second

    per_class = {"train": 60, "valid": 13, "test": 13}[split]
    images, y = glyphs.render(per_class, seed=SPLITS.index(split))
    return Dataset(images, y, tuple(glyphs.NAMES), RENDERED, order=BY_COLUMNS)
