"""Dates and policies as staff set them, and what they do to uploads. The database's clock decides."""

from __future__ import annotations

import datetime
import functools
import re
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.core.errors import DeepgradeError, Refused
from grader_service.accounts import accounts, deletion
from grader_service.courses import courses
from grader_service.database import audit
from grader_service.database.models import AuditEntry, Course, CourseAssignment, Job, Person, Submission, Upload
from grader_service.grading import manual, regrades
from grader_service.queue import enqueue
from grader_service.submissions import submissions

from ..conftest import RIGHT, zip_of

DOUBLE = "/courses/course/assignments/double"
DATES = "/courses/course/staff/dates/double"
PLAIN = {
    "position": "0",
    "grace_days": "0",
    "penalty_per_day": "10",
    "counts": "best",
    "hidden_results": "now",
    "weight": "1",
    "written_points": "0",
}


@pytest.fixture
def eve(user):
    return user("eve", role="staff")


@pytest.fixture
def policy(database, eve):
    """`policy(due_at=...)` sets what is named, as staff do."""

    def change(**values: object) -> None:
        with database.write() as session:
            chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
            courses.set_policy(session, eve.person, chosen, values)

    return change


def refusal(answer) -> str:
    assert answer.status_code == 422
    return answer.text.split('role="alert">')[1].split("</p>")[0]


def count(database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count(Submission.id)))


@pytest.mark.threat(40)
def test_before_the_release_there_is_no_such_assignment_for_students(user, eve, policy):
    policy(release_at=time.time() + 60)
    ada = user("ada")
    assert ada.get(DOUBLE).status_code == 404
    assert ada.get(f"{DOUBLE}/kit.zip").status_code == 404
    assert ada.post(DOUBLE, form_at="/password").status_code == 404
    assert "Twice as much" not in ada.get("/").text
    assert eve.get(DOUBLE).status_code == 200
    assert "Twice as much" in eve.get("/").text


@pytest.mark.threat(40)
def test_after_the_hard_end_nothing_is_accepted_but_an_extension_s(user, database, eve, policy):
    now = time.time()
    policy(due_at=now - 120, hard_end_at=now - 60)
    ada, bob = user("ada"), user("bob")
    with database.write() as session:
        chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
        dates: dict[str, Any] = {"due_at": now + 60, "hard_end_at": None, "attempts_extra": 0}
        courses.extend(session, eve.person, chosen, bob.person, reason="ill", **dates)
    assert "it is past the end" in refusal(ada.hand_in(zip_of(RIGHT)))
    assert count(database) == 0
    assert bob.handed_in() == 1
    assert "with your extension" in bob.get("/").text


@pytest.mark.threat(21)
def test_attempts_are_bounded_and_a_doubled_form_is_one(user, database, policy):
    policy(attempts_total=2)
    ada = user("ada")
    ada.handed_in()
    ada.handed_in(zip_of(RIGHT + "# again"))
    assert "no attempts are left" in refusal(ada.hand_in(zip_of(RIGHT + "# more")))
    assert count(database) == 2


@pytest.mark.threat(21)
def test_what_the_grader_gave_up_uses_up_no_attempt(user, database, policy):
    policy(attempts_total=1)
    ada = user("ada")
    ada.handed_in()
    with database.write() as session:
        session.execute(sa.text("UPDATE job SET state = 'grader_error'"))
    ada.handed_in(zip_of(RIGHT + "# again"))


def test_staff_may_try_things_out_at_any_time(eve, policy):
    policy(release_at=time.time() + 60, attempts_total=1)
    eve.handed_in()
    eve.handed_in(zip_of(RIGHT + "# again"))


def test_a_course_that_is_over_takes_nothing(user, database):
    ada = user("ada")
    with database.write() as session:
        session.scalars(sa.select(Course)).one().archived_at = 1.0
    assert "the course is over" in refusal(ada.hand_in(zip_of(RIGHT)))
    assert "This course is over" in ada.get("/").text


