"""What a data set is, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Examples and their labels. The arrays are shared by all callers, and so they cannot be written to.

    x : (n, d) float64, one row an example, entries 0 to 1.
    y : (n,) int64 labels, 0 <= y[i] < len(names).
    images : (n, h, w) float64, the same examples as one looks at them, upright.
    names : of the classes, in the order of the labels.
    source : where they are from, for figures and reports.
    """

    x: np.ndarray
    y: np.ndarray
    images: np.ndarray
    names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        for array in (self.x, self.y, self.images):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.y)


def from_images(images: np.ndarray, y: np.ndarray, names: tuple[str, ...], source: str) -> Dataset:
    """A data set in the course's layout: every picture by columns, so that x[i] = images[i].T.ravel().

    images : (n, h, w) uint8, 0 to 255.
    """
    n, height, width = images.shape
    x = images.transpose(0, 2, 1).reshape(n, width * height) / 255.0
    return Dataset(x, y.astype(np.int64), x.reshape(n, width, height).transpose(0, 2, 1), names, source)


def shifted(data: Dataset, pixels: int) -> Dataset:
    """Every example five times: as it is, and moved right, left, down and up. More data for the price of a loop.

    What leaves a picture at one edge comes back at the other, so `pixels` must not exceed the empty margin.
    """
    moves = [(0, 0), (0, pixels), (0, -pixels), (pixels, 0), (-pixels, 0)]
    images = np.concatenate([np.roll(data.images, move, axis=(1, 2)) for move in moves])
    n, height, width = images.shape
    x = np.ascontiguousarray(images.transpose(0, 2, 1)).reshape(n, width * height)
    y = np.tile(data.y, len(moves))
    return Dataset(x, y, x.reshape(n, width, height).transpose(0, 2, 1), data.names, f"{data.source}, shifted")
