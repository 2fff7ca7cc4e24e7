"""What students write is looked at without harm: Markdown that runs nothing, PDFs that only a sandbox opens."""

from __future__ import annotations

import html
import io
import re
import threading
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

from autograder.core.errors import GraderError, Refused
from grader_service.database.models import CourseAssignment, Job, Submission
from grader_service.submissions import markup, rendering, sandboxed, written

from ..conftest import User
from ..support.pdfs import pdf

AT = "/courses/course/assignments/double"


@pytest.fixture
def ada(user, app, database) -> User:
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().written_points = 5.0
    return user("ada")


def hand_in(user: User, data: bytes, name: str = "mine.pdf"):
    """The answer, when all that was handed in is laid out."""
    answer = user.post(f"{AT}/written", {"text": (io.BytesIO(data), name)}, form_at=AT)
    user.client.application.extensions["services"].renderer.wait()
    return answer


def test_markdown_is_shown_and_makes_no_job(ada, database):
    answer = hand_in(ada, "# Plots\n\n*up* we go, ü\n".encode(), "mine.md")
    assert answer.location == "/submissions/1"
    page = ada.get("/submissions/1").text
    assert "<h3>Plots</h3>" in page
    assert "<em>up</em> we go, ü" in page
    with database.read() as session:
        assert session.scalars(sa.select(Job)).all() == []
        assert session.get_one(Submission, 1).kind == "written"


@pytest.mark.threat(7, 46)
@pytest.mark.parametrize(
    "text, harm",
    [
        ("<script>alert(1)</script>", "<script>alert"),
        ("<img src=x onerror=alert(1)>", "<img src=x"),
        ("[x](javascript:alert(1))", 'href="javascript'),
        ("[x](data:text/html;base64,AAAA)", 'href="data'),
        ("![x](http://elsewhere.example/pixel.png)", "<img"),
        ('<http://a.example/"onmouseover=alert(1)>', "onmouseover=alert(1)>"),
    ],
)
def test_nothing_in_markdown_runs_or_calls_home(text, harm):
    rendered = rendering.render(text.encode())
    assert rendered.html
    assert harm not in rendered.html


TAG = re.compile(r"<(/?)([a-z0-9]+)((?: [a-z]+=\"[^\"<>]*\")*)>")
words = st.one_of(
    st.text(max_size=20), st.sampled_from(["a", "p", "script", "h1", "td", "ol", "javascript:x", "https://x", "7"])
)


@given(pieces=st.lists(st.tuples(st.sampled_from(["open", "close", "text", "?"]), words, words), max_size=40))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_out_of_the_sandbox_no_other_tag_is_shown(pieces):
    html = str(markup.assemble(pieces))
    opened: list[str] = []
    for end, tag, attributes in TAG.findall(html):
        assert tag in markup.TAGS
        assert re.fullmatch(
            r"|" r' href="(https?://|mailto:).*"| class="align-(left|right|center)"| start="\d+"', attributes
        )
        if end:
            assert opened.pop() == tag
        elif tag not in markup.EMPTY:
            opened.append(tag)
    assert opened == []
    assert "<" not in TAG.sub("", html)