@pytest.mark.threat(40)
def test_dates_are_set_on_the_wall_of_the_course_and_kept_in_the_audit(eve, database):
    with database.write() as session:
        session.scalars(sa.select(Course)).one().timezone = "America/New_York"
    answer = eve.post(DATES, {**PLAIN, "due_at": "2026-12-06T23:59", "reason": "as in the plan"})
    assert answer.status_code == 303
    assert 'value="2026-12-06T23:59"' in eve.get(DATES).text
    due = datetime.datetime(2026, 12, 6, 23, 59, tzinfo=ZoneInfo("America/New_York")).timestamp()
    with database.read() as session:
        assert session.scalars(sa.select(CourseAssignment.due_at)).one() == due
        entry = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "policy changed")).one()
    assert (entry.actor_id, entry.subject, entry.reason) == (eve.person.id, "assignment double", "as in the plan")
    assert (entry.before, entry.after) == (
        {"due_at": None, "penalty_per_day": 0.0},
        {"due_at": due, "penalty_per_day": 0.1},
    )


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({"due_at": "2026-12-06T23:59", "hard_end_at": "2026-12-05T00:00"}, "the hard end is before the due date"),
        ({"due_at": "2026-12-06T23:59", "release_at": "2026-12-07T00:00"}, "the due date is before the release"),
        ({"hard_end_at": "2026-12-05T00:00"}, "a hard end needs a due date before it"),
        ({"due_at": "9999-12-31T23:59"}, "a date must be between 1970 and 3000"),
        ({"due_at": "soon"}, "Write a date and a time, like 2026-12-06T23:59."),
        ({"penalty_per_day": "101"}, "Number must be between 0 and 100."),
        ({"penalty_per_day": "nan"}, "Number must be between 0 and 100."),
        ({"grace_days": "-1"}, "Number must be between 0 and 365."),
        ({"counts": "worst"}, "Not a valid choice"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_whole(eve, database, values, sentence):
    answer = eve.post(DATES, {**PLAIN, "grace_days": "3", **values})
    assert answer.status_code == 422
    assert sentence in answer.text
    with database.read() as session:
        chosen = session.scalars(sa.select(CourseAssignment)).one()
        assert (chosen.grace_days, chosen.due_at) == (0, None)


def test_an_extension_is_given_shown_and_withdrawn_and_each_is_in_the_audit(user, eve, database, policy):
    policy(due_at=time.time() + 60)
    ada = user("ada", name="Ada")
    sent = {"extension-login": "ada", "extension-due_at": "2999-01-01T00:00", "extension-reason": "ill"}
    assert eve.post(f"{DATES}/extensions", sent, form_at=DATES).status_code == 303
    assert "1 Jan 2999, 00:00 UTC" in eve.get(DATES).text
    assert "with your extension" in ada.get(DOUBLE).text
    assert eve.post(f"{DATES}/extensions/{ada.person.id}/withdraw", form_at=DATES).status_code == 303
    assert "with your extension" not in ada.get(DOUBLE).text
    with database.read() as session:
        told = session.scalars(sa.select(AuditEntry).where(AuditEntry.person_id == ada.person.id)).all()
        assert [(one.action, one.reason) for one in told] == [("extension given", "ill"), ("extension withdrawn", "")]


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({"extension-login": "nobody"}, "nobody in this course has the login"),
        ({"extension-reason": " "}, "enter a reason"),
        ({"extension-hard_end_at": "2998-01-01T00:00"}, "is before its due date"),
    ],
)
def test_an_extension_that_cannot_be_is_refused(user, eve, values, sentence):
    user("ada")
    sent = {"extension-login": "ada", "extension-due_at": "2999-01-01T00:00", "extension-reason": "ill", **values}
    answer = eve.post(f"{DATES}/extensions", sent, form_at=DATES)
    assert answer.status_code == 422
    assert sentence in answer.text


UNTIL = {"due_at": 2e9, "hard_end_at": 2.1e9}  # 18 May 2033, 03:33 UTC and 18 July 2036, 13:20 UTC


