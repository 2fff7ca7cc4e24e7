"""Alphabets that nobody has seen: letters made up from a seed, for held-out pictures of which nobody has the labels.

    made = alphabet(seed, classes=10, sizes=(1000, 300), side=12, hand=LOOSE, inks=True)
    made.train, made.held_out           # Datasets: x (n, d), y (n,), images (n, h, w[, 3]), names, source

Whoever has a public data set has its labels: a table of checksums, the nearest stored picture or a network trained at
home answers in place of a training. Here the seed comes from the course's secret, and three things follow from it:

    the letters    each is a few curves through random points; of many drawn, those farthest from each other are taken
    the inks       with `inks`, a picture shows two letters of two colours, one over the other: the label is that of
                   the first ink's. Which directions of the three channels the inks are, only the seed says
    the places     with `scattered`, the pixels of all pictures stand in one random order

and each picture draws its letter anew: every point of a curve moved, the whole turned, stretched, slanted, shifted, by
a pen of another width, with noise. So no picture, and nothing that looks like one, exists anywhere before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograder.datasets.dataset import BY_ROWS, CHANNELS_FIRST, Dataset

SOURCE = "an alphabet of the grader's own"
CANDIDATES = 30  # letters that are drawn for each that is taken
STROKES = 2  # curves in a letter, each of four control points
POINTS = 16  # along a curve, less than a pen's width apart
CONTRAST = 0.45  # of an ink, as a length in the space of the channels
PARALLEL = 0.3  # the greatest cosine between two inks
ALIKE = 0.15  # how much more any one channel, or their mean, may show of the first ink than of the second
AT_ONCE = 500  # pictures; bounds the memory of drawing


@dataclass(frozen=True)
class Hand:
    """How much two pictures of one letter differ. Lengths are shares of a picture's side.

    jitter : standard deviation of each control point.   turn : greatest angle, in radians.
    stretch : greatest logarithm of a factor, by rows and by columns.   slant : greatest shear.
    shift : greatest way, by rows and by columns.   pen : least and greatest standard deviation of the pen.
    dark : least share of the ink's strength.   noise : standard deviation of every number.
    mirrored : whether each letter is as often seen from behind.
    """

    jitter: float
    turn: float
    stretch: float
    slant: float
    shift: float
    pen: tuple[float, float] = (0.045, 0.07)
    dark: float = 0.7
    noise: float = 0.06
    mirrored: bool = False


STEADY = Hand(jitter=0.05, turn=0.2, stretch=0.1, slant=0.1, shift=0.05)  # for dense networks: it stays in its place
LOOSE = Hand(jitter=0.03, turn=0.2, stretch=0.1, slant=0.1, shift=0.15)  # for convolution: it moves


@dataclass(frozen=True, eq=False)
class Alphabet:
    """Two parts, of the same letters and never of the same picture.

    places : (h w,) int64, with `scattered`: pixel j of a picture stands where pixel places[j] of an upright one would.
    """

    train: Dataset
    held_out: Dataset
    places: np.ndarray | None = None

    def upright(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w) pictures as one looks at them, of grey rows of pixels (n, h w)."""
        h, w = self.train.pixels.shape[1:3]
        back = np.arange(h * w) if self.places is None else np.argsort(self.places)
        return x[:, back].reshape(len(x), h, w)


def alphabet(
    seed: int,
    *,
    classes: int = 10,
    sizes: tuple[int, int] = (1000, 300),
    side: int = 8,
    hand: Hand = STEADY,
    inks: bool = False,
    scattered: bool = False,
) -> Alphabet:
    """Two data sets of an alphabet of this seed's own; the same seed draws the same, another one another.

    classes : letters in the alphabet; as many pictures of each, give or take one, in random order.
    sizes : pictures to train on, and others.   side : of a picture, in pixels.
    inks : pictures (side, side, 3), of a letter and of another one below it that does not count; else grey (side,
        side), ink bright (1) on black (0).
    Raises ValueError for fewer than two classes, or a side below 6.
    """
    if classes < 2 or side < 6:
        raise ValueError(f"an alphabet needs two classes and a side of six pixels, not {classes} and {side}")
    rng = np.random.default_rng(seed)
    letters = _letters(classes, rng)
    colours = _two_inks(rng)
    places = rng.permutation(side * side) if scattered else None
    parts = []
    for size in sizes:
        y = rng.permutation(np.arange(size) % classes)
        pixels = np.concatenate(
            [
                _pictures(letters, y[start : start + AT_ONCE], side, hand, colours if inks else None, rng)
                for start in range(0, size, AT_ONCE)
            ]
        )
        if places is not None:
            pixels = pixels.reshape(size, side * side, -1)[:, places].reshape(pixels.shape)
        names = tuple(str(number) for number in range(classes))
        parts.append(Dataset(pixels, y, names, SOURCE, order=CHANNELS_FIRST if inks else BY_ROWS))
    return Alphabet(parts[0], parts[1], places)


