"""What students hand in: accepting it, and finding it again."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from grader_service import jobs
from grader_service.database import db_now, one_at_a_time, storable
from grader_service.models import Course, Person, Result, Submission, Upload


@dataclass(frozen=True)
class Best:
    points: float
    possible: float
    count: int  # of this person's submissions to the assignment


def accept(
    session: Session,
    person: Person,
    course: Course,
    assignment: str,
    *,
    upload: Upload,
    filename: str,
    notes: list[str],
    form_key: str,
    needs: jobs.Needs,
) -> Submission:
    """Store bytes, submission and job in the caller's transaction: when it commits, the receipt is true.

    upload : what `Files.keep` made of the bytes.
    The same bytes from the same rendering of the form are the same submission: a doubled POST is harmless.
    """
    one_at_a_time(session, f"person {person.id}")
    same = sa.select(Submission).where(
        Submission.course_id == course.id,
        Submission.person_id == person.id,
        Submission.assignment == assignment,
        Submission.form_key == form_key,
        Submission.sha256 == upload.sha256,
    )
    if (already := session.scalar(same)) is not None:
        return already
    _add_upload(session, upload)
    submission = Submission(
        course_id=course.id,
        kind="code",
        person_id=person.id,
        assignment=assignment,
        filename=storable(filename)[:200],
        sha256=upload.sha256,
        notes=notes,
        form_key=form_key,
        received_at=db_now(),
    )
    session.add(submission)
    session.flush()
    jobs.enqueue(session, submission, needs)
    return submission


def _add_upload(session: Session, upload: Upload) -> None:
    """Unless somebody has handed in these bytes before, or does so at this moment."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"sha256": upload.sha256, "data": upload.data, "size": upload.size}
    session.execute(insert(Upload).values(values).on_conflict_do_nothing())


def find(session: Session, submission_id: int, viewer: Person) -> Submission | None:
    """The submission, if the viewer may know of it: its owner, or staff of its course."""
    found = session.get(Submission, submission_id, options=_WITH_ALL)
    return (
        found if found is not None and (viewer.is_staff_in(found.course_id) or found.person_id == viewer.id) else None
    )


def history(session: Session, person: Person, assignment: str) -> list[Submission]:
    """A person's submissions to an assignment, the latest first."""
    mine = sa.select(Submission).where(Submission.person_id == person.id, Submission.assignment == assignment)
    return list(session.scalars(mine.options(*_WITH_ALL).order_by(Submission.id.desc())))


def everybodys(session: Session, *, before: int | None, limit: int) -> list[Submission]:
    """All submissions, the latest first, from the one before `before` on."""
    query = sa.select(Submission).options(*_WITH_ALL).order_by(Submission.id.desc()).limit(limit)
    return list(session.scalars(query.where(Submission.id < before) if before else query))


def best(session: Session, person: Person) -> dict[str, Best]:
    """A person's best score in each assignment that has one."""
    rows = session.execute(
        sa.select(
            Submission.assignment,
            sa.func.max(Result.points),
            sa.func.max(Result.possible),
            sa.func.count(Submission.id),
        )
        .join(Result, sa.and_(Result.submission_id == Submission.id, Result.batch == ""))
        .where(Submission.person_id == person.id, Result.state == "graded")
        .group_by(Submission.assignment)
    )
    return {assignment: Best(points, possible, count) for assignment, points, possible, count in rows}


_WITH_ALL = (joinedload(Submission.person), joinedload(Submission.job), joinedload(Submission.result))
