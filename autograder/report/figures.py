"""Pictures of a report's figures:  draw(figure) -> PNG bytes.

    curve        one panel for each scale: what stays within 0 to 1 (accuracies) apart from the rest (losses)
    confusion    counts as shades, the diagonal left out of the scale, so that mistakes are what one sees
    images       rows of grey pictures, each row with its label
    page         a grey picture with boxes, and what was read beside it
    numbers      a bar for each value, a mark where it must reach

What is drawn was computed from a student's answers, and its names may be a student's: every text is drawn letter by
letter, never parsed as a formula; NaN and infinity leave gaps; what is too much is thinned out. The same figure gives
the same bytes. Nothing global is touched (no pyplot, no rcParams), so threads may draw at the same time.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from autograder.report.numbers import beside
from autograder.report.schema import Figure

DOTS_PER_INCH = 120
MAX_POINTS = 2000  # of one series; beyond it every m-th is drawn
MAX_SERIES = 8  # of one curve; the rest is left out, and the picture says so
MAX_CLASSES = 120  # of one confusion matrix; the same
MAX_ROWS = 12  # of pictures, or of numbers; the same
MAX_IMAGES = 16  # in a row; the same
MAX_PIXELS = 2**20  # of a page; a larger one is not drawn
MAX_BOXES = 1000  # on a page; the same
MAX_LINES = 40  # of a page's text; the same
MAX_TEXT = 80  # characters of one label; the rest is cut
LARGEST = 1e30  # in absolute value; beyond it matplotlib's own arithmetic overflows, so it counts as infinite

INK, QUIET = "#1f2933", "#7b8794"
COLOURS = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#0891b2", "#65a30d", "#dc2626")


def draw(figure: Figure) -> bytes:
    """The figure as a PNG. Raises ValueError for an unknown kind."""
    painters = {"curve": _curve, "confusion": _confusion, "images": _images, "page": _page, "numbers": _numbers}
    if figure.kind not in painters:
        raise ValueError(f"a figure of the kind {figure.kind!r} is not one of {', '.join(painters)}")
    canvas = Canvas(figsize=(6.4, 4.0), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(canvas)
    left_out = painters[figure.kind](canvas, figure.data)
    title = _short(figure.title) + (f"\n({left_out})" if left_out else "")
    canvas.suptitle(title, fontsize=11, color=INK, parse_math=False)
    out = BytesIO()
    canvas.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


# --------------------------------------------------------------------------------------------------------------- kinds


def _curve(canvas: Canvas, data: dict[str, Any]) -> str:
    x = _numbers_of(data["x"])
    series = {name: _numbers_of(values) for name, values in list(data["series"].items())[:MAX_SERIES]}
    panels = [part for part in _by_scale(series) if part]
    for axes, names in zip(_panels(canvas, max(1, len(panels))), panels or [[]], strict=True):
        for name in names:
            count = min(len(x), len(series[name]))
            indices = _thinned(count)
            axes.plot(
                x[indices],
                series[name][indices],
                color=COLOURS[list(series).index(name) % len(COLOURS)],
                marker="o" if count <= 40 else None,
                markersize=3,
                linewidth=1.5,
                label=_short(name),
            )
        _finish(axes)
        _text(axes.set_xlabel, data["x_label"])
        if (x == np.round(x)).all():
            axes.locator_params(axis="x", integer=True)  # there is no epoch 1.5
        if len(names) == 1:
            _text(axes.set_ylabel, names[0])
        elif names:
            # `plot` hides series whose name begins with an underscore; given by hand they are shown.
            legend = axes.legend(axes.lines, [_short(name) for name in names], frameon=False, fontsize=9)
            for text in legend.get_texts():
                text.set_parse_math(False)
    return _left_out(len(data["series"]), MAX_SERIES, "series")


def _by_scale(series: dict[str, np.ndarray]) -> tuple[list[str], list[str]]:
    """(names of series that leave 0 to 1, names of those that stay in it)."""
    shares = [name for name, v in series.items() if np.isfinite(v).any() and np.nanmin(v) >= 0 and np.nanmax(v) <= 1]
    return [name for name in series if name not in shares], shares


def _confusion(canvas: Canvas, data: dict[str, Any]) -> str:
    names = [_short(name, 12) for name in data["names"][:MAX_CLASSES]]
    k = len(names)
    matrix = np.zeros((k, k))
    for row, counts in zip(matrix, data["matrix"], strict=False):
        counts = _numbers_of(counts[:k])
        row[: len(counts)] = np.nan_to_num(counts, nan=0.0, posinf=0.0, neginf=0.0)
    mistakes = matrix * (1 - np.eye(k))
    worst = max(4.0, mistakes.max(initial=0.0))  # few mistakes stay pale
    right = np.ma.masked_where(np.eye(k) == 0, matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))
    side = min(12.0, max(4.0, 2.0 + 0.19 * k))
    canvas.set_size_inches(side + 0.8, side)
    axes = canvas.add_subplot()
    if k:
        axes.imshow(np.ma.masked_where(mistakes == 0, mistakes), cmap="Reds", vmin=0, vmax=worst)
        axes.imshow(right, cmap="Blues", vmin=0, vmax=1.4)
    size = float(np.clip(260 / max(k, 1), 4, 10))
    if k <= 40:
        _write_counts(axes, matrix, worst, size)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(range(k), names)
        axis.set_tick_params(length=0, labelsize=size, labelcolor=INK)
        for text in axis.get_ticklabels():
            text.set_parse_math(False)
    if any(len(name) > 2 for name in names):
        axes.tick_params(axis="x", labelrotation=90)
    _finish(axes, grid=False)
    _text(axes.set_xlabel, "predicted")
    _text(axes.set_ylabel, "truth")
    return _left_out(len(data["names"]), MAX_CLASSES, "classes")


def _write_counts(axes: Axes, matrix: np.ndarray, worst: float, size: float) -> None:
    for i, j in np.argwhere(matrix > 0):
        count = matrix[i, j]
        dark = count > worst / 2 if i != j else count > 0.7 * matrix[i].sum()
        axes.text(j, i, f"{count:.4g}", ha="center", va="center", fontsize=size, color="white" if dark else INK)


def _images(canvas: Canvas, data: dict[str, Any]) -> str:
    rows = data["rows"][:MAX_ROWS]
    columns = max([1, *(min(len(row["images"]), MAX_IMAGES) for row in rows)])
    canvas.set_size_inches(max(3.2, 1.2 + 0.75 * columns), 0.7 + 0.85 * max(1, len(rows)))
    grid = canvas.subplots(max(1, len(rows)), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for line, row in zip(grid, rows, strict=False):
        for axes, image in zip(line, row["images"], strict=False):
            axes.imshow(_grey(image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        line[0].text(
            -0.15, 0.5, _short(row["label"], 24), transform=line[0].transAxes, ha="right", va="center", fontsize=9,
            color=INK, parse_math=False,
        )  # fmt: skip
    return _left_out(len(data["rows"]), MAX_ROWS, "rows") or _left_out(
        max([0, *(len(row["images"]) for row in rows)]), MAX_IMAGES, "pictures of a row"
    )


def _grey(image: Any) -> np.ndarray:
    """A picture of numbers; what is none is a grey dot."""
    try:
        pixels = np.asarray(image, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pixels = np.empty(0)
    if pixels.ndim != 2 or not pixels.size:
        return np.full((1, 1), 127.0)
    steps = [max(1, math.ceil(side / 512)) for side in pixels.shape]
    return np.nan_to_num(pixels[:: steps[0], :: steps[1]], nan=127.0, posinf=255.0, neginf=0.0)


def _page(canvas: Canvas, data: dict[str, Any]) -> str:
    picture = _unpacked(data["shape"], data["grey"])
    h, w = picture.shape
    lines = data["lines"][:MAX_LINES]
    # A wide page has its text below it, another one at its right.
    wide = w >= 2 * h
    size = 9.0 if len(lines) <= 20 else 6.0
    room = 0.3 + 0.02 * size * max(1, len(lines)) if wide else 3.2
    side = 7.0 if wide else 5.2
    height = float(np.clip(side * h / w, 1.0, 9.0))
    canvas.set_size_inches(side if wide else side + room, height + 0.6 + (room if wide else 0.0))
    ratios: dict[str, Any] = {"height_ratios": [height, room]} if wide else {"width_ratios": [side, room]}
    picture_axes, text_axes = canvas.subplots(*((2, 1) if wide else (1, 2)), **ratios)
    for axes in (picture_axes, text_axes):
        axes.axis("off")
    picture_axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    for box in data["boxes"][:MAX_BOXES]:
        corners = _numbers_of(box) if isinstance(box, (list, tuple)) else np.empty(0)
        if len(corners) == 4 and np.isfinite(corners).all():
            # The middle of the first pixel is at 0, so that its edge is at -1/2; what lies outside is cut off.
            y0, x0, y1, x1 = np.clip(corners, -1, [h + 1, w + 1, h + 1, w + 1]) - 0.5
            picture_axes.add_patch(
                Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=COLOURS[7], linewidth=0.9)
            )
    picture_axes.set(xlim=(-0.5, w - 0.5), ylim=(h - 0.5, -0.5))
    for index, line in enumerate(lines):
        text_axes.text(
            0.0, 1 - (index + 0.5) / max(1, len(lines)) if wide else 0.97 - 0.02 * size * index / height,
            _short(line, 100 if wide else 36), transform=text_axes.transAxes, ha="left", va="center" if wide else "top",
            fontsize=size, family="monospace", color=INK, parse_math=False,
        )  # fmt: skip
    return _left_out(len(data["boxes"]), MAX_BOXES, "boxes") or _left_out(len(data["lines"]), MAX_LINES, "lines")


def _unpacked(shape: Any, grey: Any) -> np.ndarray:
    """The picture of a page; what is none is a grey dot."""
    try:
        h, w = (int(side) for side in shape)
        size = h * w
        data = zlib.decompressobj().decompress(base64.b64decode(grey), max(1, min(size, MAX_PIXELS) + 1))
    except (TypeError, ValueError, OverflowError, zlib.error):
        size, data = 0, b""
    if not 0 < len(data) == size or min(h, w) < 1:
        return np.full((1, 1), 127.0)
    return np.frombuffer(data, np.uint8).reshape(h, w).astype(np.float64)


def _numbers(canvas: Canvas, data: dict[str, Any]) -> str:
    rows = data["rows"][:MAX_ROWS]
    canvas.set_size_inches(6.4, 1.1 + 0.75 * max(1, len(rows)))
    for axes, row in zip(_panels(canvas, max(1, len(rows)), stacked=True), rows or [None], strict=True):
        axes.set_yticks([])
        _finish(axes, grid=False)
        if row is None:
            continue
        value, bar = _number(row["value"]), _number(row.get("bar"))
        percent = row.get("unit") == "%"
        finite = [v for v in (value, bar) if math.isfinite(v)]
        ends = [0.0, 100.0 if percent else 0.0, *finite]
        room = 0.0 if max(ends) == 100 and percent else 0.15 * (max(map(abs, ends)) or 1.0)
        axes.set_xlim(min(ends) - (room if min(ends) < 0 else 0), max(ends) + room)
        if math.isfinite(value):
            # One colour: whether more is better, the figure does not know.
            axes.barh(0, value, height=0.5, color=COLOURS[0])
        if math.isfinite(bar):
            axes.axvline(bar, color=INK, linewidth=2)
        unit = f" {row['unit']}" if row.get("unit") else ""
        bar_text = f"  (bar {bar:g}{unit})" if math.isfinite(bar) else ""
        # The name is cut, the value never.
        axes.set_title(
            _short(f"{_short(row['name'])}: {_value_text(row['value'], bar)}{unit}{bar_text}", 160),
            fontsize=9,
            color=INK,
            loc="left",
            parse_math=False,
        )
    return _left_out(len(data["rows"]), MAX_ROWS, "rows")


# --- what all figures need ------------------------------------------------------------------------------------------


def _panels(canvas: Canvas, count: int, *, stacked: bool = False) -> list[Axes]:
    if not stacked and count > 1:
        canvas.set_size_inches(8.0, 3.6)
    shape = (count, 1) if stacked else (1, count)
    return list(canvas.subplots(*shape, squeeze=False).flat)


def _finish(axes: Axes, *, grid: bool = True) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.tick_params(colors=QUIET, labelcolor=INK)
    if grid:
        axes.grid(True, color="#e4e7eb", linewidth=0.8)
        axes.set_axisbelow(True)


def _text(setter: Any, text: Any) -> None:
    setter(_short(text), color=INK, fontsize=9, parse_math=False)


def _short(text: Any, limit: int = MAX_TEXT) -> str:
    """One line of printable characters, cut at the limit."""
    line = "".join(c if c.isprintable() else " " for c in str(text)[: 4 * limit])
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _left_out(count: int, limit: int, noun: str) -> str:
    return f"{limit} of {count} {noun} are shown" if count > limit else ""


def _number(value: Any) -> float:
    """A float that can be drawn, or NaN."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if abs(number) <= LARGEST else math.nan


def _value_text(value: Any, bar: float) -> str:
    try:
        return beside(float(value), bar)
    except (TypeError, ValueError, OverflowError):
        return "no number"


def _numbers_of(values: Iterable[Any]) -> np.ndarray:
    return np.array([_number(value) for value in values], dtype=np.float64)


def _thinned(count: int) -> slice:
    return slice(0, count, max(1, math.ceil(count / MAX_POINTS)))
