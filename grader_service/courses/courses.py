"""Courses and their assignments: dates, policies, extensions.

The disk has all assignments. The database has the courses and the assignments of each course. A change of a date or a
policy changes grades, so the audit records it with the earlier values.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.core import minutes
from grader_service.database import audit
from grader_service.database.models import (
    COUNTS,
    HIDDEN_RESULTS,
    Course,
    CourseAssignment,
    Extension,
    LtiLink,
    LtiScore,
    Override,
    Person,
    Regrade,
    RubricItem,
    Submission,
)
from grader_service.database.session import db_now, one_at_a_time, storable

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
LATEST = 32503680000.0  # 1 January 3000: the latest date
POLICY = (
    "position",
    "draft",
    "release_at",
    "due_at",
    "hard_end_at",
    "grace_days",
    "penalty_per_day",
    "attempts_per_day",
    "attempts_total",
    "counts",
    "hidden_results",
    "weight",
    "written_points",
    "leaderboard",
)

COURSES = "courses"  # the lock of transactions that make a course or add to one


def fill(session: Session, names: Iterable[str]) -> None:
    """At the start: if no course has an assignment, the first course gets all of the disk, open and never due."""
    one_at_a_time(session, COURSES)  # several web processes may start at once
    first = session.scalars(sa.select(Course).order_by(Course.id).limit(1)).one()
    if session.scalar(sa.select(CourseAssignment.id).limit(1)) is None:
        for name in names:
            _add(session, first, name)


def create(session: Session, actor: Person | None, *, slug: str, title: str, timezone: str) -> Course:
    """Raises DeepgradeError for a slug that is in use or not valid, a missing title, or an unknown time zone."""
    if not SLUG.fullmatch(slug):
        raise DeepgradeError(f"{slug!r} is not a valid short name; use up to 40 lower-case letters, digits and -")
    one_at_a_time(session, COURSES)
    if session.scalar(sa.select(Course.id).where(Course.slug == slug)) is not None:
        raise DeepgradeError(f"the short name {slug!r} is already in use; choose another")
    course = Course(slug=slug, title=_title(title), timezone=_zone(timezone), created_at=db_now())
    session.add(course)
    session.flush()
    audit.write(session, actor, "course made", f"course {slug}", after=_of_course(course), course=course)
    return course


def change(
    session: Session, actor: Person, course: Course, *, title: str, timezone: str, archived: bool | None = None
) -> None:
    """Raises DeepgradeError as `create` does."""
    before = _of_course(course)
    course.title, course.timezone = _title(title), _zone(timezone)
    if archived is not None and archived != (course.archived_at is not None):
        course.archived_at = session.scalar(sa.select(db_now())) if archived else None
    session.flush()
    if (after := _of_course(course)) != before:
        audit.write(session, actor, "course changed", f"course {course.slug}", before, after, course=course)


def find(session: Session, slug: str) -> Course | None:
    return session.scalar(sa.select(Course).where(Course.slug == slug))


def assignments(session: Session, course: Course) -> list[CourseAssignment]:
    """The course's assignments in their order."""
    query = sa.select(CourseAssignment).where(CourseAssignment.course_id == course.id)
    return list(session.scalars(query.order_by(CourseAssignment.position, CourseAssignment.id)))


def assignment(session: Session, course: Course, name: str, *, kept: bool = False) -> CourseAssignment | None:
    """The assignment of that name. `kept`: nobody removes it from the course before the transaction ends."""
    query = sa.select(CourseAssignment).where(CourseAssignment.course_id == course.id)
    if kept:  # SQLite has one writer at a time
        query = query.with_for_update(read=True, key_share=True)
    return session.scalar(query.where(CourseAssignment.assignment == name))


def extension(session: Session, course_assignment: CourseAssignment, person: Person) -> Extension | None:
    return session.get(Extension, (course_assignment.id, person.id))


def add(session: Session, actor: Person | None, course: Course, name: str, *, draft: bool = False) -> CourseAssignment:
    """Add an assignment to a course, without a due date: open, or a draft that only staff see."""
    one_at_a_time(session, COURSES)
    if (existing := assignment(session, course, name)) is not None:
        return existing
    course_assignment = _add(session, course, name, draft=draft)
    policy = policy_of(course_assignment)
    audit.write(session, actor, "assignment added", f"assignment {name}", after=policy, course=course)
    return course_assignment


