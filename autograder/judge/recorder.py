"""The fixture `record`: figures and numbers that a test puts into the report."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from autograder.report import rounding
from autograder.report.schema import Figure

PAGE_SIDE = 640  # pixels of the longer side of a page in a report
GREYS = 24  # shades between black and white that a page keeps: as good to look at, and half the bytes
FIGURES, TEST_BYTES = 12, 2**20  # of one test: how many, and their bytes of JSON; what comes then is left out


@dataclass
class Room:
    """What the figures of one report may still take."""

    bytes: int = 2**23  # of JSON; past it figures are left out


class Recorder:
    """Everything may come from a student, so it is rounded here (report/rounding.py), and all of it has a limit."""

    def __init__(self, room: Room | None = None) -> None:
        """room : what the report still has for figures."""
        self.figures: list[Figure] = []
        self._room = room or Room()
        self._left = TEST_BYTES

    def curve(self, title: str, x_label: str, x: Any, **series: Any) -> None:
        """A line for each series over x: a learning curve. Of many points, a few are kept."""
        places, values = rounding.curve(x, series)
        self._add("curve", title, {"x_label": x_label[: rounding.TEXT], "x": places, "series": values})

    def confusion(self, title: str, truth: Any, predicted: Any, names: list[str]) -> None:
        """How often class `row` was called class `column`."""
        matrix = [[0] * len(names) for _ in names]
        for t, p in zip(truth, predicted, strict=True):
            matrix[int(t)][int(p)] += 1
        few = [str(name)[: rounding.TEXT] for name in names[: rounding.CLASSES]]
        self._add("confusion", title, {"names": few, "matrix": rounding.confusion(matrix)})

    def images(self, title: str, rows: dict[str, Any]) -> None:
        """Rows of grey pictures, entries 0 to 1."""
        data = [{"label": label, "images": row} for label, row in rounding.pictures(rows)]
        self._add("images", title, {"rows": data})

    def page(self, title: str, image: Any, boxes: Any, lines: list[str]) -> None:
        """A grey picture, entries 0 to 1, with the boxes (rows y0, x0, y1, x1, half open) and the text found on it.

        Reduced to PAGE_SIDE pixels a side, and the boxes with it: a photograph is no bytes that a report should hold.
        What a student returned may be given as it is: of what are no four numbers, or no text, nothing is kept.
        """
        picture = np.asarray(image, dtype=np.float64)
        k = max(1, -(-max(picture.shape) // PAGE_SIDE))
        grey = rounding.levels(rounding.averaged(picture, k), GREYS + 1)
        data = {
            "shape": list(grey.shape),
            "grey": base64.b64encode(zlib.compress(grey.tobytes(), 9)).decode(),
            "boxes": rounding.boxes(boxes, k),
            "lines": rounding.lines(lines),
        }
        self._add("page", title, data)

    def number(self, title: str, name: str, value: float, *, bar: float | None = None, unit: str = "") -> None:
        """One figure beside the bar that it is held to."""
        row = {"name": name[: rounding.TEXT], "value": rounding.beside(value, bar), "bar": bar, "unit": unit}
        self._add("numbers", title, {"rows": [row]})

    def _add(self, kind: Any, title: str, data: dict[str, Any]) -> None:
        figure = Figure(kind, title[: rounding.TEXT], data)
        size = len(msgspec.json.encode(figure))
        if len(self.figures) < FIGURES and size <= min(self._left, self._room.bytes):
            self._left -= size
            self._room.bytes -= size
            self.figures.append(figure)
