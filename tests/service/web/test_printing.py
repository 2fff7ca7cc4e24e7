"""What is printed is all that there is: every row and every column of the grade book, every test of a report."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Literal

import pypdf
import pytest
from flask import Flask
from narrowing import not_none

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.grading import manual

from ..conftest import COURSE
from ..support.browsers import World, needs_chromium, world_of
from ..support.pages_list import PAGES

pytestmark = needs_chromium


STUDENTS = 90
COLUMNS = 8  # more, which the disk has no more


def fill(app: Flask) -> None:
    """Ninety students, each with points of their own in each of nine assignments."""
    with app.extensions["services"].database.write() as session:
        course = accounts.first_course(session)
        eve = not_none(accounts.find(session, "eve"))
        chosen = [courses.assignment(session, course, "double")]
        chosen += [courses.add(session, eve, course, f"assignment_{number}") for number in range(COLUMNS)]
        for number in range(STUDENTS):
            person, _ = accounts.create(session, login=f"student{number}", name=f"Student Number{number}")
            for place, one in enumerate(chosen):
                assert one is not None
                if one.assignment != "double":
                    one.written_points = 1000.0
                points = number / 100 if one.assignment == "double" else number + place / 100
                manual.set_override(session, eve, one, person, points, "written exam")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    with world_of(Settings(home=tmp_path_factory.mktemp("printing") / "home", course=COURSE), fill) as world:
        yield world


def printed(world: World, name: str, scheme: Literal["light", "dark"] = "light") -> pypdf.PdfReader:
    """The page as paper."""
    page = next(one for one in PAGES if one.name == name)
    seen = world.page(page.who)
    seen.emulate_media(color_scheme=scheme)
    seen.goto(world.url + page.path)
    data = seen.pdf(format="A4", prefer_css_page_size=True)
    seen.close()
    return pypdf.PdfReader(io.BytesIO(data))


def text_of(paper: pypdf.PdfReader) -> str:
    return "\n".join(page.extract_text() for page in paper.pages)


def test_the_grade_book_is_printed_with_all_rows_and_all_points(world):
    text = text_of(printed(world, "staff-grades"))
    words = text.split()
    for number in range(STUDENTS):
        assert f"student{number}" in words
        for place in range(1, COLUMNS + 1):
            assert f"{number + place / 100:.2f}".rstrip("0").rstrip(".") in words, (number, place)
    assert " ".join(words).count("Total so far") >= 2, "every sheet names its columns"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_is_printed_with_what_the_page_folds(world, scheme):
    paper = printed(world, "report", scheme)
    text = re.sub(r"\s+", " ", text_of(paper))
    for words in ("double(x) = 2x holds (test_a)", "double(x) = 2x holds (test_b)", "Device"):
        assert words in text
    assert "Course" in text, "the paper names its course"
    assert sum(len(page.images) for page in paper.pages) >= 2, "figures are printed, too"


def test_points_of_a_rubric_are_printed_and_buttons_are_not(world):
    text = re.sub(r"\s+", " ", text_of(printed(world, "staff-written")))
    assert "2.5" in text
    assert "Set points" not in text
    assert "Sign out" not in text


@pytest.mark.parametrize("name", ["staff-people", "staff-statistics", "staff-audit", "staff-student", "staff-pair"])
def test_nothing_printed_is_wider_than_the_paper(world, name):
    page = next(one for one in PAGES if one.name == name)
    seen = world.page(page.who)
    seen.set_viewport_size({"width": 794, "height": 1123})
    seen.goto(world.url + page.path)
    seen.emulate_media(media="print")
    assert seen.evaluate("document.documentElement.scrollWidth") <= 794
    cut = seen.evaluate(
        """() => [...document.querySelectorAll("main *")]
            .filter(one => getComputedStyle(one).overflowY !== "visible" && one.scrollHeight > one.clientHeight + 2)
            .map(one => one.tagName + "." + one.className)"""
    )
    assert [one for one in cut if not one.startswith(("SPAN.sr", "SPAN.state", "PROGRESS", "svg"))] == []
    seen.close()
