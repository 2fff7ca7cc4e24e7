"""What students write is looked at without harm: Markdown that runs nothing, PDFs that only a sandbox opens."""

from __future__ import annotations

import io

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from PIL import Image

from autograder.errors import Refused
from grader_service import written
from grader_service.models import CourseAssignment, Job, Submission

from .conftest import User

AT = "/courses/course/assignments/double"


def pdf(words: str = "Loss falls") -> bytes:
    figure = Figure(figsize=(3, 2))
    FigureCanvasPdf(figure)
    figure.text(0.1, 0.5, words)
    out = io.BytesIO()
    figure.savefig(out, format="pdf")
    return out.getvalue()


@pytest.fixture
def ada(user, app, database) -> User:
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().written_points = 5.0
    return user("ada")


def hand_in(user: User, data: bytes, name: str = "mine.pdf"):
    return user.post(f"{AT}/written", {"text": (io.BytesIO(data), name)}, form_at=AT)


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
    assert harm not in written.html(text.encode())


@given(data=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_pdf_or_text_or_refused(data):
    try:
        kind = written.kind_of(data)
    except Refused:
        return
    if kind == "markdown":
        assert "<script" not in written.html(data).lower()


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


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(range(256)) * 40, pdf()[:-900]])
def test_a_broken_pdf_can_be_saved_and_breaks_nothing(ada, data):
    assert hand_in(ada, data).location == "/submissions/1"
    answer = ada.get("/submissions/1")
    assert answer.status_code == 200
    assert "Save the file" in answer.text
    assert ada.get("/submissions/1/written/file").data == data


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
    assert hand_in(ada, pdf() + b"\n%" + b"x" * 2_000_000).location == "/submissions/1"
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
        assert written._png(wrong) is None
