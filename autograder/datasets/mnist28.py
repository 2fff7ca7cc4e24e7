"""MNIST and Fashion-MNIST: 28x28 grey, what is drawn bright on black; the official files.

source "MNIST" or "Fashion-MNIST"                 all four files are there
source "8x8 digits enlarged, for want of ..."     one is missing: real digits too, but fewer, of fewer people, blurred
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from autograder.datasets import digits8, files, idx
from autograder.datasets.dataset import Dataset, Split, check_split

MNIST = {
    "mnist/train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "mnist/train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "mnist/t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "mnist/t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
FASHION_MNIST = {
    "fashion-mnist/train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "fashion-mnist/train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "fashion-mnist/t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "fashion-mnist/t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
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
    Raises BadData if a file is there but is not what it should be, ValueError for another split.
    """
    return _read(split, "MNIST", MNIST, digits8.NAMES)


def fashion_mnist(split: Split) -> Dataset:
    """Articles of clothing; sizes, layout, errors as in `mnist`. Without the files these are digits, and named so."""
    return _read(split, "Fashion-MNIST", FASHION_MNIST, FASHION_NAMES)


def _read(split: Split, source: str, sums: dict[str, str], names: tuple[str, ...]) -> Dataset:
    check_split(split)
    paths = files.find_all(tuple(sums))
    if paths is None:
        return digits8.enlarged(split, source)
    part = slice(2, 4) if split == "test" else slice(0, 2)
    return _part(split, source, names, paths[part], tuple(sums.values())[part])


@cache
def _part(split: Split, source: str, names: tuple[str, ...], paths: tuple[Path, ...], sums: tuple[str, ...]) -> Dataset:
    pixels, y = _arrays(paths, sums)
    held_out = len(y) // VALIDATION
    rows = {"train": slice(len(y) - held_out), "valid": slice(len(y) - held_out, None), "test": slice(None)}[split]
    return Dataset(pixels[rows], y[rows], names, source)


@cache
def _arrays(paths: tuple[Path, ...], sums: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    contents = [idx.unzip(files.read(path, sha256), path) for path, sha256 in zip(paths, sums, strict=True)]
    return idx.parse(contents[0], 3, paths[0]), idx.parse(contents[1], 1, paths[1]).astype(np.int64)
