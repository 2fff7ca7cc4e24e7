"""What may exist once is made twice at once, on a real PostgreSQL: the second one hears the usual sentence."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import Course, CourseAssignment, Membership
from grader_service.grading import leaderboard

from ..conftest import COURSE
from ..support.processes import opened


def first(session) -> Course:
    return session.scalars(sa.select(Course).order_by(Course.id).limit(1)).one()


def pseudonym(session, login: str) -> None:
    leaderboard.choose(session, first(session), not_none(accounts.find(session, login)).id, "Gauss")


MADE = {
    "the first course's assignments": (lambda session, who: courses.fill(session, ["double"]), None),
    "an assignment": (lambda session, who: courses.add(session, None, first(session), "double"), None),
    "a course": (lambda session, who: courses.create(session, None, slug="two", title="Two", timezone="UTC"), "in use"),
    "a login": (lambda session, who: accounts.create(session, login="eve", password="a long password"), "login"),
    "a pseudonym": (pseudonym, "pseudonym"),
}


@pytest.fixture
def database(new_database, tmp_path):
    with opened(Settings(home=tmp_path, database=new_database(), course=COURSE)) as database:
        with database.write() as session:
            for login in ("ada", "bob"):
                accounts.create(session, login=login, password="a long password")
        yield database


@pytest.mark.parametrize(("make", "sentence"), MADE.values(), ids=MADE)
def test_the_second_of_two_hears_a_sentence(database, make, sentence):
    raised: list[BaseException] = []

    def second() -> None:
        try:
            with database.write() as session:
                make(session, "bob")
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=second)
    with database.write() as session:
        make(session, "ada")
        session.flush()
        thread.start()
        thread.join(1)  # by then it waits for this transaction
    thread.join()
    assert [type(error) for error in raised] == ([DeepgradeError] if sentence else [])
    assert all(sentence in str(error) for error in raised)
    with database.read() as session:
        assert len(session.scalars(sa.select(CourseAssignment.assignment)).all()) <= 1
        assert len(session.scalars(sa.select(Membership.pseudonym).where(Membership.pseudonym.is_not(None))).all()) <= 1
