"""Renders written parts once, in a sandbox, after they were handed in, and stores the result.

    hand in ── later ──> a thread ── sandbox: pieces of Markdown, pixels of a PDF ──> row `rendering`, rows `sheet`
    a page  <─────────────────────────────── the stored result; a page renders nothing

No page waits for the renderer. Handing in waits only for `unreadable`, which opens a PDF in a sandbox of its own, since
a damaged PDF must not replace a good one. Written parts of the student who used the least time are rendered first, so
that one student does not delay all others. A text that takes too long or becomes too large is shown as source, with a
sentence that says so.
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

TEXT_SECONDS = 5.0  # wall time to render Markdown; past it the source is shown
SHEETS_SECONDS = 20.0  # wall time to draw a PDF; past it the remaining pages are not shown
_PIECES: TypedDecoder[list[tuple[str, str, str]]] = TypedDecoder(list[tuple[str, str, str]])
OPEN_SECONDS = 10.0  # wall time to open a PDF when it is handed in; past it the PDF is accepted
SHEETS_MOST = 60  # pages of a PDF that are shown
SHEETS_BYTES = 12 * 2**20  # of all pictures of a PDF; further pages are not shown
WIDTH, HEIGHT = 1100, 1600  # pixels of a page, at most
PIECES_BYTES = 2 * 2**20  # of the pieces of Markdown from the sandbox; past it the source is shown
AGAIN_SECONDS = 60.0  # wait before the next try after a failure

BROKEN = "the PDF is damaged and cannot be opened; export it again and open it yourself first"
LOCKED = "the PDF needs a password; export it without one"
NOT_TEXT = "This text exceeds the limits of the layout, so its source is shown."
NOT_PDF = "This PDF cannot be shown here. Save the file to read it."


@dataclass
class Rendered:
    """The stored rendering of one upload."""

    kind: written.Kind
    html: str = ""
    pages: int = 0  # of a PDF, in the file
    message: str = ""  # why not everything is shown
    sheets: list[bytes] = field(default_factory=list)  # PNGs


def render(data: bytes) -> Rendered:
    """Render Markdown or a PDF. Raises GraderError without a sandbox."""
    return _text(data) if written.kind_of(data) == "markdown" else _sheets(data)


def unreadable(data: bytes) -> str:
    """The reason why a PDF cannot be read, or "". It is opened in a sandbox, and its first page is drawn small.

    Raises GraderError without a sandbox. A PDF that takes too long counts as readable.
    """
    try:
        with sandboxed.tool("sheet", ["pypdfium2", "numpy"], seconds=OPEN_SECONDS) as tool:
            pages = tool.load(np.frombuffer(data, np.uint8))
            if type(pages) is not int or pages < 1:
                return "the PDF has no pages; export it again"
            return "" if _png(tool.page(0, 60, 90)) else BROKEN
    except (TimedOut, OutOfMemory):
        return ""
    except sandboxed.FAILURES as error:
        return LOCKED if "password" in str(error).lower() else BROKEN


def find(session: Session, sha256: str) -> Rendering | None:
    return session.get(Rendering, sha256)


def sheet(session: Session, sha256: str, number: int) -> bytes | None:
    """The picture of a page, from 1 on."""
    return session.scalar(sa.select(Sheet.png).where(Sheet.sha256 == sha256, Sheet.number == number))


def keep(session: Session, sha256: str, rendered: Rendered) -> None:
    """Store a rendering, unless one exists, or no submission has these bytes any longer."""
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
    except (*sandboxed.FAILURES, ValueError):  # msgspec's errors are among these
        return Rendered("markdown", message=NOT_TEXT)


def _sheets(data: bytes) -> Rendered:
    rendered = Rendered("pdf", message=NOT_PDF)
    try:
        with sandboxed.tool("sheet", ["pypdfium2", "numpy"], seconds=SHEETS_SECONDS) as tool:
            pages = tool.load(np.frombuffer(data, np.uint8))
            if type(pages) is int and 0 < pages < 1_000_000:
                rendered.pages = pages
                _draw(tool, rendered)
    except sandboxed.FAILURES:
        pass  # the pages drawn so far are shown
    if 0 < len(rendered.sheets) < rendered.pages:
        rendered.message = (
            f"The first {len(rendered.sheets)} of {rendered.pages} pages are shown. The file contains all of them."
        )
    elif rendered.sheets:
        rendered.message = ""
    return rendered


def _draw(tool: Remote, rendered: Rendered) -> None:
    size = 0
    for number in range(min(rendered.pages, SHEETS_MOST)):
        png = _png(tool.page(number, WIDTH, HEIGHT))
        size += len(png or b"")
        if png is None or size > SHEETS_BYTES:
            return
        rendered.sheets.append(png)


def _png(pixels: object) -> bytes | None:
    """The pixels as PNG; None unless they are a picture of the right shape and dtype."""
    if not (isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 3):
        return None
    height, width, colours = pixels.shape
    if colours != 3 or not (0 < height <= HEIGHT + 1 and 0 < width <= WIDTH + 1):
        return None
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=3)
    return out.getvalue()


class Renderer:
    """The thread that renders written parts, one upload after the other, each once."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database, self._files = database, files
        self._waiting: queue.PriorityQueue[tuple[float, int, int, str]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._spent: defaultdict[int, float] = defaultdict(float)  # seconds used by the uploads of a person
        self._asked: set[str] = set()
        self._failed: dict[str, float] = {}  # time of the last failure
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def later(self, person_id: int, sha256: str) -> bool:
        """Queue an upload, if it is not queued already. Returns False shortly after a failure."""
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
        """Wait until the queue is empty."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            _, _, person_id, sha256 = self._waiting.get()
            started = time.monotonic()
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
                    self._spent[person_id] += time.monotonic() - started
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
    """The source of the text, for a page."""
    return Markup('<pre tabindex="0">{}</pre>').format(data.decode("utf-8", "backslashreplace"))