@given(data=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_pdf_or_text_or_refused(data):
    try:
        assert written.kind_of(data) in ("pdf", "markdown")
    except Refused:
        return


HARD = b"[" * (500 * 1024)  # seconds of work for whoever lays it out


@pytest.mark.threat(59)
def test_what_a_student_wrote_is_laid_out_by_no_page(ada, app, monkeypatch):
    """Neither when it is handed in nor when it is looked at: else each view of one's own page would cost seconds.
    Handing in opens a PDF, once, and no view does."""
    ada.get(AT)  # the handout, which is ours
    thread = threading.get_ident()

    def laid_out(*_: object, **__: object) -> None:
        assert threading.get_ident() != thread, "a page does this"

    for name in ("parse", "render"):
        monkeypatch.setattr(MarkdownIt, name, laid_out)
    began = sandboxed.tool

    def tool(*arguments: Any, **options: Any):
        laid_out()
        return began(*arguments, **options)

    monkeypatch.setattr(sandboxed, "tool", tool)
    for data, name in ((HARD, "mine.md"), (pdf(), "mine.pdf")):
        with monkeypatch.context() as handing_in:
            if name == "mine.pdf":
                handing_in.setattr(sandboxed, "tool", began)
            where = hand_in(ada, data, name).location
        assert ada.get(where).status_code == 200
    assert ada.get("/submissions/2/written/1.png").status_code == 200


@pytest.mark.threat(59)
def test_a_text_that_takes_too_long_is_shown_as_it_was_written_and_tried_once(ada, database, monkeypatch):
    monkeypatch.setattr(rendering, "TEXT_SECONDS", 1.0)
    tried = []
    render = rendering.render

    def counted(data: bytes):
        tried.append(len(data))
        return render(data)

    monkeypatch.setattr(rendering, "render", counted)
    hand_in(ada, HARD + b"<b>", "mine.md")
    for _ in range(2):
        page = ada.get("/submissions/1").text
        assert "exceeds the limits of the layout" in page
        assert "[[[[&lt;b&gt;</pre>" in page
        ada.client.application.extensions["services"].renderer.wait()
    assert tried == [len(HARD) + 3]


def test_the_page_says_that_it_is_prepared_and_asks_until_it_is(ada, app, monkeypatch):
    begin = threading.Event()
    render = rendering.render
    monkeypatch.setattr(rendering, "render", lambda data: begin.wait(60) and render(data))
    ada.post(f"{AT}/written", {"text": (io.BytesIO(b"*so*"), "mine.md")}, form_at=AT)
    assert "The page is being prepared" in ada.get("/submissions/1").text
    assert ada.get("/submissions/1/written/ready").status_code == 204
    begin.set()
    app.extensions["services"].renderer.wait()
    assert ada.get("/submissions/1/written/ready").headers["HX-Refresh"] == "true"
    page = ada.get("/submissions/1").text
    assert "<em>so</em>" in page
    assert "The page is being prepared" not in page


def test_without_a_sandbox_the_text_is_shown_as_it_was_written(ada, app, monkeypatch):
    def gone(data: bytes) -> None:
        raise GraderError("there is no bubblewrap")

    monkeypatch.setattr(rendering, "render", gone)
    hand_in(ada, b"*so* <b>", "mine.md")
    page = ada.get("/submissions/1").text
    assert "The written part cannot be shown at the moment" in page
    assert "*so* &lt;b&gt;" in page
    assert hand_in(ada, pdf()).location == "/submissions/2"
    assert "Save the file" in ada.get("/submissions/2").text


def test_whose_written_parts_cost_much_wait_behind_others(app, database, monkeypatch):
    """One student's do not hold up all others'."""
    done, first = [], threading.Event()
    renderer = rendering.Renderer(database, app.extensions["services"].files)

    def do(sha256: str) -> None:
        first.wait(60)
        done.append(sha256)

    monkeypatch.setattr(renderer, "_do", do)
    renderer._spent[1] = 20.0
    renderer.later(2, "begun")
    for number in range(3):
        renderer.later(1, f"dear {number}")
    renderer.later(2, "cheap")
    assert renderer.later(2, "cheap"), "asked again it is the same"
    first.set()
    renderer.wait()
    assert done == ["begun", "cheap", "dear 0", "dear 1", "dear 2"]


def test_of_a_long_pdf_the_first_pages_are_shown(monkeypatch):
    monkeypatch.setattr(rendering, "SHEETS_MOST", 2)
    out = io.BytesIO()
    with PdfPages(out) as pages:
        for _ in range(3):
            pages.savefig(Figure(figsize=(3, 2)))
    found = rendering.render(out.getvalue())
    assert (len(found.sheets), found.pages) == (2, 3)
    assert found.message == "The first 2 of 3 pages are shown. The file contains all of them."
    monkeypatch.setattr(rendering, "SHEETS_BYTES", 1)
    assert rendering.render(out.getvalue()).message == rendering.NOT_PDF


@pytest.mark.threat(7)
def test_a_pdf_is_drawn_in_a_sandbox_and_only_pixels_come_out(ada):
    data = pdf()
    assert hand_in(ada, data).location == "/submissions/1"
    page = ada.get("/submissions/1").text
    assert "a PDF of 1 page" in page
    assert 'src="/submissions/1/written/1.png"' in page
    answer = ada.get("/submissions/1/written/1.png")
    assert answer.mimetype == "image/png"
    pixels = np.asarray(Image.open(io.BytesIO(answer.data)))
    assert pixels.shape[2] == 3
    assert pixels.min() < 100 < 200 < pixels.max(), "there is ink on paper"
    assert ada.get("/submissions/1/written/2.png").status_code == 404
    saved = ada.get("/submissions/1/written/file")
    assert saved.data == data
    assert saved.headers["Content-Disposition"] == "attachment; filename=double-1.pdf"


def submissions(database) -> list[int]:
    with database.read() as session:
        return list(session.scalars(sa.select(Submission.id)))


def locked() -> bytes:
    """A PDF that needs a password: an encrypted one whose key nobody has."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        b"<</Filter/Standard/V 2/R 3/Length 128/P -4/O<" + b"28" * 32 + b">/U<" + b"17" * 32 + b">>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<" + b"00" * 16 + b"><" + b"00" * 16 + b">]>>\n"
    return out + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(out)


@pytest.mark.parametrize(
    "data, name, sentence",
    [
        (b"%PDF-1.7\n", "mine.pdf", rendering.BROKEN),
        (b"%PDF-1.7\n" + bytes(range(256)) * 40, "mine.pdf", rendering.BROKEN),
        (pdf()[: len(pdf()) // 3], "mine.pdf", rendering.BROKEN),
        (locked(), "mine.pdf", rendering.LOCKED),
        (b"# My plots", "mine.pdf", "the file is named .pdf but is not a PDF"),
        (b"<!DOCTYPE html><p>Sign in", "C:\\mine.PDF", "the file is named .pdf but is not a PDF"),
        (b"\\documentclass{article}", "mine.tex", "a .tex file is neither a PDF nor Markdown"),
        (b" \n\t\n", "mine.md", "nothing but spaces"),
    ],
    ids=["header alone", "noise", "cut off", "password", "text", "page", "LaTeX", "spaces"],
)
def test_what_nobody_can_read_replaces_nothing(ada, database, data, name, sentence):
    good = pdf()
    assert hand_in(ada, good).location == "/submissions/1"
    answer = hand_in(ada, data, name)
    assert answer.location == f"{AT}#written"
    assert sentence in html.unescape(ada.get(AT).text)
    assert submissions(database) == [1]
    assert ada.get("/submissions/1/written/file").data == good


def test_a_pdf_without_a_sandbox_or_that_takes_long_is_accepted(ada, database, monkeypatch):
    """Neither is the student's fault."""
    monkeypatch.setattr(rendering, "OPEN_SECONDS", 0.001)
    assert hand_in(ada, pdf()).location == "/submissions/1"

    def gone(*_: object, **__: object) -> None:
        raise GraderError("there is no bubblewrap")

    monkeypatch.setattr(sandboxed, "tool", gone)
    assert hand_in(ada, pdf("other")).location == "/submissions/2"
    assert submissions(database) == [1, 2]


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04\xff\xfe zip", "neither a PDF nor Markdown"),
        (b"text\0text", "neither a PDF nor Markdown"),
        (b"x" * (600 * 1024), "the limit for Markdown is 512 kB"),
    ],
)
def test_what_is_no_text_is_refused_with_a_reason(ada, data, sentence, database):
    answer = hand_in(ada, data)
    assert answer.location == f"{AT}#written"
    assert sentence in ada.get(AT).text
    with database.read() as session:
        assert session.scalars(sa.select(Submission)).all() == []


def test_a_written_part_may_be_larger_than_a_zip_and_has_a_limit_all_the_same(ada):
    assert hand_in(ada, pdf() + b"\n%" + b"x" * 7_000_000).location == "/submissions/1"
    assert ada.get("/submissions/1/written/1.png").status_code == 200
    assert hand_in(ada, b"%PDF-1.7\n" + bytes(9 * 2**20)).status_code == 413


@pytest.mark.threat(19)
def test_others_do_not_see_it(ada, user):
    hand_in(ada, pdf())
    bob = user("bob")
    for path in ("", "/written/1.png", "/written/file"):
        assert bob.get(f"/submissions/1{path}").status_code == 404


def test_where_there_is_no_written_part_none_is_taken(user):
    bob = user("bob")
    assert "Written part" not in bob.get(AT).text
    assert hand_in(bob, pdf()).status_code == 404


def test_only_a_picture_of_the_right_form_leaves_the_sandbox():
    for wrong in (None, "png", np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((9000, 9, 3), np.uint8)):
        assert rendering._png(wrong) is None
