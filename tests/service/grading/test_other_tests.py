"""When tests change under a running service, staff read how many grades are by the old ones, and grade them again."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.course.course import find_course
from autograder.report.schema import Report
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import Job, Result
from grader_service.grading import job_grading, other_tests

from ..conftest import COURSE, zip_of
from ..support.pages_list import RIGHT_REPORT, finish

AT = "/courses/course/staff"
PAGES = (f"{AT}/grades", f"{AT}/statistics/double", f"{AT}/regrades")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With a course of its own, whose tests change."""
    shutil.copytree(COURSE, tmp_path / "course")
    return Settings(home=tmp_path / "home", course=tmp_path / "course")


def by_tests_of_today(settings: Settings) -> Report:
    return msgspec.structs.replace(RIGHT_REPORT, tests_sha256=find_course(settings.course)["double"].tests_sha256())


def change_tests(settings: Settings) -> None:
    for path in not_none(settings.course).glob("solutions/double/test_hidden.py"):
        path.write_text(path.read_text() + "\n# stricter\n")


@pytest.fixture
def eve(app, user, settings):
    """Staff who tried it, and three students who handed in, one of them twice."""
    eve = user("eve", role="staff")
    for who in (eve, user("ada"), user("bob"), user("carol")):
        for number in range(2 if who.person.login == "ada" else 1):
            who.handed_in(zip_of(f"# {number}"))
            finish(app, by_tests_of_today(settings))
    return eve


@pytest.mark.parametrize("page", PAGES)
def test_a_banner_says_how_many_results_were_made_with_other_tests(eve, settings, page):
    assert "other tests." not in eve.get(page).text
    change_tests(settings)
    assert "4 results were made with other tests" in eve.get(page).text


def test_the_banner_starts_the_regrade_and_goes_when_it_is_applied(app, eve, settings, database):
    change_tests(settings)
    form = {"assignment": "double", "which": "other_tests", "reason": "the tests have changed"}
    page = eve.get(PAGES[0]).text
    assert all(f'name="{name}" value="{value}"' in page for name, value in form.items())
    answer = eve.post(f"{AT}/regrades", form, form_at=PAGES[0])
    assert answer.status_code == 303
    with database.read() as session:
        jobs = set(session.scalars(sa.select(Job.submission_id).where(Job.batch == "regrade-1")))
    assert jobs == {2, 3, 4, 5}, "those of students"
    for _ in jobs:
        finish(app, by_tests_of_today(settings))
    assert "4 results were made" in eve.get(PAGES[0]).text, "it does not count yet"
    eve.post(f"{AT}/regrades/1/count", form_at=f"{AT}/regrades/1")
    for one in PAGES:
        assert "with other tests." not in eve.get(one).text


def test_where_the_latest_counts_only_the_latest_is_graded_again(eve, settings, database):
    change_tests(settings)
    with database.write() as session:
        course = accounts.first_course(session)
        actor = not_none(accounts.find(session, "eve"))
        courses.set_policy(
            session, actor, not_none(courses.assignment(session, course, "double")), {"counts": "latest"}
        )
    page = eve.get(PAGES[0]).text
    assert "3 results were made with other tests" in page


def test_a_result_that_keeps_some_tests_is_still_by_other_tests():
    old, new = (msgspec.structs.replace(RIGHT_REPORT, tests_sha256=digest * 64) for digest in "ab")
    assert job_grading.merged(old, new, ["test_a"]).tests_sha256 == "a" * 64


def test_of_results_of_unknown_tests_nothing_is_said(eve, settings, database):
    with database.write() as session:
        session.execute(sa.update(Result).values(tests_sha256=""))
    change_tests(settings)
    assert "other tests." not in eve.get(PAGES[0]).text


def test_a_result_of_unknown_tests_is_not_counted_among_others(eve, settings, database):
    with database.write() as session:
        session.execute(sa.update(Result).where(Result.submission_id == 5).values(tests_sha256=""))
    change_tests(settings)
    assert "3 results were made with other tests" in eve.get(PAGES[0]).text


def test_of_an_assignment_without_tests_of_today_nothing_is_said(eve, database):
    with database.read() as session:
        assert other_tests.changed(session, accounts.first_course(session), {}) == set()
