"""The grade book of a learning management system goes in, and comes back filled with the points of an assignment."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from narrowing import not_none

from autograder.batch import import_results, lms
from autograder.report.schema import Report
from grader_service.accounts import accounts, roster
from grader_service.courses import courses
from grader_service.grading import score_import

from ..conftest import User

FOLDER = Path(__file__).parents[2] / "engine/batch/grade_books"
AT = "/courses/course/staff/grades/lms"
REPORT = Report("double", "Twice as much", "graded", points=4.0, possible=5.0)


def filled(eve: User, data: bytes, **fields: str) -> Any:
    return eve.post(AT, {"file": (io.BytesIO(data), "export.csv"), "assignment": "double", **fields})


@pytest.fixture
def eve(user, graded, database) -> User:
    """Of the staff; ada has 4 of 5 points, and bozena waits."""
    ada, bozena = user("ada"), user("bozena")
    with database.write() as session:
        not_none(accounts.find(session, "ada")).email = "ada@example.edu"
    ada.handed_in()
    assert graded(REPORT)
    bozena.handed_in()
    return user("eve", role="staff")


@pytest.mark.parametrize(
    "name", ["canvas.csv", "moodle.csv", "moodle_worksheet.csv", "blackboard.xls", "brightspace.csv"]
)
def test_a_file_comes_back_with_the_points(eve, name):
    before = (FOLDER / name).read_bytes()
    answer = filled(eve, before)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/csv"
    book = lms.read(answer.data, name)
    column = lms.column(book, ["Twice as much"])
    ada = next(one for one in book.people if "Ada" in one.name)
    assert book.points(ada, column) == 0.8 * (book.possible(ada, column) or 5)
    others = [row for index, row in enumerate(book.rows) if index != ada.row]
    assert others == [row for index, row in enumerate(lms.read(before, name).rows) if index != ada.row], (
        "what is being graded is left out"
    )


def test_students_without_a_row_are_named_first(eve):
    data = b"\n".join(line for line in (FOLDER / "moodle.csv").read_bytes().splitlines() if b"ada@" not in line)
    answer = filled(eve, data)
    assert answer.status_code == 409
    assert "1 student with points has no row in the file" in answer.text
    assert "ada" in answer.text
    assert filled(eve, data, incomplete="1").status_code == 200


def test_another_file_is_refused_in_a_sentence(eve):
    for data, sentence in (
        (b"a,b\n1,2\n", "is not a grade book of Canvas"),
        (b"\xff\x00\x01", "is not in UTF-8"),
        ((FOLDER / "canvas.csv").read_bytes().replace(b"Twice as much", b"Softmax"), "no single column"),
    ):
        answer = filled(eve, data)
        assert answer.status_code == 422
        assert sentence in answer.text
    assert "Select the file" in eve.post(AT, {"assignment": "double"}).text
    assert filled(eve, (FOLDER / "canvas.csv").read_bytes(), assignment="none").status_code == 404


@pytest.mark.parametrize("name", ["canvas.csv", "moodle_german.csv", "blackboard.xls", "brightspace.csv"])
def test_a_grade_book_is_a_roster(name):
    text, _ = roster.decode((FOLDER / name).read_bytes())
    entries = roster.parse(text)
    ada = next(entry for entry in entries if entry.name == "Ada Lovelace")
    assert ada.login in ("ada", "ada@example.edu")
    assert all(entry.name != "Student, Test" and "Points" not in entry.name for entry in entries)


def test_grades_from_there_become_points_by_hand(eve, database):
    """By login, address and number: sure matches."""
    scores = import_results.read(FOLDER / "brightspace.csv", ["Twice as much"], 5.0)
    with database.write() as session:
        course = accounts.first_course(session)
        double = not_none(courses.assignment(session, course, "double"))
        plan = score_import.plan(session, course, double, scores)
        assert [(row.guess, row.after) for row in plan.rows if row.person and row.person.login == "ada"] == [("", 4.5)]
        assert score_import.write(session, None, plan, "from Brightspace") == 1
