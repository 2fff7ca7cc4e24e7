"""Draws a page of text from a seed: letters from the fonts that matplotlib brings, on paper that is unevenly lit.

    image, boxes, ink = draw(["TWO", "LINES"], seed=3, font="DejaVuSans-Bold", height=40, light=2.0, noise=0.02)

Every letter is drawn alone and then put on the page, so its box and its ink are known exactly; and what the options
promise of distances is measured on the pixels. The same arguments give the same page.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.transforms import Affine2D

from autograder.datasets.canvas import Canvas, outline_of

COVERED = 0.5  # a pixel belongs to a letter if at least this much of it is under ink
LETTER_GAP = 0.25  # between the ink of two letters, and of a letter and a dot or speck, in heights
LINE_GAP = 0.4  # free rows between two lines, in heights
BREAK = 0.07  # the widest gap in a broken letter, in heights
ACROSS = 0.3  # how far a gap runs through ink without a stop, at most, in heights: across strokes, not along them
DOT = 0.2  # the diameter of a dot, in heights
SPECK = 3  # the greatest side of a speck, in pixels
STEEPEST = 0.004  # the greatest change of the paper's brightness from pixel to pixel, as a share of itself


@dataclass
class Letter:
    """A letter's ink and where its upper left corner comes to lie."""

    ink: np.ndarray  # (h, w), 0 to 1
    y: int = 0
    x: int = 0

    @property
    def box(self) -> tuple[int, int, int, int]:
        """y0, x0, y1, x1 of the pixels that it covers."""
        rows, columns = (np.flatnonzero((self.ink >= COVERED).any(axis=axis)) for axis in (1, 0))
        return self.y + rows[0], self.x + columns[0], self.y + rows[-1] + 1, self.x + columns[-1] + 1

    def put_on(self, page: np.ndarray) -> None:
        h, w = self.ink.shape
        part = page[self.y : self.y + h, self.x : self.x + w]
        np.maximum(part, self.ink, out=part)


def draw(
    lines: list[str],
    *,
    seed: int,
    font: str = "DejaVuSans",
    height: float = 28,
    thicken: float = 1.0,
    slant: float = 0.0,
    slope: float = 0.0,
    wobble: float = 0.0,
    spacing: float = 0.35,
    margin: float = 0.5,
    ink: float = 0.3,
    light: float = 1.0,
    noise: float = 0.0,
    specks: int = 0,
    dots: bool = False,
    broken: float = 0.0,
    threads: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image (h, w) float64 in 0..1, boxes (n, 4) int64 in reading order, ink (h, w) float32 in 0..1).

    lines : text of A-Z and 0-9; a space makes room, a line without letters is left out, and no line is blank paper.
    font : a file of matplotlib's, without `.ttf`.   height : of a capital letter, in pixels.
    thicken : pixels that the pen adds to every stroke.   slant : of the letters, as a share of their height.
    slope : of the lines, in rows a column.   wobble : 0 to 1; how much size, angle and place differ between letters.
    spacing : the least distance between the ink of letters, in heights, 1/4 at least; boxes may overlap.
    margin : around the text, in heights; 0 lets letters touch the page's edges.
    ink : brightness of ink, as a share of the paper's around it.
    light : how many times as bright the brightest place of the paper is as the darkest; less on a page that is so small
        that the light would change by more than 0.4 % from pixel to pixel.
    noise : standard deviation of every pixel's error.   specks : how many, of 1 to 3 pixels a side.
    dots : whether a full stop stands after the first letter of every line.
    broken : probability that a letter's strokes are cut through by a gap of up to 0.07 of its height, or of 2 pixels;
        at most every second letter of a page is, and never the first.
    threads : probability that two neighbours are joined by a thread, 1 or 2 pixels thick.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    pen = _Pen(font, height, thicken, slant, wobble, rng)
    rows = [_line(text, pen, spacing, slope, broken, dots) for text in lines if text.strip()]
    _set_below_each_other(rows, height, rng)
    everything = [letter for row in rows for letter in row]
    letters = [letter for letter in everything if not isinstance(letter, Dot)]
    page, shift = _paper(everything, margin * height, height)
    for letter in everything:
        letter.y, letter.x = letter.y + shift[0], letter.x + shift[1]
        letter.put_on(page)
    boxes = np.array([letter.box for letter in letters], dtype=np.int64).reshape(-1, 4)
    dark = page.copy()
    for row in rows:
        _draw_threads(dark, [letter for letter in row if not isinstance(letter, Dot)], threads, height, rng)
    _draw_specks(dark, everything, specks, height, rng)
    image = _photographed(dark, ink, light, noise, rng)
    for letter in everything:
        if isinstance(letter, Dot):
            letter.erase_from(page)
    return image, boxes, page


