"""Grades that go to a platform: what it has in the end is what the student may see, and each was taken once."""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import Any

import cases
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from grader_service.accounts import accounts
from grader_service.database.models import (
    Job,
    LtiContext,
    LtiIdentity,
    LtiMember,
    LtiPlatform,
    LtiScore,
    Submission,
    Upload,
)
from grader_service.database.session import Database
from grader_service.lti import contexts, platforms, scores
from grader_service.lti.messages import RESULT_SCOPE, SCOPES
from grader_service.lti.sender import Sender, _below

from ..support.platform import Fault, Platform
from .conftest import connected, known
from .graded_course import GradedCourse

FAULTS: tuple[Fault, ...] = ("500", "429", "silent", "500 taken", "silent taken")
CROWD = 5000 if os.environ.get(cases.ALL) else 150  # students; `make nightly` sends all of them


@pytest.fixture
def course(database: Database, settings: Any) -> GradedCourse:
    return GradedCourse(database, settings)


def column(platform: Platform) -> dict[str, float | None]:
    return platform.grades(1)


def states(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(row.state, row.message) for row in session.scalars(sa.select(LtiScore).order_by(LtiScore.person_id))]


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_grade_is_sent_once_and_again_when_it_changes(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    course.sync()
    assert platform.recorded == [], "who has handed in nothing has no grade"
    course.hand_in(ada, 3.0)
    course.sync()
    course.sync()
    assert platform.recorded == [(1, "s-1", 3.0, 5.0)]
    course.regrade(4.0)
    course.sync()
    course.withdraw_regrade()
    course.sync()
    course.by_hand(ada, 5.0)
    course.sync()
    course.withdraw_by_hand(ada)
    course.sync()
    assert [score for _, _, score, _ in platform.recorded] == [3.0, 4.0, 3.0, 5.0, 3.0]
    assert platform.refused == []


def test_what_a_student_does_not_see_is_not_sent_and_what_was_sent_is_cleared(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    course.policy(hidden_results="after_due", due_at=time.time() + 86400)
    course.hand_in(ada, 3.0)
    course.by_hand(ada, 4.0)
    course.sync()
    assert platform.recorded == []
    course.policy(hidden_results="now")
    course.sync()
    assert column(platform) == {"s-1": 0.8}
    course.policy(draft=True)
    course.sync()
    assert column(platform) == {"s-1": None}
    course.policy(draft=False)
    course.sync()
    assert column(platform) == {"s-1": 0.8}


def test_what_is_being_graded_or_not_marked_yet_is_not_sent(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    course.hand_in(ada, 2.0)
    course.hand_in(ada, None, state="queued")
    course.sync()
    assert platform.recorded == []
    course.finish(4.0)
    course.hand_in(ada, None, state="grader_error")
    course.sync()
    assert column(platform) == {"s-1": 0.8}, "a fault of the grader does not hold a grade back"
    course.policy(written_points=5.0)
    with database.write() as session:
        number = course.assignment(session).id
        session.add(
            Submission(
                course_assignment_id=number,
                person_id=ada,
                kind="written",
                filename="a.md",
                sha256="0" * 64,
                notes=[],
                form_key="w",
                received_at=time.time(),
            )
        )
    course.by_hand(ada, 1.0)
    course.withdraw_by_hand(ada)
    course.sync()
    assert column(platform) == {"s-1": 0.8}, "the column keeps what it has"


def test_only_students_of_that_course_over_there_get_grades(platform, course, database, new_platform):
    other = new_platform("Other")
    connected(database, other)
    ada, bob = known(database, platform, "s-1", "ada"), known(database, other, "o-1", "bob")
    eve = known(database, platform, "t-eve", "eve", "staff")
    course.link(platform)
    course.link(other)
    for person in (ada, bob, eve):
        course.hand_in(person, 5.0)
    course.sync()
    assert column(platform) == {"s-1": 1.0}
    assert column(other) == {"o-1": 1.0}


def test_a_closed_platform_gets_nothing_until_it_is_open_again(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    for closed in (True, False):
        with database.write() as session:
            registered = session.scalars(sa.select(LtiPlatform)).one()
            platforms.set_closed(session, course.root(session), registered, closed)
        if closed:
            course.hand_in(ada, 5.0)
        course.sync()
        assert column(platform) == ({} if closed else {"s-1": 1.0})


def test_a_disconnected_course_gets_nothing(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    course.hand_in(ada, 5.0)
    with database.write() as session:
        contexts.disconnect(session, course.root(session), session.scalars(sa.select(LtiContext)).one())
    course.sync()
    assert platform.recorded == []


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("may_ask", [True, False])
def test_whatever_goes_wrong_a_grade_arrives_once(platform, course, database, fault, may_ask):
    ada = known(database, platform, "s-1", "ada")
    scopes = SCOPES if may_ask else [one for one in SCOPES if one != RESULT_SCOPE]
    course.link(platform, scopes=scopes)
    faults = iter([fault, fault])
    platform.faults = lambda: next(faults, "")
    course.hand_in(ada, 3.0)
    course.sync()
    assert platform.recorded == [(1, "s-1", 3.0, 5.0)]
    assert states(database) == [("sent", "")]
    course.by_hand(ada, 4.0)
    course.sync()
    assert [score for _, _, score, _ in platform.recorded] == [3.0, 4.0]


def test_a_process_that_is_killed_after_sending_sends_nothing_twice(platform, course, database, monkeypatch):
    """Killed between the answer and the transaction that writes it down."""
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    course.hand_in(ada, 3.0)
    with monkeypatch.context() as patch:
        patch.setattr("grader_service.lti.sender._write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            course.sender.step()
    assert len(platform.recorded) == 1
    with database.write() as session:
        session.execute(sa.update(LtiScore).values(not_before=0.0))  # its claim has run out
    again = GradedCourse(database, course.sender._tokens._settings)
    again.sync()
    assert len(platform.recorded) == 1
    assert states(database) == [("sent", "")]


def test_a_refused_grade_is_told_to_staff_and_sent_again_when_they_say_so(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    person = platform.people.pop("s-1")
    course.hand_in(ada, 3.0)
    course.sync()
    assert states(database) == [("refused", "the platform answered 422")]
    platform.people["s-1"] = person
    with database.write() as session:
        assert scores.send_again(session, session.scalars(sa.select(LtiContext)).one()) == 1
    course.sync()
    assert column(platform) == {"s-1": 0.6}


def test_a_token_that_the_platform_no_longer_knows_is_replaced(platform, course, database):
    ada = known(database, platform, "s-1", "ada")
    course.link(platform)
    course.hand_in(ada, 3.0)
    course.sync()
    platform._tokens.clear()
    course.by_hand(ada, 4.0)
    course.sync()
    assert column(platform) == {"s-1": 0.8}


def test_a_platform_that_is_down_does_not_hold_up_another(platform, course, database, new_platform):
    other = new_platform("Other")
    connected(database, other)
    ada, bob = known(database, platform, "s-1", "ada"), known(database, other, "o-1", "bob")
    carol = known(database, platform, "s-2", "carol")
    course.link(platform)
    course.link(other)
    asked: list[str] = []

    def silent() -> Fault:
        asked.append("")
        return "silent"

    platform.faults = silent
    sender = Sender(course.sender._tokens._settings, database, course.content, waits=(60.0, 60.0))
    for person in (ada, bob, carol):
        course.hand_in(person, 5.0)
    sender.step()
    sender.step()
    assert column(other) == {"o-1": 1.0}
    assert sorted(state for state, _ in states(database)) == ["sent", "waiting", "waiting"]
    assert any("did not answer" in message for _, message in states(database))
    assert len(asked) == 1, "who says nothing is left alone"


def test_the_address_of_a_column_keeps_its_query():
    """Moodle's has one."""
    address = "https://lms.example/mod/lti/services.php/2/lineitems/7/lineitem?type_id=3"
    assert _below(address, "scores") == address.replace("lineitem?", "lineitem/scores?")
    assert _below("https://lms.example/items/7", "results", user_id="a b") == (
        "https://lms.example/items/7/results?user_id=a+b"
    )


# --- laws -------------------------------------------------------------------------------------------------------------

STUDENTS = 4
POINTS = st.sampled_from([0.0, 1.0, 2.5, 4.0, 5.0])
PEOPLE = st.integers(0, STUDENTS - 1)
OPERATIONS = st.one_of(
    st.tuples(st.just("hand_in"), PEOPLE, POINTS),
    st.tuples(st.just("wait"), PEOPLE),
    st.tuples(st.just("finish"), POINTS),
    st.tuples(st.just("regrade"), POINTS),
    st.tuples(st.just("withdraw_regrade")),
    st.tuples(st.just("by_hand"), PEOPLE, POINTS),
    st.tuples(st.just("withdraw_by_hand"), PEOPLE),
    st.tuples(st.just("hidden_results"), st.sampled_from(["now", "after_due", "never"])),
    st.tuples(st.just("due_at"), st.sampled_from([-86400.0, 86400.0])),
    st.tuples(st.just("draft"), st.booleans()),
    st.tuples(st.just("faults"), st.integers(0, 2**16)),
)


@pytest.fixture
def world(platform: Platform, course: GradedCourse, database: Database) -> tuple[Platform, GradedCourse, list[int]]:
    people = [known(database, platform, f"s-{number}", f"student-{number}") for number in range(STUDENTS)]
    course.link(platform)
    return platform, course, people


def apply(platform: Platform, course: GradedCourse, people: list[int], operation: tuple[Any, ...]) -> None:
    name, *given = operation
    if name == "hand_in":
        course.hand_in(people[given[0]], given[1])
    elif name == "wait":
        course.hand_in(people[given[0]], None, state="queued")
    elif name in ("by_hand", "withdraw_by_hand"):
        getattr(course, name)(people[given[0]], *given[1:])
    elif name == "due_at":
        course.policy(due_at=time.time() + given[0])
    elif name in ("hidden_results", "draft"):
        course.policy(**{name: given[0]})
    elif name == "faults":
        chance = random.Random(given[0])
        platform.faults = lambda: chance.choice([*FAULTS, "", "", ""])
    else:
        getattr(course, name)(*given)


@with_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rounds=st.lists(st.lists(OPERATIONS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_was_sent_equals_the_grade_book(world, rounds):
    """After any operations, and whatever the platform answers: each column has what the student sees, provisional
    grades are those of before, and no grade is taken twice in a row."""
    platform, course, people = world
    before = column(platform)
    for operations in rounds:
        for operation in operations:
            apply(platform, course, people, operation)
        course.sync()
        seen, after = course.grade_book(), column(platform)
        for number, person in enumerate(people):
            sub = f"s-{number}"
            wanted = seen.get(person, before.get(sub))
            assert after.get(sub) == pytest.approx(wanted), sub
        before = after
    for user in {user for _, user, _, _ in platform.recorded}:
        taken = [(score, most) for _, who, score, most in platform.recorded if who == user]
        assert all(one != other for one, other in itertools.pairwise(taken)), "taken twice"


def crowd(course: GradedCourse, platform: Platform, count: int) -> None:
    """So many students with a grade."""
    with course.database.write() as session:
        context = session.scalars(sa.select(LtiContext)).one()
        here, platform_id = accounts.first_course(session), context.deployment.platform_id
        assignment = course.assignment(session)
        session.add(Upload(sha256="0" * 64, data=b"x", size=1))
        for number in range(count):
            sub = f"s-{number}"
            platform.person(sub)
            person, _ = accounts.create(session, login=sub, password=accounts.NO_PASSWORD, course=here)
            session.add(LtiIdentity(platform_id=platform_id, subject=sub, person_id=person.id))
            session.add(LtiMember(context_id=context.id, person_id=person.id))
            submission = Submission(
                course_assignment_id=assignment.id,
                person_id=person.id,
                filename="double.zip",
                sha256="0" * 64,
                notes=[],
                form_key="k",
                received_at=time.time(),
            )
            session.add(submission)
            session.flush()
            session.add(Job(submission_id=submission.id, person_id=person.id, state="done", queue="cpu"))
            course._result(session, submission.id, number % 6)


def test_a_whole_year_is_sent_while_the_platform_fails(platform, course):
    """500, 429 and silence, before and after a score was taken, in half of all answers."""
    count = CROWD
    crowd(course, platform, count)
    course.link(platform)
    chance = random.Random(count)
    platform.faults = lambda: chance.choice([*FAULTS, *[""] * len(FAULTS)])
    course.sync()
    assert column(platform) == {f"s-{number}": pytest.approx((number % 6) / 5) for number in range(count)}
    assert len(platform.recorded) == count, "none twice"