def remove(session: Session, actor: Person, course_assignment: CourseAssignment) -> None:
    """Raises DeepgradeError if there are submissions, points by hand or regrades: they would be deleted too."""
    session.refresh(course_assignment, with_for_update=True)  # an upload at the same time waits
    kept: Sequence[tuple[Any, str]] = ((Submission, "submissions"), (Override, "points by hand"), (Regrade, "regrades"))
    for table, words in kept:
        of_assignment = sa.select(table.id).where(table.course_assignment_id == course_assignment.id)
        if session.scalar(of_assignment.limit(1)) is not None:
            name = course_assignment.assignment
            raise DeepgradeError(f"{name!r} has {words}, so it cannot be removed; make it a draft instead")
    links = sa.select(LtiLink.id).where(LtiLink.course_assignment_id == course_assignment.id)
    session.execute(sa.delete(LtiScore).where(LtiScore.link_id.in_(links)))
    for table in (Extension, RubricItem, LtiLink):
        session.execute(sa.delete(table).where(table.course_assignment_id == course_assignment.id))
    audit.write(
        session,
        actor,
        "assignment removed",
        f"assignment {course_assignment.assignment}",
        before=policy_of(course_assignment),
        course=course_assignment.course_id,
    )
    session.delete(course_assignment)


def set_policy(
    session: Session, actor: Person, course_assignment: CourseAssignment, values: Mapping[str, Any], reason: str = ""
) -> bool:
    """Change dates and policy. Returns whether a value changed. Raises DeepgradeError for values that are not valid."""
    before = policy_of(course_assignment)
    after = before | {name: value for name, value in values.items() if name in POLICY}
    _look_at(after)
    if after == before:
        return False
    for name, value in after.items():
        setattr(course_assignment, name, value)
    changed = [name for name in POLICY if after[name] != before[name]]
    audit.write(
        session,
        actor,
        "policy changed",
        f"assignment {course_assignment.assignment}",
        {name: before[name] for name in changed},
        {name: after[name] for name in changed},
        reason,
        course_assignment.course_id,
    )
    return True


def extend(
    session: Session,
    actor: Person,
    course_assignment: CourseAssignment,
    person: Person,
    *,
    due_at: float,
    hard_end_at: float | None,
    attempts_extra: int,
    reason: str,
) -> Extension:
    """Give one student other dates. This replaces an existing extension.

    Raises DeepgradeError without a reason, and for dates without effect: an extension takes nothing away.
    """
    reason = audit.reason_of(reason)
    if not 0 <= attempts_extra <= 1000:
        raise DeepgradeError(f"{attempts_extra} is not a valid number of extra attempts; write a number from 0 to 1000")
    if not 0 < due_at < LATEST or (hard_end_at is not None and not due_at <= hard_end_at < LATEST):
        raise DeepgradeError("the hard end of an extension is before its due date; move one of the two dates")
    _has_effect(course_assignment, due_at, hard_end_at, attempts_extra)
    now = session.scalars(sa.select(db_now())).one()
    existing = extension(session, course_assignment, person)
    before = _of_extension(existing) if existing else None
    given = existing or Extension(course_assignment_id=course_assignment.id, person_id=person.id)
    session.add(given)
    given.due_at, given.hard_end_at, given.attempts_extra = due_at, hard_end_at, attempts_extra
    given.reason, given.by_id, given.at = reason, actor.id, now
    session.flush()
    audit.write(
        session,
        actor,
        "extension given",
        f"extension {course_assignment.assignment}",
        before,
        _of_extension(given),
        reason,
        course_assignment.course_id,
        person=person,
    )
    return given


def _has_effect(
    course_assignment: CourseAssignment, due_at: float, hard_end_at: float | None, attempts_extra: int
) -> None:
    """Raises DeepgradeError for a part of an extension that `late_policy.terms` would ignore; says what applies."""

    def in_words(seconds: float) -> str:
        at = datetime.datetime.fromtimestamp(seconds, ZoneInfo(course_assignment.course.timezone))
        return at.strftime("%d %b %Y, %H:%M %Z").lstrip("0")

    limits = (course_assignment.attempts_per_day, course_assignment.attempts_total)
    more = attempts_extra > 0 and limits != (None, None)
    due, end = course_assignment.due_at, course_assignment.hard_end_at
    if due is None and not more:
        raise DeepgradeError("the assignment has no due date, so there is nothing to extend")
    if due is not None and minutes.start(due_at) < minutes.start(due):
        raise DeepgradeError(
            f"{in_words(due_at)} is before the due date of the assignment, {in_words(due)}, which holds; "
            "enter a later date"
        )
    if hard_end_at is not None and end is None:
        raise DeepgradeError(
            "the assignment has no hard end: late work is accepted at any time; leave the hard end empty"
        )
    if hard_end_at is not None and end is not None and minutes.start(hard_end_at) < minutes.start(end):
        raise DeepgradeError(
            f"{in_words(hard_end_at)} is before the hard end of the assignment, {in_words(end)}, which holds; enter a "
            "later date, or leave the hard end empty to move it by as much as the due date"
        )
    later_end = hard_end_at is not None and end is not None and minutes.start(hard_end_at) > minutes.start(end)
    if due is not None and minutes.start(due_at) == minutes.start(due) and not (more or later_end):
        raise DeepgradeError(f"{in_words(due)} is the due date of the assignment already; enter a later date")