class Dot(Letter):
    """A full stop: ink, but no letter."""

    def erase_from(self, page: np.ndarray) -> None:
        h, w = self.ink.shape
        page[self.y : self.y + h, self.x : self.x + w] = 0


class _Pen:
    """Draws single letters of one font."""

    def __init__(
        self, font: str, height: float, thicken: float, slant: float, wobble: float, rng: np.random.Generator
    ) -> None:
        self.font, self.height, self.thicken, self.slant, self.wobble, self.rng = (
            font, height, thicken, slant, wobble, rng,
        )  # fmt: skip
        self.drawn = self.broken = 0  # letters so far
        self.side = int(3.2 * height + 2 * thicken + 8)
        self._canvas = Canvas(self.side)

    def letter(self, name: str) -> Letter:
        wobble, rng = self.wobble, self.rng
        self.drawn += 1
        size = self.height * (1 + 0.15 * wobble * rng.uniform(-1, 1))
        transform = Affine2D().scale(1 + 0.15 * wobble * rng.uniform(-1, 1), 1).skew(np.arctan(self.slant), 0)
        transform = transform.rotate(0.12 * wobble * rng.uniform(-1, 1)).scale(size - self.thicken)
        transform = transform.translate(self.side / 2 + rng.uniform(-0.5, 0.5), self.side / 2 + rng.uniform(-0.5, 0.5))
        covered = self._canvas.coverage(outline_of(self.font, name), transform, self.thicken)
        return Letter(_trimmed(covered.astype(np.float32) / 255))

    def dot(self) -> Dot:
        side = max(2, round(DOT * self.height))
        y, x = np.mgrid[:side, :side] + 0.5 - side / 2
        return Dot((np.hypot(y, x) <= side / 2).astype(np.float32))


def _line(text: str, pen: _Pen, spacing: float, slope: float, broken: float, dots: bool) -> list[Letter]:
    """The letters of a line, each as far from those before it as it must be, on a baseline around row 0."""
    rng, height = pen.rng, pen.height
    span = 4 * pen.side + round(abs(slope) * 3 * height * len(text))
    reach = np.full(span, -(10.0**6))  # of each row: how far to the right ink has come; rows begin at -span / 2
    letters: list[Letter] = []
    room = 0.0
    for name in text:
        if name == " ":
            room += 0.7 * height
            continue
        gap = max(spacing, LETTER_GAP) * height * rng.uniform(1, 1.5) + room
        letter = pen.letter(name)
        if rng.random() < broken and 2 * pen.broken < pen.drawn - 1:
            whole, letter.ink = letter.ink, _broken(letter.ink, height, rng)
            pen.broken += whole is not letter.ink
        _append(letter, letters, reach, gap, slope, 0.08 * pen.wobble * height * rng.uniform(-1, 1))
        if dots and len(letters) == 1:
            _append(pen.dot(), letters, reach, LETTER_GAP * height + 2, slope, 0.0)
        room = 0.0
    return letters