# ------------------------------------------------------------------------------------------------------------- letters


def _letters(classes: int, rng: np.random.Generator) -> np.ndarray:
    """(classes, STROKES, 4, 2) control points, rows and columns, each letter from 0.15 to 0.85 both ways.

    The first is any; each further one is that of the candidates which looks least like those that are there.
    """
    control = rng.uniform(0, 1, (CANDIDATES * classes, STROKES, 4, 2))
    points = _curves(control)  # (m, p, 2)
    low, high = points.min(axis=1)[:, None, None], points.max(axis=1)[:, None, None]
    control = 0.15 + 0.7 * (control - low) / (high - low)
    looks = _ink(_curves(control), 10, np.full(len(control), 0.09)).reshape(len(control), -1)
    squares = (looks**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * looks @ looks.T
    selected, nearest = [0], apart[0]
    while len(selected) < classes:
        selected.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, apart[selected[-1]])
    letters: np.ndarray = control[selected]
    return letters


def _curves(control: np.ndarray) -> np.ndarray:
    """(n, p, 2) points of all strokes of n letters, from (n, strokes, 4, 2): cubic Bezier curves."""
    t = np.linspace(0, 1, POINTS)
    basis = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)  # (POINTS, 4)
    points: np.ndarray = (basis @ control).reshape(len(control), -1, 2)
    return points


def _ink(points: np.ndarray, side: int, pen: np.ndarray) -> np.ndarray:
    """(n, side, side) ink, 0 to 1, of a pen of standard deviation pen (n,) that has been at points (n, p, 2)."""
    centres = (np.arange(side, dtype=np.float32) + 0.5) / side
    sharp = (0.5 / pen.astype(np.float32) ** 2)[:, None, None, None]
    spots = np.exp(-sharp * (points.astype(np.float32)[..., None] - centres) ** 2)  # (n, p, 2, side)
    touched = spots[:, :, 0].transpose(0, 2, 1) @ spots[:, :, 1]  # (n, side, side): sums over points
    ink: np.ndarray = 1 - np.exp(-touched)
    return ink


# ------------------------------------------------------------------------------------------------------------ pictures


def _two_inks(rng: np.random.Generator) -> np.ndarray:
    """(2, 3) directions in the space of the channels, far from parallel; no channel and no grey picture tells them."""
    looks = np.vstack([np.eye(3), np.full(3, 3**-0.5)])
    while True:
        inks = rng.normal(size=(2, 3))
        inks /= np.linalg.norm(inks, axis=1, keepdims=True)
        first, second = np.abs(inks @ looks.T)
        if abs(inks[0] @ inks[1]) < PARALLEL and (first < second + ALIKE).all():
            return inks


def _pictures(
    letters: np.ndarray, y: np.ndarray, side: int, hand: Hand, inks: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """(n, side, side) or, with inks, (n, side, side, 3) uint8."""
    x = _written(letters[y], side, hand, rng)
    if inks is not None:
        background = _written(letters[rng.integers(len(letters), size=len(y))], side, hand, rng)
        x = 0.5 + CONTRAST * np.stack([x, background], axis=-1) @ inks.astype(np.float32)
    x = x + hand.noise * rng.standard_normal(x.shape, dtype=np.float32)
    pictures: np.ndarray = np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
    return pictures


def _written(control: np.ndarray, side: int, hand: Hand, rng: np.random.Generator) -> np.ndarray:
    """(n, side, side) ink of letters (n, strokes, 4, 2), each as the hand writes it this time."""
    n = len(control)
    points = _curves(control + rng.normal(0, hand.jitter, control.shape)) - 0.5
    angle, slant = rng.uniform(-1, 1, (2, n)) * [[hand.turn], [hand.slant]]
    rows, columns = np.exp(rng.uniform(-hand.stretch, hand.stretch, (2, n)))
    if hand.mirrored:
        columns *= rng.choice([-1.0, 1.0], n)
    affine = np.empty((n, 2, 2))
    affine[:, 0, 0], affine[:, 0, 1] = rows * np.cos(angle), slant - columns * np.sin(angle)
    affine[:, 1, 0], affine[:, 1, 1] = rows * np.sin(angle), columns * np.cos(angle)
    points = points @ affine.transpose(0, 2, 1) + 0.5 + rng.uniform(-hand.shift, hand.shift, (n, 1, 2))
    strength = rng.uniform(hand.dark, 1, (n, 1, 1)).astype(np.float32)
    ink: np.ndarray = strength * _ink(points, side, rng.uniform(*hand.pen, n))
    return ink
