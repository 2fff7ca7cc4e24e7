"""The precision of values in a report that a student's code can choose. All such rules are here.

The code that produces the figures and times of a hidden test knows its inputs, and the student reads the report. So all
values are rounded to few steps, and their number is limited; docs/security.md adds up how many bits remain. Figures are
rounded when they are recorded, for every reader. Times are rounded when a student reads them.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DIGITS = 3  # significant ones, of a number; in a curve, of its largest
SMALLEST, LARGEST = 1e-9, 1e9  # absolute values; a smaller number becomes 0, a larger one NaN
POINTS, SERIES = 40, 4  # of one curve; of more points a regular selection is kept
MISTAKES = 20  # of a confusion matrix: the most frequent ones, each in steps of 1, 2 and 5
CLASSES = 120  # of a confusion matrix
ROWS, PICTURES = 6, 16  # of one figure of pictures: rows, and pictures in a row
PIXELS, LEVELS = 8192, 8  # of all pictures of one figure together, and grey levels of each
BOXES, GRID = 500, 4  # on a page; their edges are multiples of GRID pixels
LINES, LINE = 40, 120  # of a page's text: lines, and characters of each
TEXT = 200  # characters of a title or a name
TIME_DIGITS = 2  # of the seconds of one training, and of how many times the reference's time they are
STEPS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 2700, 3600)  # seconds
MEGABYTES = 100  # memory is rounded up to multiples of it


def number(value: Any, digits: int = DIGITS) -> float:
    """The number with `digits` significant digits; NaN if it is not a number, or too large."""
    real = _float(value)
    if not abs(real) <= LARGEST:
        return math.nan
    if abs(real) < SMALLEST:
        return 0.0
    return round(real, digits - 1 - math.floor(math.log10(abs(real))))


def beside(value: Any, bar: float | None, digits: int = DIGITS) -> float:
    """The same, but never on the other side of the bar: 84.996 beside 85 is 84.9, since it is below 85."""
    rounded, exact = number(value, digits), _float(value)
    if bar is None or not math.isfinite(rounded) or _side(rounded, bar) == _side(exact, bar):
        return rounded
    if exact == bar:
        return bar
    step = 10.0 ** (math.floor(math.log10(max(abs(exact), abs(rounded), SMALLEST))) - digits + 1)
    return float(f"{rounded + math.copysign(step, exact - bar):.{digits + 1}g}")


def curve(x: Any, series: Mapping[str, Any]) -> tuple[list[float], dict[str, list[float]]]:
    """(x, series) with few points. Digits are counted from the largest value of each series.

    x is kept only if it increases, since the student's code may choose it, too. Otherwise x counts from 1.
    """
    all_x = [_float(value) for value in x]
    indices = thinned(len(all_x))
    xs = [all_x[index] for index in indices]
    ordinals = [float(index + 1) for index in indices]
    if xs not in (ordinals, [index - 1 for index in ordinals]):
        xs = _scaled(xs)
        if not all(left < right for left, right in itertools.pairwise(xs)):
            xs = ordinals
    selected = list(series.items())[:SERIES]
    values = {name[:TEXT]: list(numbers) for name, numbers in selected}
    return xs, {
        name: _scaled([numbers[index] for index in indices if index < len(numbers)]) for name, numbers in values.items()
    }


def thinned(count: int) -> list[int]:
    """Indices of POINTS out of `count` points, evenly spaced, including the first and the last."""
    if count <= POINTS:
        return list(range(count))
    return [round(index * (count - 1) / (POINTS - 1)) for index in range(POINTS)]


def confusion(matrix: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rounded counts: correct ones to two digits; the most frequent mistakes down to 1, 2, 5, 10 .."""
    k = min(len(matrix), CLASSES)
    counts = [(matrix[i][j], i, j) for i in range(k) for j in range(k) if i != j and matrix[i][j] > 0]
    counts.sort(key=lambda entry: (-entry[0], entry[1:]))
    coarse = [[0] * k for _ in range(k)]
    for i in range(k):
        coarse[i][i] = int(number(matrix[i][i], 2))
    for count, i, j in counts[:MISTAKES]:
        power = 10 ** (len(str(count)) - 1)
        coarse[i][j] = max(step * power for step in (1, 2, 5) if step * power <= count)
    return coarse


