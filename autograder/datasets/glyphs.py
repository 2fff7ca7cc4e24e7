"""Letters and digits drawn from the fonts that matplotlib brings, no two alike: what every installation has.

Every glyph is an outline that is stretched, slanted, turned, thickened, moved, drawn without aliasing and strewn with
noise, all by one seeded generator; so the same matplotlib draws the same pictures.
"""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from autograder.datasets.canvas import Canvas, outline_of

NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DIGITS = "0123456789"
SIDE = 32  # pixels
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralItalic",
    "cmr10",
    "cmss10",
    "cmtt10",
)


def render(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(images, y): (36 per_class, 32, 32) uint8, ink dark on white 255, and int64 labels; classes take turns."""
    rng = np.random.default_rng([36, seed])
    y = np.tile(np.arange(len(NAMES)), per_class)
    canvas = Canvas(SIDE)
    images = np.empty((len(y), SIDE, SIDE), np.uint8)
    for image, label in zip(images, y, strict=True):
        outline = outline_of(FONTS[rng.integers(len(FONTS))], NAMES[label])
        image[:] = _with_noise(_drawn(canvas, outline, rng), rng)
    return images, y


def render_in_colour(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(images, y): (10 per_class, 32, 32, 3) uint8, digits of one colour on another, and int64 labels; in turns."""
    rng = np.random.default_rng([10, seed])
    y = np.tile(np.arange(len(DIGITS)), per_class)
    canvas = Canvas(SIDE)
    images = np.empty((len(y), SIDE, SIDE, 3), np.uint8)
    for image, label in zip(images, y, strict=True):
        ink = _drawn(canvas, outline_of(FONTS[rng.integers(len(FONTS))], DIGITS[label]), rng)[:, :, None]
        paper, colour = _two_colours(rng)
        light = paper * (1 - ink) + colour * ink + rng.normal(0.0, 0.08, image.shape)
        image[:] = np.rint(np.clip(light, 0, 1) * 255)
    return images, y


def _two_colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Red, green and blue of two colours that one can tell apart."""
    first = rng.uniform(0.05, 0.95, 3)
    far = np.where(first < 0.5, first + 0.45, first - 0.45)  # in one channel at least; in the others anywhere
    return first, np.where(np.arange(3) == rng.integers(3), far, rng.uniform(0.05, 0.95, 3))


def _drawn(canvas: Canvas, outline: Outline, rng: np.random.Generator) -> np.ndarray:
    """(32, 32) coverage by ink, 0 to 1."""
    height = rng.uniform(15, 21)
    transform = Affine2D().scale(rng.uniform(0.75, 1.2), 1)
    transform = transform.skew(rng.uniform(-0.3, 0.3), rng.uniform(-0.12, 0.12)).rotate(rng.uniform(-0.22, 0.22))
    corners = transform.transform(outline.vertices)  # a hull of the curves, and quicker than their exact extents
    # Wide and turned glyphs are drawn smaller, so that three pixels stay free at every edge.
    transform = transform.scale(min(height, *(23 / np.ptp(corners, axis=0))))
    transform = transform.translate(SIDE / 2 + rng.uniform(-1.5, 1.5), SIDE / 2 + rng.uniform(-1.5, 1.5))
    return canvas.coverage(outline, transform, rng.uniform(0.1, 1.6)) / 255.0


def _with_noise(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink of uneven darkness on grainy paper, as uint8."""
    paper = 1.0 - ink * rng.uniform(0.7, 1.0)
    grain = rng.normal(0.0, 0.08, paper.shape)
    return np.rint(np.clip(paper + grain, 0, 1) * 255).astype(np.uint8)
