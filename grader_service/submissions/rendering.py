"""Written parts as they are shown: laid out once after they were handed in, in a sandbox, and kept.

    hand in ── later ──> a thread ── sandbox: pieces of Markdown, pixels of a PDF ──> row `rendering`, rows `sheet`
    a page  <─────────────────────────────── what is kept; it lays out nothing

No page waits for this, and none costs more by what a student wrote. Handing in waits for one thing: a PDF is opened in
a sandbox first (`unreadable`), in a lane of its own, since a damaged one must not replace a good one. Whose written
parts have cost least goes first, so that one student's do not hold up all others'. What took too long or became too
large is shown as it was written, with a sentence that says so.
"""

from __future__ import annotations

import io
import itertools
import logging
import queue
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa
from markupsafe import Markup
from PIL import Image
from sqlalchemy.orm import Session

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import GraderError, OutOfMemory, TimedOut
from autograder.student.remote import Remote
from grader_service.database.files import UPLOADS, Files, StoreError
from grader_service.database.models import Rendering, Sheet, Submission
from grader_service.database.session import Database, db_now, one_at_a_time, storable
from grader_service.submissions import markup, sandboxed, written

log = logging.getLogger("deepgrade.web")

TEXT_SECONDS = 5.0  # of wall time to lay out Markdown; past it the text is shown as it was written
SHEETS_SECONDS = 20.0  # and to draw a PDF; pages that are not drawn by then are not shown
_PIECES: TypedDecoder[list[tuple[str, str, str]]] = TypedDecoder(list[tuple[str, str, str]])
OPEN_SECONDS = 10.0  # and to open a PDF when it is handed in; what takes longer is accepted
SHEETS_MOST = 60  # that are shown; all of them are in the file
SHEETS_BYTES = 12 * 2**20  # of all pictures of a PDF; pages beyond are not shown
WIDTH, HEIGHT = 1100, 1600  # pixels of a page, at most
PIECES_BYTES = 2 * 2**20  # of what comes out of the sandbox for Markdown
AGAIN_SECONDS = 60.0  # where there was no sandbox, it is tried again after so long

BROKEN = "the PDF is damaged and cannot be opened; export it again and open it yourself first"
LOCKED = "the PDF needs a password; export it without one"
NOT_TEXT = "This text exceeds the limits of the layout, so its source is shown."
NOT_PDF = "This PDF cannot be shown here. Save the file to read it."


@dataclass
class Rendered:
    """What is kept of one upload."""

    kind: written.Kind
    html: str = ""
    pages: int = 0  # of a PDF, in the file
    message: str = ""  # why less is shown than there is
    sheets: list[bytes] = field(default_factory=list)  # PNGs


def render(data: bytes) -> Rendered:
    """Lay out Markdown, draw a PDF. Raises GraderError where there is no sandbox."""
    return _text(data) if written.kind_of(data) == "markdown" else _sheets(data)


def unreadable(data: bytes) -> str:
    """Why nobody could read this PDF, else "". It is opened in a sandbox, and its first page drawn small.

    Raises GraderError where there is no sandbox. What takes too long is not called unreadable.
    """
    try:
        with sandboxed.tool("sheet", ["pypdfium2", "numpy"], seconds=OPEN_SECONDS) as tool:
            pages = tool.load(np.frombuffer(data, np.uint8))
            if type(pages) is not int or pages < 1:
                return "the PDF has no pages; export it again"
            return "" if _png(tool.page(0, 60, 90)) else BROKEN
    except (TimedOut, OutOfMemory):
        return ""
    except sandboxed.GONE as error:
        return LOCKED if "password" in str(error).lower() else BROKEN


def find(session: Session, sha256: str) -> Rendering | None:
    return session.get(Rendering, sha256)


def sheet(session: Session, sha256: str, number: int) -> bytes | None:
    """The picture of a page, from 1 on."""
    return session.scalar(sa.select(Sheet.png).where(Sheet.sha256 == sha256, Sheet.number == number))


def keep(session: Session, sha256: str, rendered: Rendered) -> None:
    """Unless it is there, or nobody has handed in these bytes any more."""
    one_at_a_time(session, UPLOADS, shared=True)
    named = sa.select(Submission.id).where(Submission.sha256 == sha256).limit(1)
    if find(session, sha256) is not None or session.scalar(named) is None:
        return
    facts = {
        "kind": rendered.kind,
        "html": storable(rendered.html),
        "pages": rendered.pages,
        "message": rendered.message,
    }
    session.add(Rendering(sha256=sha256, shown=len(rendered.sheets), at=db_now(), **facts))
    session.flush()
    session.add_all(Sheet(sha256=sha256, number=n, png=png) for n, png in enumerate(rendered.sheets, start=1))


