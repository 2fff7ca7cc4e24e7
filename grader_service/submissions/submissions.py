"""What students hand in: accepting it, and finding it again."""

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

# What is shown of each.
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
    """Store bytes, submission and job in the caller's transaction: when it commits, the receipt is true.

    upload : what `Files.keep` made of the bytes
    keep_still : `Files.keep_still` of them; it is needed where they lie in a store
    needs : what it takes to grade it; None for the written part, which no worker grades
    received_at : when its last byte had come, by the database's clock; now, where it is not given
    The same bytes from the same rendering of the form are the same submission: a doubled POST is harmless.
    Raises Refused, with the reason, for what the course's dates and numbers of attempts do not let in.
    """
    one_at_a_time(session, f"person {person.id}")
    chosen = courses.assignment(session, course, assignment, kept=True)
    if chosen is None:
        raise Refused(f"the course has no assignment {assignment!r}")
    same = sa.select(Submission).where(
        Submission.course_assignment_id == chosen.id,
        Submission.person_id == person.id,
        Submission.form_key == form_key,
        Submission.sha256 == upload.sha256,
    )
    if (already := session.scalar(same)) is not None:
        return already
    if received_at is None:
        received_at = now(session)
    _let_in(session, person, course, chosen, kind, received_at)
    _add_upload(session, upload, keep_still)
    submission = Submission(
        course_assignment=chosen,
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


def _let_in(session: Session, person: Person, course: Course, chosen: CourseAssignment, kind: str, at: float) -> None:
    """The rules of the course, looked at where nothing else of this person's can come in between."""
    if course.archived_at is not None:
        raise Refused("the course is over and accepts no submissions")
    membership = session.get(Membership, (person.id, course.id))
    if person.is_operator or (membership is not None and membership.role != "student"):
        return  # they try things out, before the release and after the end
    terms = late_policy.terms(chosen, course.timezone, courses.extension(session, chosen, person))
    made = attempts(session, person, chosen) if kind == "code" else []
    seen = late_policy.may_hand_in(terms, made, at)
    if not seen.accepted:
        raise Refused(seen.reason)


def attempts(session: Session, person: Person, chosen: CourseAssignment) -> list[late_policy.Attempt]:
    """The uploads of code that there are, as far as their number goes."""
    rows = session.execute(
        sa.select(Submission.id, Submission.received_at, Job.state)
        .join(Job, sa.and_(Job.submission_id == Submission.id, Job.batch == ""))
        .where(
            Submission.course_assignment_id == chosen.id,
            Submission.person_id == person.id,
            Submission.kind == "code",
        )
    )
    return [late_policy.Attempt(number, at, None, state == "grader_error") for number, at, state in rows]


def _add_upload(session: Session, upload: Upload, keep_still: Callable[[], None] | None) -> None:
    """Unless somebody has handed in these bytes before, or does so at this moment."""
    one_at_a_time(session, UPLOADS, shared=True)  # nobody's deletion takes the bytes away meanwhile
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"sha256": upload.sha256, "data": upload.data, "size": upload.size}
    session.execute(insert(Upload).values(values).on_conflict_do_nothing())
    if not upload.data:
        assert keep_still is not None
        keep_still()


def find(session: Session, submission_id: int) -> Submission | None:
    """The submission; who may know of it is for `web.permissions` to say."""
    return session.get(Submission, submission_id, options=WITH_ALL)


def whole(session: Session, query: sa.Select[Any]) -> list[Submission]:
    """What a query asks for, with all that is shown of each, in one question."""
    return list(session.scalars(query.options(*WITH_ALL)))


def history(person: Person, chosen: CourseAssignment) -> sa.Select[Any]:
    """A person's submissions to an assignment, the latest first."""
    mine = sa.select(Submission).where(Submission.person_id == person.id, Submission.course_assignment_id == chosen.id)
    return mine.order_by(Submission.id.desc())


def everybodys(course: Course, *, before: int | None, limit: int) -> sa.Select[Any]:
    """All submissions of a course, the latest first, from the one before `before` on."""
    query = sa.select(Submission).where(Submission.course_assignment_id.in_(CourseAssignment.ids_in(course.id)))
    query = query.order_by(Submission.id.desc()).limit(limit)
    return query.where(Submission.id < before) if before else query