def _append(letter: Letter, letters: list[Letter], reach: np.ndarray, gap: float, slope: float, offset: float) -> None:
    """Put a letter down at the right of the others, its ink at least `gap` pixels away from theirs in any direction."""
    h, w = letter.ink.shape
    step = int(np.ceil(gap))
    last = letters[-1] if letters else None
    middle = len(reach) // 2
    base = offset + (slope * (last.x + last.ink.shape[1]) if last else 0.0)
    letter.y = round(base) - h
    rows = np.arange(h) + letter.y + middle
    covered = letter.ink > 0
    left = np.where(covered.any(axis=1), covered.argmax(axis=1), 10**6)
    right = np.where(covered.any(axis=1), w - covered[:, ::-1].argmax(axis=1), -(10**6))
    near = np.max([reach[rows + d] for d in range(-step, step + 1)], axis=0) if last else np.zeros(h)
    letter.x = int(np.max(near - left)) + step if last else 0
    if last:
        letter.x = max(letter.x, last.x + 1)
    reach[rows] = np.maximum(reach[rows], letter.x + right)
    letters.append(letter)


def _broken(ink: np.ndarray, height: float, rng: np.random.Generator) -> np.ndarray:
    """The letter with a straight gap across its strokes; as it was, where no gap of eight leaves two parts of it."""
    h, w = ink.shape
    y, x = np.mgrid[:h, :w]
    for _ in range(8):
        gap = rng.uniform(2, max(2.0, BREAK * height))
        angle = rng.uniform(-0.7, 0.7)
        down, right = y - h * rng.uniform(0.3, 0.7), x - w / 2
        across = down * np.cos(angle) + right * np.sin(angle)
        cut = np.where(np.abs(across) <= gap / 2, 0, ink)
        lost = np.sort((right * np.cos(angle) - down * np.sin(angle))[(ink >= COVERED) & (cut == 0)])
        runs = np.split(lost, np.flatnonzero(np.diff(lost) > 2) + 1)
        if max((np.ptp(run) for run in runs if len(run)), default=0.0) > ACROSS * height:
            continue  # along a stroke it would leave a sliver, which could be taken for a thread
        covered = _solid(cut >= COVERED)  # slivers do not count: they vanish when the page is smoothed
        total = (ink >= COVERED).sum()
        sides = covered[across > 0].sum(), covered[across < 0].sum()
        if sum(sides) >= 0.7 * total and min(sides) >= 0.15 * total and _linked(covered, int(BREAK * height) + 1):
            return _trimmed(cut)
    return ink


def _solid(covered: np.ndarray) -> np.ndarray:
    """The pixels of all squares of 3 x 3 covered ones."""
    room = np.pad(covered, 2)
    squares = np.all(np.lib.stride_tricks.sliding_window_view(room, (3, 3)), axis=(2, 3))
    solid: np.ndarray = np.any(np.lib.stride_tricks.sliding_window_view(squares, (3, 3)), axis=(2, 3))
    return solid


def _linked(covered: np.ndarray, step: int) -> bool:
    """Can one go from any covered pixel to any other, each jump at most `step` rows and columns?"""
    room = np.pad(covered, step)
    reached = np.zeros_like(room)
    reached.flat[room.argmax()] = True
    while True:
        grown = reached
        for axis in (0, 1):
            left = step
            while left:  # by doubling: what one jump reaches is bridged without holes
                jump = min(left, step - left + 1)
                grown = grown | np.roll(grown, jump, axis) | np.roll(grown, -jump, axis)
                left -= jump
        grown &= room
        if (grown == reached).all():
            return bool((grown == room).all())
        reached = grown


def _set_below_each_other(rows: list[list[Letter]], height: float, rng: np.random.Generator) -> None:
    """Move each line down until free rows part it from the one above it; the first begins at row 0."""
    top = 0
    for row in rows:
        lift = top - min(letter.y for letter in row)
        for letter in row:
            letter.y += lift
        top = max(letter.y + len(letter.ink) for letter in row) + round(LINE_GAP * height * rng.uniform(1, 1.6)) + 1