def _text(data: bytes) -> Rendered:
    try:
        with sandboxed.tool("prose", ["markdown-it-py"], seconds=TEXT_SECONDS) as prose:
            pieces = prose.pieces(data.decode("utf-8", "backslashreplace"))
        if not isinstance(pieces, str) or len(pieces.encode()) > PIECES_BYTES:
            return Rendered("markdown", message=NOT_TEXT)
        return Rendered("markdown", str(markup.assemble(_PIECES.json(pieces))))
    except (*sandboxed.GONE, ValueError):  # msgspec's errors are among these
        return Rendered("markdown", message=NOT_TEXT)


def _sheets(data: bytes) -> Rendered:
    found = Rendered("pdf", message=NOT_PDF)
    try:
        with sandboxed.tool("sheet", ["pypdfium2", "numpy"], seconds=SHEETS_SECONDS) as tool:
            pages = tool.load(np.frombuffer(data, np.uint8))
            if type(pages) is int and 0 < pages < 1_000_000:
                found.pages = pages
                _draw(tool, found)
    except sandboxed.GONE:
        pass  # what was drawn until then is shown
    if 0 < len(found.sheets) < found.pages:
        found.message = (
            f"The first {len(found.sheets)} of {found.pages} pages are shown. The file contains all of them."
        )
    elif found.sheets:
        found.message = ""
    return found


def _draw(tool: Remote, found: Rendered) -> None:
    size = 0
    for number in range(min(found.pages, SHEETS_MOST)):
        png = _png(tool.page(number, WIDTH, HEIGHT))
        size += len(png or b"")
        if png is None or size > SHEETS_BYTES:
            return
        found.sheets.append(png)


def _png(pixels: object) -> bytes | None:
    """Whatever came out of the sandbox is a picture of the right form, or none."""
    if not (isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 3):
        return None
    height, width, colours = pixels.shape
    if colours != 3 or not (0 < height <= HEIGHT + 1 and 0 < width <= WIDTH + 1):
        return None
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=3)
    return out.getvalue()


class Renderer:
    """The thread that lays out what was handed in. One upload after the other, each once."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database, self._files = database, files
        self._waiting: queue.PriorityQueue[tuple[float, int, int, str]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._spent: defaultdict[int, float] = defaultdict(float)  # seconds that a person's have cost
        self._asked: set[str] = set()
        self._failed: dict[str, float] = {}  # when there was no sandbox for it
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def later(self, person_id: int, sha256: str) -> bool:
        """Have it laid out, if it is not waited for already. False: a moment ago there was no sandbox."""
        with self._lock:
            if time.monotonic() - self._failed.get(sha256, -AGAIN_SECONDS) < AGAIN_SECONDS:
                return False
            if sha256 in self._asked:
                return True
            self._asked.add(sha256)
            self._waiting.put((self._spent[person_id], next(self._order), person_id, sha256))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rendering", daemon=True)
                self._thread.start()
            return True

    def wait(self) -> None:
        """Until all is done that waits now."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            _, _, person_id, sha256 = self._waiting.get()
            begun = time.monotonic()
            try:
                self._do(sha256)
            except (GraderError, StoreError) as error:
                log.warning("a written part cannot be shown for now: %s", error)
                self._give_up(sha256)
            except Exception:
                log.exception("a written part cannot be shown")
                self._give_up(sha256)
            finally:
                with self._lock:
                    self._spent[person_id] += time.monotonic() - begun
                    self._asked.discard(sha256)
                self._waiting.task_done()

    def _do(self, sha256: str) -> None:
        with self._database.read() as session:
            if find(session, sha256) is not None:
                return
            data = self._files.read(session, sha256)
        rendered = render(data)
        with self._database.write() as session:
            keep(session, sha256, rendered)

    def _give_up(self, sha256: str) -> None:
        with self._lock:
            self._failed[sha256] = time.monotonic()


def raw(data: bytes) -> Markup:
    """The text as it was written, for a page."""
    return Markup('<pre tabindex="0">{}</pre>').format(data.decode("utf-8", "backslashreplace"))