def pictures(rows: Mapping[str, Any]) -> list[tuple[str, list[list[list[int]]]]]:
    """Rows of grey pictures, entries 0 to 1, as (label, pictures of 0 to 255): averaged over squares until they fit."""
    grey_rows = [
        (str(label)[:TEXT], [_grey(picture) for picture in list(row)[:PICTURES]])
        for label, row in list(rows.items())[:ROWS]
    ]
    all_pictures = [picture for _, row in grey_rows for picture in row]
    side = 1
    while sum(_blocks(n, side) * _blocks(m, side) for n, m in (picture.shape for picture in all_pictures)) > PIXELS:
        side += 1
    return [(label, [levels(averaged(picture, side), LEVELS).tolist() for picture in row]) for label, row in grey_rows]


def averaged(picture: np.ndarray, side: int) -> np.ndarray:
    """Means over squares of that side; the remaining pixels at the borders are dropped."""
    n, m = (min(side, length) for length in picture.shape)
    h, w = picture.shape[0] // n, picture.shape[1] // m
    means: np.ndarray = picture[: h * n, : w * m].reshape(h, n, w, m).mean(axis=(1, 3))
    return means


def levels(picture: np.ndarray, count: int) -> np.ndarray:
    """Entries 0 to 1 as integers 0 to 255, with only `count` different values."""
    return ((picture.clip(0, 1) * (count - 1)).round() * (255 / (count - 1))).round().astype(np.uint8)


def boxes(values: Any, scale: float) -> list[list[float]]:
    """The rows of an (n, 4) array of finite numbers, divided by `scale`, on a grid; empty for anything else."""
    try:
        rows = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return []
    if rows.ndim != 2 or rows.shape[1] != 4:
        return []
    rows = rows[:BOXES][np.isfinite(rows[:BOXES]).all(axis=1)] / scale
    edges = np.round(rows.clip(-GRID, 2**14) / GRID) * GRID
    corners: list[list[float]] = (edges + 0.0).tolist()
    return corners


def lines(values: Any) -> list[str]:
    """The lines of a page's text; empty for anything but a list."""
    return [str(line)[:LINE] for line in values[:LINES]] if isinstance(values, list) else []


def total_seconds(value: float) -> float:
    """The time of a whole grading, or of one test, rounded up to the next step."""
    return value if value <= 0 else next((float(step) for step in STEPS if value <= step), number(value, 1))


def megabytes(value: float | None) -> float | None:
    return None if value is None else float(MEGABYTES * math.ceil(value / MEGABYTES))


def _scaled(values: list[float]) -> list[float]:
    usable = [abs(value) for value in values if abs(value) <= LARGEST]
    top = max(usable, default=0.0)
    places = DIGITS - 1 - math.floor(math.log10(top)) if top >= SMALLEST else 0
    return [float(round(value, places)) + 0.0 if abs(value) <= LARGEST else math.nan for value in values]


def _grey(picture: Any) -> np.ndarray:
    """A picture of numbers; anything else becomes one grey pixel."""
    try:
        pixels = np.asarray(picture, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pixels = np.empty(0)
    if pixels.ndim != 2 or not pixels.size:
        return np.full((1, 1), 0.5)
    return np.nan_to_num(pixels, nan=0.5, posinf=1.0, neginf=0.0)


def _blocks(length: int, side: int) -> int:
    return max(1, length // side)


def _float(value: Any) -> float:
    with contextlib.suppress(Exception):
        if value is not None and not isinstance(value, str):
            return float(value)
    return math.nan


def _side(value: float, bar: float) -> int:
    return (value > bar) - (value < bar)
