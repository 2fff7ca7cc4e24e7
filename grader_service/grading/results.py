"""Which result of a submission counts. Nothing else reads points, states or reports of results.

A submission has the result of its own job, and one of each regrade that took it in. Of these that one counts which the
regrade graded that was counted last and not withdrawn; where there is none, the submission's own. A regrade that
refused a submission or could not grade it changes nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.database.models import Course, CourseAssignment, Regrade, Result, Submission

CHUNK = 1000  # numbers in one statement


@dataclass(frozen=True)
class Outcome:
    """A result without its report."""

    id: int  # of the row
    batch: str  # name of the regrade; "" is the submission's own job
    state: str  # "graded" or "refused"
    points: float
    possible: float
    graded_at: float
    tests_sha256: str  # of the tests that made it; "" where nobody knows

    @property
    def graded(self) -> bool:
        return self.state == "graded"


_OUTCOME = (
    Result.id,
    Result.batch,
    Result.state,
    Result.points,
    Result.possible,
    Result.graded_at,
    Result.tests_sha256,
)
_COLUMNS = (Result.submission_id, *_OUTCOME)


def counting(session: Session, *which: sa.ColumnElement[bool], without: Regrade | None = None) -> dict[int, Outcome]:
    """By submission, the result that counts; nothing for a submission that has none.

    which : conditions on `Submission`
    without : a regrade that is left out, whether it counts or not
    """
    counts = [Regrade.name == Result.batch, Regrade.counted_at.is_not(None), Regrade.withdrawn_at.is_(None)]
    if without is not None:
        counts.append(Regrade.id != without.id)
    query = (
        sa.select(*_COLUMNS)
        .join(Submission, Submission.id == Result.submission_id)
        .outerjoin(Regrade, sa.and_(*counts))
        .where(sa.or_(Result.batch == "", sa.and_(Regrade.id.is_not(None), Result.state == "graded")), *which)
        .order_by(sa.case((Result.batch == "", 0), else_=1), Regrade.counted_at, Regrade.id)
    )
    return {row[0]: Outcome(*row[1:]) for row in session.execute(query)}  # the last one wins


def of(session: Session, submission_ids: Iterable[int], *, without: Regrade | None = None) -> dict[int, Outcome]:
    """As `counting`, of the submissions with these numbers."""
    found: dict[int, Outcome] = {}
    for chunk in _chunks(submission_ids):
        found |= counting(session, Submission.id.in_(chunk), without=without)
    return found


def of_regrade(session: Session, regrade: Regrade) -> dict[int, Outcome]:
    """By submission, what this regrade found, whether it counts or not."""
    query = sa.select(*_COLUMNS).where(Result.batch == regrade.name)
    return {row[0]: Outcome(*row[1:]) for row in session.execute(query)}


def report(session: Session, outcome: Outcome) -> bytes:
    """Its report as JSON, whole: `visibility` says what of it somebody may see."""
    return session.scalars(sa.select(Result.report).where(Result.id == outcome.id)).one()


def reports(session: Session, outcomes: dict[int, Outcome]) -> dict[int, bytes]:
    """The reports of those that were graded, as JSON, by submission."""
    number_of = {outcome.id: number for number, outcome in outcomes.items() if outcome.graded}
    found: dict[int, bytes] = {}
    for chunk in _chunks(number_of):
        rows = session.execute(sa.select(Result.id, Result.report).where(Result.id.in_(chunk)))
        found |= {number_of[result_id]: data for result_id, data in rows}
    return dict(sorted(found.items()))


def tests_of(session: Session, course: Course) -> dict[str, set[str]]:
    """By assignment, the hashes of all the tests that made results of this course."""
    query = sa.select(CourseAssignment.assignment, Result.tests_sha256).join_from(Result, Submission)
    query = query.join(Submission.course_assignment)
    found: dict[str, set[str]] = {}
    known = query.where(CourseAssignment.course_id == course.id, Result.tests_sha256 != "").distinct()
    for name, digest in session.execute(known):
        found.setdefault(name, set()).add(digest)
    return found


def any_at_all(session: Session) -> bool:
    """Was anything ever graded?"""
    return session.scalar(sa.select(Result.id).limit(1)) is not None


def state(submission: Submission, outcome: Outcome | None) -> str:
    """Where a submission is, as one of `models.JOB_STATES`: `done` as soon as a result counts, whichever job made it.

    The written part is `done` when it is received: no grader looks at it.
    """
    return "done" if outcome is not None or submission.job is None else submission.job.state


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(set(numbers))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
