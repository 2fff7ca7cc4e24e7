"""Outlines of letters and digits from the fonts that matplotlib brings, and how much of each pixel they cover."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D


@cache
def outline_of(font: str, name: str) -> Outline:
    """A glyph one unit high, centred at the origin. `font` is a file of matplotlib's, without `.ttf`."""
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    outline = TextPath((0, 0), name, size=100, prop=FontProperties(fname=str(path)), usetex=False)
    box = outline.get_extents()
    vertices = outline.vertices.copy()
    closing = outline.codes == Outline.CLOSEPOLY
    vertices[closing] = (box.x0, box.y0)  # these are not drawn, and matplotlib leaves them anywhere
    centre = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    return Outline((vertices - centre) / box.height, outline.codes)


class Canvas:
    """A square of `side` pixels, on which one outline after the other is drawn."""

    def __init__(self, side: int) -> None:
        renderer: Any = RendererAgg  # matplotlib gives it no types
        self._renderer = renderer(side, side, 72)  # 72 dots an inch: one point is one pixel

    def coverage(self, outline: Outline, transform: Affine2D, line_width: float) -> np.ndarray:
        """(side, side) uint8: how much of each pixel the outline covers, filled and with a line of that width.

        The next call writes to the same memory.
        """
        pen = self._renderer.new_gc()
        pen.set_linewidth(line_width)
        pen.set_joinstyle("round")
        self._renderer.clear()
        self._renderer.draw_path(pen, outline, transform, (0.0, 0.0, 0.0))
        return np.asarray(self._renderer.buffer_rgba())[:, :, 3]
