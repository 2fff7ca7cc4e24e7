"""The written part of an assignment: Markdown or a PDF, as a student wrote it, looked at without harm.

Markdown becomes HTML without raw HTML, without pictures, and with links of http(s) alone. A PDF is drawn page by page
in a sandbox (`inside/sheet.py`), and only pixels come out of it; the file itself is only ever handed out to be saved.
"""

from __future__ import annotations

import io
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import numpy as np
from markupsafe import Markup
from PIL import Image

from autograder.errors import GraderError, Refused
from autograder.student.remote import Remote
from grader_service import boxed, markdown

log = logging.getLogger("deepgrade.web")

Kind = Literal["pdf", "markdown"]

MOST_KB = 8192  # of one upload
TEXT_MOST = 512 * 1024  # bytes of Markdown
PAGES_MOST = 60  # that are shown; all of them are in the file
WIDTH, HEIGHT = 1100, 1600  # pixels of a page, at most
SECONDS = 20.0  # to draw one page; past it the page is not shown


def kind_of(data: bytes) -> Kind:
    """Raises Refused for what is neither, with what to do about it."""
    if not data:
        raise Refused("the file is empty")
    if len(data) > MOST_KB * 1024:
        raise Refused(f"the file has {kilobytes(data)} kB, the limit is {MOST_KB} kB")
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("the file is neither a PDF nor Markdown in UTF-8; export it as PDF") from None
    if "\0" in text:
        raise Refused("the file is neither a PDF nor Markdown in UTF-8; export it as PDF")
    if len(data) > TEXT_MOST:
        raise Refused(f"the text has {kilobytes(data)} kB, the limit for Markdown is {TEXT_MOST // 1024} kB")
    return "markdown"


def kilobytes(data: bytes) -> int:
    """Rounded up, so that what is one byte too large is said to be larger than the limit."""
    return -(-len(data) // 1024)


def html(data: bytes) -> Markup:
    """Markdown as HTML, its headings two steps below the page's own."""
    tokens = markdown.parse(data.decode("utf-8", "backslashreplace"))
    for token in tokens:
        if token.tag in ("h1", "h2", "h3", "h4"):
            token.tag = f"h{int(token.tag[1]) + 2}"
    return markdown.render(tokens)


def pages(sha256: str, data: bytes) -> int | None:
    """How many pages of a PDF can be shown; None where it cannot be read."""
    count = _drawn.get((sha256, -1), lambda sheet: sheet.count(data))
    return min(count, PAGES_MOST) if type(count) is int and count > 0 else None


def page(sha256: str, data: bytes, number: int) -> bytes | None:
    """A page as PNG, counted from 0; None where it cannot be drawn."""
    if not 0 <= number < PAGES_MOST:
        return None
    found = _drawn.get((sha256, number), lambda sheet: _png(sheet.page(data, number, WIDTH, HEIGHT)))
    return found if isinstance(found, bytes) else None


class _Drawn:
    """What was drawn lately; also that something cannot be drawn, since to find that out may take long."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._found: OrderedDict[tuple[str, int], object] = OrderedDict()
        self._one_at_a_time = threading.Lock()  # a web process draws one page at a time

    def get(self, key: tuple[str, int], draw: Callable[[Remote], object]) -> object:
        """None where it cannot be drawn; where there is no sandbox that is not remembered."""
        with self._one_at_a_time:
            if key not in self._found:
                try:
                    with boxed.tool("sheet", ["pypdfium2", "numpy"], seconds=SECONDS) as sheet:
                        self._found[key] = draw(sheet)
                except boxed.GONE:
                    self._found[key] = None
                except GraderError as error:
                    log.warning("a written part cannot be drawn: %s", error)
                    return None
                while len(self._found) > self._most:
                    self._found.popitem(last=False)
            return self._found[key]


_drawn = _Drawn()


def _png(pixels: object) -> bytes | None:
    """Whatever came out of the sandbox is a picture of the right form, or none."""
    if not (isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 3):
        return None
    height, width, colours = pixels.shape
    if colours != 3 or not (0 < height <= HEIGHT + 1 and 0 < width <= WIDTH + 1):
        return None
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", optimize=False)
    return out.getvalue()