def withdraw_extension(
    session: Session, actor: Person, course_assignment: CourseAssignment, person: Person, reason: str = ""
) -> bool:
    existing = extension(session, course_assignment, person)
    if existing is None:
        return False
    audit.write(
        session,
        actor,
        "extension withdrawn",
        f"extension {course_assignment.assignment}",
        _of_extension(existing),
        None,
        reason,
        course_assignment.course_id,
        person=person,
    )
    session.delete(existing)
    return True


def policy_of(course_assignment: CourseAssignment) -> dict[str, Any]:
    return {name: getattr(course_assignment, name) for name in POLICY}


def zone(course: Course) -> ZoneInfo:
    return ZoneInfo(course.timezone)


def _add(session: Session, course: Course, name: str, *, draft: bool = False) -> CourseAssignment:
    last = session.scalar(
        sa.select(sa.func.max(CourseAssignment.position)).where(CourseAssignment.course_id == course.id)
    )
    course_assignment = CourseAssignment(
        course_id=course.id,
        assignment=name,
        position=0 if last is None else last + 1,
        draft=draft,
    )
    session.add(course_assignment)
    session.flush()  # the database sets the defaults of the other columns
    return course_assignment


def _look_at(policy: Mapping[str, Any]) -> None:
    """Raises DeepgradeError for the first value that is not valid."""
    release, due, end = policy["release_at"], policy["due_at"], policy["hard_end_at"]
    if any(one is not None and not 0 <= one < LATEST for one in (release, due, end)):
        raise DeepgradeError("a date must be between 1970 and 3000")
    if due is not None and due < release:
        raise DeepgradeError("the due date is before the release; move one of the two dates")
    if end is not None and end < release:
        raise DeepgradeError("the hard end is before the release; move one of the two dates")
    if end is not None and due is None:
        raise DeepgradeError("a hard end needs a due date before it")
    if end is not None and end < due:
        raise DeepgradeError("the hard end is before the due date; move one of the two dates")
    for name, words, least, most in (
        ("grace_days", "grace days", 0, 365),
        ("penalty_per_day", "the penalty per day", 0, 1),
        ("attempts_per_day", "attempts per day", 1, 1000),
        ("attempts_total", "attempts in total", 1, 1000),
        ("weight", "the weight", 0, 1000),
        ("written_points", "points of the written part", 0, 1000),
        ("position", "the position", 0, 1000),
    ):
        value = policy[name]
        if value is not None and not least <= value <= most:
            raise DeepgradeError(f"{words}: {value:g} is not between {least} and {most}")
    if policy["counts"] not in COUNTS:
        raise DeepgradeError(f"{policy['counts']!r} is not a rule for what counts; choose {' or '.join(COUNTS)}")
    if policy["hidden_results"] not in HIDDEN_RESULTS:
        raise DeepgradeError(
            f"{policy['hidden_results']!r} is not a value of hidden_results; choose one of {', '.join(HIDDEN_RESULTS)}"
        )


def _of_course(course: Course) -> dict[str, Any]:
    return {"title": course.title, "timezone": course.timezone, "archived": course.archived_at is not None}


def _of_extension(extension: Extension) -> dict[str, Any]:
    return {name: getattr(extension, name) for name in ("due_at", "hard_end_at", "attempts_extra")}


def _title(title: str) -> str:
    title = storable(title).strip()[:200]
    if not title:
        raise DeepgradeError("a course needs a title")
    return title


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise DeepgradeError(f"{name!r} is not a valid time zone; write a name like Europe/Warsaw or UTC")
    return name