def _paper(letters: list[Letter], margin: float, height: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Bare paper, as large as the letters and their margin need, and how far they are to be moved."""
    if not letters:
        return np.zeros((round(4 * height), round(6 * height)), np.float32), (0, 0)
    edge = round(margin)
    y0, x0 = min(letter.y for letter in letters), min(letter.x for letter in letters)
    y1 = max(letter.y + letter.ink.shape[0] for letter in letters)
    x1 = max(letter.x + letter.ink.shape[1] for letter in letters)
    return np.zeros((y1 - y0 + 2 * edge, x1 - x0 + 2 * edge), np.float32), (edge - y0, edge - x0)


def _draw_threads(
    page: np.ndarray, letters: list[Letter], share: float, height: float, rng: np.random.Generator
) -> None:
    """Straight threads along rows in which both neighbours have ink, and not far apart."""
    for left, right in pairwise(letters):
        if rng.random() >= share:
            continue
        ends = []
        for row in range(max(left.y, right.y), min(left.y + len(left.ink), right.y + len(right.ink))):
            left_ink, right_ink = left.ink[row - left.y] >= COVERED, right.ink[row - right.y] >= COVERED
            if left_ink.any() and right_ink.any():
                start, stop = left.x + int(np.flatnonzero(left_ink)[-1]), right.x + int(np.flatnonzero(right_ink)[0])
                if 0 < stop - start <= height:
                    ends.append((row, start, stop))
        if ends:
            row, start, stop = ends[rng.integers(len(ends))]
            page[row : row + rng.integers(1, 3), start : stop + 1] = 1


def _draw_specks(page: np.ndarray, letters: list[Letter], count: int, height: float, rng: np.random.Generator) -> None:
    """Dark specks where they are far from every letter and from one another."""
    gap = int(np.ceil(LETTER_GAP * height)) + SPECK
    free = np.ones(page.shape, bool)
    for y, x, ink in ((letter.y, letter.x, letter.ink) for letter in letters):
        free[max(0, y - gap) : y + ink.shape[0] + gap, max(0, x - gap) : x + ink.shape[1] + gap] = False
    for _ in range(count):
        places = np.flatnonzero(free)
        if not len(places):
            return
        y, x = divmod(int(places[rng.integers(len(places))]), page.shape[1])
        page[y : y + rng.integers(1, SPECK + 1), x : x + rng.integers(1, SPECK + 1)] = 1
        free[max(0, y - gap) : y + gap, max(0, x - gap) : x + gap] = False


def _photographed(coverage: np.ndarray, ink: float, light: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The page as a camera sees it, float64 from 0 to 1: uneven light on paper and ink, and every pixel's error."""
    image = _lit((coverage.shape[0], coverage.shape[1]), light, rng) * (1 - (1 - ink) * coverage)
    image = np.clip(image + rng.normal(0, noise, image.shape) if noise else image, 0, 1)
    return image.astype(np.float64)


def _lit(shape: tuple[int, int], light: float, rng: np.random.Generator) -> np.ndarray:
    """How bright the paper is: a slope in some direction and a broad spot, between 0.95 / light and 0.95."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    span = float(np.hypot(*shape))
    angle, (spot_y, spot_x) = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1, 2) * shape
    field = (y * np.sin(angle) + x * np.cos(angle)) / span
    field = field - 0.5 * rng.random() * np.exp(-((y - spot_y) ** 2 + (x - spot_x) ** 2) / (0.5 * span) ** 2)
    share = (field - field.min()) / max(np.ptp(field), 1e-9)
    steepest = max(np.abs(np.diff(share, axis=axis)).max(initial=0.0) for axis in (0, 1))
    fall = min(np.log(light), STEEPEST / max(steepest, 1e-9))
    brightness: np.ndarray = 0.95 * np.exp(-fall * share)
    return brightness


def _trimmed(ink: np.ndarray) -> np.ndarray:
    """Without the empty rows and columns around it."""
    rows, columns = (np.flatnonzero((ink > 0).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