@pytest.mark.parametrize(
    "policies, given, sentence",
    [
        ({}, {}, "has no due date, so there is nothing to extend"),
        (UNTIL, {"due_at": 1.9e9}, "17 Mar 2030, 17:46 UTC is before the due date of the assignment, 18 May 2033"),
        (UNTIL, {"due_at": 2e9}, "is the due date of the assignment already"),
        (UNTIL, {"due_at": 2.01e9, "hard_end_at": 2.05e9}, "is before the hard end of the assignment, 18 Jul 2036"),
        ({"due_at": 2e9}, {"due_at": 2.01e9, "hard_end_at": 2.05e9}, "has no hard end: late work is accepted"),
        ({"due_at": 2e9}, {"due_at": 2e9, "attempts_extra": 3}, "is the due date of the assignment already"),
        (UNTIL, {"due_at": 2.01e9}, ""),
        (UNTIL, {"due_at": 2e9, "hard_end_at": 2.2e9}, ""),
        ({**UNTIL, "attempts_total": 3}, {"due_at": 2e9, "attempts_extra": 3}, ""),
        ({"attempts_per_day": 3}, {"due_at": 2e9, "attempts_extra": 3}, ""),
    ],
)
def test_what_an_extension_promises_holds_or_is_refused(user, eve, database, policy, policies, given, sentence):
    ada = user("ada")
    policy(**policies)
    dates: dict[str, Any] = {"due_at": 2.2e9, "hard_end_at": None, "attempts_extra": 0, "reason": "ill", **given}
    with database.write() as session:
        chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
        if sentence:
            with pytest.raises(DeepgradeError, match=re.escape(sentence)):
                courses.extend(session, eve.person, chosen, ada.person, **dates)
        else:
            courses.extend(session, eve.person, chosen, ada.person, **dates)


def test_an_extension_that_a_later_policy_overtakes_is_shown_as_what_holds(user, eve, database, policy):
    ada = user("ada")
    policy(**UNTIL)
    with database.write() as session:
        chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
        dates: dict[str, Any] = {"due_at": 2.01e9, "hard_end_at": 2.2e9, "attempts_extra": 0}
        courses.extend(session, eve.person, chosen, ada.person, reason="ill", **dates)
    assert "has no effect now" not in eve.get(DATES).text
    policy(due_at=2.3e9, hard_end_at=2.4e9)
    page = eve.get(DATES).text
    assert page.count("which has no effect now") == 2
    assert "19 Jan 2046" in page, "the hard end that holds"
    assert "with your extension" not in ada.get(DOUBLE).text


@pytest.mark.parametrize("length, accepted", [(audit.REASON_MOST, True), (audit.REASON_MOST + 1, False)])
def test_a_reason_has_one_limit_everywhere_and_is_never_cut(user, eve, database, policy, length, accepted):
    """A policy, an extension given and withdrawn, points by hand and their end, a rubric, a regrade and its end."""
    ada = user("ada")
    policy(due_at=2e9, written_points=3.0)
    ada.handed_in()
    reason, by = "x" * length, eve.person
    with database.write() as session:
        course = accounts.first_course(session)
        one = not_none(courses.assignment(session, course, "double"))
        dates: dict[str, Any] = {"due_at": 2.1e9, "hard_end_at": None, "attempts_extra": 0}

        def regrade(why: str):
            needs = enqueue.Needs()
            return regrades.create(session, by, one, [1], tests=None, needs=needs, reason=why)

        made = regrade("r")
        manual.set_override(session, by, one, ada.person, 1.0, "r")
        lines = [manual.Line(None, "plots", 3.0)]
        calls = [
            lambda: courses.set_policy(session, by, one, {"grace_days": 1}, reason),
            lambda: courses.extend(session, by, one, ada.person, reason=reason, **dates),
            lambda: courses.withdraw_extension(session, by, one, ada.person, reason),
            lambda: manual.set_override(session, by, one, ada.person, 2.0, reason),
            lambda: manual.withdraw_override(session, by, one, ada.person, reason),
            lambda: manual.set_rubric(session, by, one, lines, reason),
            lambda: regrade(reason),
            lambda: regrades.withdraw(session, by, course, made, reason),
        ]
        courses.extend(session, by, one, ada.person, reason="r", **dates)
        for call in calls:
            if accepted:
                call()
            else:
                point = session.begin_nested()
                with pytest.raises(DeepgradeError, match="at most 10,000 characters"):
                    call()
                point.rollback()
        if accepted:
            told = session.scalars(sa.select(AuditEntry.reason).where(sa.func.length(AuditEntry.reason) > 1000))
            assert {len(one) for one in told} == {length}, "whole"
    sent = {"extension-login": "ada", "extension-due_at": "2999-01-01T00:00", "extension-reason": reason}
    assert eve.post(f"{DATES}/extensions", sent, form_at=DATES).status_code == (303 if accepted else 422)


