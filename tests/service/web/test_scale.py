"""A page asks the database a handful of questions, and no more of them when the course is larger.

The term is drawn as `make bench ARGS=pages` draws it for 500 students and 20,000 submissions; here twice, and smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
import term
from flask import Flask

from autograder.course.course import find_course
from grader_service.core.settings import Settings
from grader_service.database.models import CourseAssignment, Submission
from grader_service.web.app import create_app

from ..conftest import User

SIZES = {"small": (8, 60), "large": (40, 600)}  # students, submissions
HANDFUL = 14  # questions of one page, who is asking included


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(connection, cursor, statement, parameters, context, executemany) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append(statement)

    engine = app.extensions["services"].database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def terms(tmp_path_factory) -> Iterator[dict[str, Flask]]:
    apps = {}
    for name, (students, submissions) in SIZES.items():
        app = create_app(Settings(home=tmp_path_factory.mktemp(name) / "home"))
        database, course = app.extensions["services"].database, app.extensions["services"].course
        term.fill(database, course, students=students, submissions=submissions)
        apps[name] = app
    yield apps
    for app in apps.values():
        app.extensions["services"].database.close()


def questions(app: Flask, login: str) -> dict[str, list[str]]:
    """Of each address that answers this person: what the database was asked, the second time."""
    user = User(app.test_client())
    assert user.sign_in(login, term.PASSWORD).status_code == 303
    assignment = next(iter(find_course())).name
    with app.extensions["services"].database.read() as session:
        mine = sa.select(sa.func.max(Submission.id)).join(Submission.course_assignment)
        mine = mine.where(CourseAssignment.assignment == assignment)
        submission_id = session.scalar(mine.where(Submission.person.has(login=term.student(0)))) or 1
    found = {}
    for rule, address in term.addresses(app, assignment, submission_id):
        if user.get(address).status_code != 200:
            continue
        with counted(app) as asked:
            user.get(address)
        found[rule] = list(asked)
    return found


@pytest.mark.parametrize("login", [term.STAFF, term.student(0)])
def test_no_page_asks_more_when_the_course_is_larger(terms, login):
    small, large = (questions(terms[name], login) for name in SIZES)
    assert small.keys() == large.keys()
    assert len(small) >= 6
    grown = {rule: (len(small[rule]), len(large[rule])) for rule in small if len(large[rule]) > len(small[rule])}
    assert grown == {}, "questions in the small and in the large course"
    many = {rule: "\n".join(asked) for rule, asked in large.items() if len(asked) > HANDFUL}
    assert many == {}


def test_a_question_for_each_row_is_found(terms):
    """Else the test above could not fail."""
    with counted(terms["small"]) as asked, terms["small"].extensions["services"].database.read() as session:
        for submission in session.scalars(sa.select(Submission).limit(5)):
            assert submission.person.login
    assert len(asked) > 3


def test_a_term_is_drawn_the_same_each_time(tmp_path):
    rows = []
    for name in ("one", "two"):
        app = create_app(Settings(home=tmp_path / name))
        term.fill(
            app.extensions["services"].database,
            app.extensions["services"].course,
            students=5,
            submissions=40,
            now=1.8e9,
        )
        with app.extensions["services"].database.read() as session:
            facts = sa.select(
                Submission.person_id, CourseAssignment.assignment, Submission.received_at, Submission.sha256
            ).join(Submission.course_assignment)
            rows.append([tuple(row) for row in session.execute(facts.order_by(Submission.id))])
        app.extensions["services"].database.close()
    assert rows[0] == rows[1]
    assert len(rows[0]) == 40
