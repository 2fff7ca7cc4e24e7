"""Submissions of students: accepting and finding them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from autograder.core.errors import Refused
from grader_service.courses import courses, late_policy
from grader_service.database.files import UPLOADS
from grader_service.database.models import Course, CourseAssignment, Job, Membership, Person, Submission, Upload
from grader_service.database.session import db_now, one_at_a_time, storable
from grader_service.queue import enqueue

# The relations that pages show of each submission.
WITH_ALL = (
    joinedload(Submission.person),
    joinedload(Submission.course_assignment, innerjoin=True).joinedload(CourseAssignment.course, innerjoin=True),
    joinedload(Submission.job),
)


def accept(
    session: Session,
    person: Person,
    course: Course,
    assignment: str,
    *,
    upload: Upload,
    keep_still: Callable[[], None] | None = None,
    filename: str,
    notes: list[str],
    form_key: str,
    needs: enqueue.Needs | None,
    kind: str = "code",
    received_at: float | None = None,
) -> Submission:
    """Store bytes, submission and job in the caller's transaction: after its commit the receipt is valid.

    upload : the result of `Files.keep`
    keep_still : calls `Files.keep_still`; required if the bytes are in a file store
    needs : the requirements of its job; None for the written part, which no worker grades
    received_at : when the last byte was received, by the database's clock; by default now
    The same bytes from the same rendering of the form are the same submission, so a repeated POST is harmless.
    Raises Refused with the reason if the dates or the number of attempts do not allow it.
    """
    one_at_a_time(session, f"person {person.id}")
    course_assignment = courses.assignment(session, course, assignment, kept=True)
    if course_assignment is None:
        raise Refused(f"the course has no assignment {assignment!r}")
    same = sa.select(Submission).where(
        Submission.course_assignment_id == course_assignment.id,
        Submission.person_id == person.id,
        Submission.form_key == form_key,
        Submission.sha256 == upload.sha256,
    )
    if (existing := session.scalar(same)) is not None:
        return existing
    if received_at is None:
        received_at = now(session)
    _check_allowed(session, person, course, course_assignment, kind, received_at)
    _add_upload(session, upload, keep_still)
    submission = Submission(
        course_assignment=course_assignment,
        kind=kind,
        person_id=person.id,
        filename=storable(filename)[:200],
        sha256=upload.sha256,
        notes=notes,
        form_key=form_key,
        received_at=received_at,
    )
    session.add(submission)
    session.flush()
    if needs is not None:
        enqueue.enqueue(session, submission, needs)
    return submission


def now(session: Session) -> float:
    """The database's clock."""
    return session.scalars(sa.select(db_now())).one()


def _check_allowed(
    session: Session, person: Person, course: Course, course_assignment: CourseAssignment, kind: str, at: float
) -> None:
    """Check the rules of the course. The caller holds this person's lock."""
    if course.archived_at is not None:
        raise Refused("the course is over and accepts no submissions")
    membership = session.get(Membership, (person.id, course.id))
    if person.is_operator or (membership is not None and membership.role != "student"):
        return  # staff may try the assignment before its release and after its end
    terms = late_policy.terms(course_assignment, course.timezone, courses.extension(session, course_assignment, person))
    attempts_so_far = attempts(session, person, course_assignment) if kind == "code" else []
    decision = late_policy.may_hand_in(terms, attempts_so_far, at)
    if not decision.accepted:
        raise Refused(decision.reason)


def attempts(session: Session, person: Person, course_assignment: CourseAssignment) -> list[late_policy.Attempt]:
    """The uploads of code, without their points: enough to count them."""
    rows = session.execute(
        sa.select(Submission.id, Submission.received_at, Job.state)
        .join(Job, sa.and_(Job.submission_id == Submission.id, Job.batch == ""))
        .where(
            Submission.course_assignment_id == course_assignment.id,
            Submission.person_id == person.id,
            Submission.kind == "code",
        )
    )
    return [late_policy.Attempt(number, at, None, state == "grader_error") for number, at, state in rows]


def _add_upload(session: Session, upload: Upload, keep_still: Callable[[], None] | None) -> None:
    """Insert the bytes, unless they exist or another transaction inserts them."""
    one_at_a_time(session, UPLOADS, shared=True)  # so that no deletion removes the bytes meanwhile
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"sha256": upload.sha256, "data": upload.data, "size": upload.size}
    session.execute(insert(Upload).values(values).on_conflict_do_nothing())
    if not upload.data:
        assert keep_still is not None
        keep_still()


def find(session: Session, submission_id: int) -> Submission | None:
    """The submission; None if it does not exist. `web.permissions` decides who may see it."""
    return session.get(Submission, submission_id, options=WITH_ALL)


def whole(session: Session, query: sa.Select[Any]) -> list[Submission]:
    """The submissions of a query, with the relations that pages show, in one statement."""
    return list(session.scalars(query.options(*WITH_ALL)))


def history(person: Person, course_assignment: CourseAssignment) -> sa.Select[Any]:
    """A person's submissions to an assignment, the latest first."""
    own_submissions = sa.select(Submission).where(
        Submission.person_id == person.id, Submission.course_assignment_id == course_assignment.id
    )
    return own_submissions.order_by(Submission.id.desc())


def everybodys(course: Course, *, before: int | None, limit: int) -> sa.Select[Any]:
    """All submissions of a course, the latest first.   before : only submissions with a smaller number."""
    query = sa.select(Submission).where(Submission.course_assignment_id.in_(CourseAssignment.ids_in(course.id)))
    query = query.order_by(Submission.id.desc()).limit(limit)
    return query.where(Submission.id < before) if before else query
