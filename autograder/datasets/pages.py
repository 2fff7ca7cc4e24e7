"""Pictures of pages and their text: four photographs if their files exist, otherwise drawn pages.

source "photographs"    $DEEPGRADE_DATA/ocr-images: handwriting on paper, reduced to at most 1900 pixels a side
source "drawn pages"    four pages that `draw_page` draws, of the same size and about as uneven
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

from autograder.datasets import catalogue, files

PHOTOGRAPHS = "photographs"
DRAWN = "drawn pages"
LONGEST = 1900  # pixels of a side

# The drawn pages: their lines, and the options of the drawing.
STAND_INS = {
    "list": (
        ["TO READ", "1 LETTERS ON A PAGE", "2 DIGITS FROM 0 TO 9", "3 A LINE THAT RISES", "4 A NOTE IN PENCIL"],
        {"font": "DejaVuSans", "height": 34, "light": 1.6, "ink": 0.5, "dots": True, "slope": -0.02},
    ),
    "alphabet": (
        ["A B C D E F G H I", "J K L M N O P Q R", "S T U V W X Y Z", "1 2 3 4 5 6 7 8 9 0"],
        {"font": "cmss10", "height": 64, "light": 2.0, "ink": 0.55, "slope": -0.03, "thicken": 3.0},
    ),
    "verse": (
        ["QUIET PIXELS WAIT", "A WINDOW SLIDES OVER THEM", "EACH STROKE HAS A NAME"],
        {"font": "STIXGeneral", "height": 36, "light": 1.2, "ink": 0.25, "slant": 0.15, "thicken": 2.0},
    ),
    "large": (
        ["SMALL STEPS", "LARGE STRIDES", "LARGER LETTERS"],
        {"font": "DejaVuSans-Oblique", "height": 76, "light": 1.4, "ink": 0.3, "slope": 0.02, "broken": 0.2},
    ),
}

_making = threading.Lock()  # a service may ask from two threads at once; one of them draws


@dataclass(frozen=True)
class Page:
    """A picture of text. All callers share the arrays, so they are read-only.

    name : for figures and reports.
    image : (h, w) float64, 0 to 1, dark ink on bright paper.
    lines : the text, top to bottom, only A-Z and 0-9: what a reader of 36 classes can give.
    source : where it is from.
    boxes : (n, 4) int64 rows y0, x0, y1, x1, half open, in the order of the text; None where nobody knows them.
    ink : (h, w) float32, how much of each pixel is covered by letters, 0 to 1; None where nobody knows it.
    call : how to draw it again.
    """

    name: str
    image: np.ndarray = field(repr=False)
    lines: tuple[str, ...]
    source: str
    boxes: np.ndarray | None = field(default=None, repr=False)
    ink: np.ndarray | None = field(default=None, repr=False)
    call: str = ""

    def __post_init__(self) -> None:
        for array in (self.image, self.boxes, self.ink):
            if array is not None:
                array.setflags(write=False)

    def __repr__(self) -> str:
        return self.call or f"<page {self.name} of the {self.source}>"

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def count(self) -> int:
        return sum(map(len, self.lines))


def pages() -> tuple[Page, ...]:
    """Four pages of text: the photographs where all their files are in the data folder, else drawn ones.

    Raises BadData if a file of the photographs is damaged.
    """
    paths = files.find_all(catalogue.PAGES.files)
    with _making:
        return _photographs(paths) if paths else _stand_ins()


def draw_page(lines: list[str], *, seed: int, **options: object) -> Page:
    """A page that `autograder.datasets.drawing.draw` draws from a seed; its docstring names the options."""
    from autograder.datasets.drawing import draw  # with it comes matplotlib, a quarter of a second

    image, boxes, ink = draw(lines, seed=seed, **options)  # type: ignore[arg-type]
    call = ", ".join([repr(lines), f"seed={seed}", *(f"{name}={value!r}" for name, value in options.items())])
    texts = tuple(line.replace(" ", "") for line in lines)
    return Page("drawn", image, texts, DRAWN, boxes, ink, f"draw_page({call})")


@cache
def _photographs(paths: tuple[Path, ...]) -> tuple[Page, ...]:
    sources = zip(paths, catalogue.PAGES.files, strict=True)
    content = {path.name: files.read(path, file.sha256) for path, file in sources}
    truth = json.loads(content.pop("ground_truth.json"))["images"]
    return tuple(
        Page(name.removesuffix(".jpg"), _reduced(picture), tuple(truth[name]["chars"]), PHOTOGRAPHS)
        for name, picture in content.items()
    )


def _reduced(jpeg: bytes) -> np.ndarray:
    """A photograph in grey, every k x k pixels averaged to one, k the least that keeps both sides in bounds."""
    from PIL import Image  # matplotlib brings it; only photographs need it

    grey = np.asarray(Image.open(BytesIO(jpeg)).convert("L"), dtype=np.float64) / 255
    k = -(-max(grey.shape) // LONGEST)
    h, w = (side // k for side in grey.shape)
    reduced: np.ndarray = grey[: h * k, : w * k].reshape(h, k, w, k).mean(axis=(1, 3))
    return reduced


@cache
def _stand_ins() -> tuple[Page, ...]:
    drawn_pages = []
    for seed, (name, (lines, options)) in enumerate(STAND_INS.items()):
        page = draw_page(lines, seed=seed, noise=0.02, specks=12, wobble=0.5, spacing=0.5, **options)
        drawn_pages.append(Page(name, page.image, page.lines, DRAWN, page.boxes, page.ink, page.call))
    return tuple(drawn_pages)
