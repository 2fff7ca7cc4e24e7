"""What a data set is, whatever it came from.

    pixels (n, h, w) uint8  ->  x (n, d) and images (n, h, w), one float64 array seen in two ways, made when asked for

The full MNIST is 43 MB of pixels and 345 MB of float64, so who needs a part takes the part first: `first(1000).x`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")

# How a picture becomes a row of x: the axes of `pixels` (n, h, w) or (n, h, w, c) in the order in which they are read.
BY_COLUMNS = (2, 1)
BY_ROWS = (1, 2)
CHANNELS_FIRST = (3, 1, 2)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and their labels. The arrays are shared by all callers, and so they cannot be written to.

    x : (n, d) float64, one row an example, entries 0 to 1.
    y : (n,) int64 labels, 0 <= y[i] < len(names).
    images : (n, h, w) float64, or (n, h, w, 3) where there is colour; the same examples as one looks at them, upright.
    names : of the classes, in the order of the labels.
    source : where they are from, for figures and reports.
    pixels : images in the bytes of their file, uint8 from 0 to `white`; an eighth of the memory of x.
    """

    pixels: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    source: str
    white: int = 255
    order: tuple[int, ...] = BY_ROWS

    def __post_init__(self) -> None:
        for array in (self.pixels, self.y):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def x(self) -> np.ndarray:
        x = self.pixels.transpose(0, *self.order).reshape(len(self), -1) / float(self.white)
        x.setflags(write=False)
        return x

    @cached_property
    def images(self) -> np.ndarray:
        shape = [self.pixels.shape[axis] for axis in self.order]
        return self.x.reshape(len(self), *shape).transpose(0, *(1 + np.argsort(self.order)))

    def first(self, n: int) -> Dataset:
        """The first n examples (or all, if there are fewer), at the price of these alone."""
        return replace(self, pixels=self.pixels[:n], y=self.y[:n])


def check_split(split: str) -> None:
    """Raises ValueError for an unknown split."""
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")


def shifted(data: Dataset, pixels: int) -> Dataset:
    """Every example five times: as it is, and moved right, left, down and up. More data for the price of a loop.

    What leaves a picture at one edge comes back at the other, so `pixels` must not exceed the empty margin.
    """
    moves = [(0, 0), (0, pixels), (0, -pixels), (pixels, 0), (-pixels, 0)]
    moved = np.concatenate([np.roll(data.pixels, move, axis=(1, 2)) for move in moves])
    return replace(data, pixels=moved, y=np.tile(data.y, len(moves)), source=f"{data.source}, shifted")