def test_assignments_are_chosen_for_a_course_and_taken_out_again(user, eve):
    ada = user("ada")
    assert eve.post(f"{DATES}/remove", form_at=DATES).status_code == 303
    assert eve.get(DATES).status_code == 404
    assert ada.get(DOUBLE).status_code == 404
    assert eve.post(f"{DATES}/add", form_at="/courses/course/staff/dates").status_code == 303
    assert eve.get(DATES).status_code == 200


def _with_submissions(session, eve, ada, one) -> None:
    pass  # there is one


def _with_points_by_hand(session, eve, ada, one) -> None:
    session.execute(sa.delete(Job))
    session.execute(sa.delete(Submission))
    manual.set_override(session, eve.person, one, ada.person, 1.0, "an oral exam")


def _with_regrades(session, eve, ada, one) -> None:
    """Of a student who was deleted since."""
    regrades.create(session, eve.person, one, [1], tests=None, needs=enqueue.Needs(), reason="a test was wrong")
    deletion.erase(session, None, session.get_one(Person, ada.person.id))


@pytest.mark.parametrize("words, has", [
    ("submissions", _with_submissions), ("points by hand", _with_points_by_hand), ("regrades", _with_regrades),
])  # fmt: skip
def test_an_assignment_stays_in_its_course_while_something_would_be_lost_with_it(user, eve, database, words, has):
    ada = user("ada")
    ada.handed_in()
    with database.write() as session:
        has(session, eve, ada, session.scalars(sa.select(CourseAssignment)).one())
    assert eve.post(f"{DATES}/remove", form_at=DATES).status_code == 303
    assert f"has {words}, so it cannot be removed; make it a draft instead" in eve.get(DATES).text
    with pytest.raises(sa.exc.IntegrityError), database.write() as session:
        session.execute(sa.delete(CourseAssignment))


def test_a_draft_keeps_its_dates_and_its_work_and_nobody_hands_in(user, eve, policy, database):
    ada, release = user("ada"), time.time() - 3600
    number = ada.handed_in()
    policy(draft=True, release_at=release, due_at=2e9)
    assert ada.get(DOUBLE).status_code == 404
    assert ada.hand_in(zip_of(RIGHT)).status_code == 404
    assert ada.get(f"/submissions/{number}").status_code == 200
    with database.write() as session:
        accept = functools.partial(submissions.accept, session, session.get_one(Person, ada.person.id))
        how: dict[str, Any] = {"filename": "", "notes": [], "form_key": "k", "needs": enqueue.Needs()}
        with pytest.raises(Refused, match="it is not released yet"):
            accept(accounts.first_course(session), "double", upload=Upload(sha256="x", data=b"zip", size=3), **how)
    page = eve.get(DATES).text
    assert re.search(r'name="draft"[^>]*checked', page) or re.search(r'checked[^>]*name="draft"', page)
    shown = datetime.datetime.fromtimestamp(release, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M")
    assert shown in page, "the release that holds as soon as it is no draft"
    assert "draft" in eve.get("/courses/course").text
    policy(draft=False)
    assert ada.get(DOUBLE).status_code == 200


def test_an_assignment_that_the_disk_has_lost_keeps_what_was_handed_in(user, eve, app, monkeypatch, tmp_path):
    """Its row stays in the course, and so do its submissions and points."""
    ada, data = user("ada"), zip_of(RIGHT)
    number = ada.handed_in(data)
    monkeypatch.setattr(app.extensions["services"].course, "root", tmp_path)
    assert "double" in ada.get(f"/submissions/{number}").text
    assert ada.get(f"/submissions/{number}/upload.zip").data == data
    assert "double" in eve.get("/courses/course/staff/submissions").text
    assert eve.get(DATES).status_code == 200
