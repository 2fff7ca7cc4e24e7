"""The result of a submission that counts. Nothing else reads points, states or reports of results.

A submission has the result of its own job, and one result of each regrade that includes it. The result of the regrade
that was applied last and not withdrawn counts. Without one, the result of the own job counts. A regrade that refused a
submission or could not grade it changes nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

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
    tests_sha256: str  # of the tests that made it; "" if unknown
    answered_from: int | None  # submission whose earlier grading answered some tests; it can be this submission
    answered_at: float | None  # when that one was graded
    tests_answered: int  # how many

    @property
    def graded(self) -> bool:
        return self.state == "graded"


@dataclass(frozen=True)
class Earlier:
    """A result from which a later grading may take results: the report and its basis, as JSON."""

    id: int
    report: bytes
    basis: bytes


_SOURCE = aliased(Result)  # of what was answered
_OUTCOME = (
    Result.id,
    Result.batch,
    Result.state,
    Result.points,
    Result.possible,
    Result.graded_at,
    Result.tests_sha256,
    _SOURCE.submission_id,
    _SOURCE.graded_at,
    Result.tests_answered,
)
_COLUMNS = (Result.submission_id, *_OUTCOME)


def counting(session: Session, *which: sa.ColumnElement[bool], without: Regrade | None = None) -> dict[int, Outcome]:
    """The result that counts, by submission; no entry for a submission without one.

    which : conditions on `Submission`
    without : a regrade to ignore, whether it counts or not
    """
    counts = [Regrade.name == Result.batch, Regrade.counted_at.is_not(None), Regrade.withdrawn_at.is_(None)]
    if without is not None:
        counts.append(Regrade.id != without.id)
    query = (
        sa.select(*_COLUMNS)
        .join(Submission, Submission.id == Result.submission_id)
        .outerjoin(Regrade, sa.and_(*counts))
        .outerjoin(_SOURCE, _SOURCE.id == Result.answered_from_id)
        .where(sa.or_(Result.batch == "", sa.and_(Regrade.id.is_not(None), Result.state == "graded")), *which)
        .order_by(sa.case((Result.batch == "", 0), else_=1), Regrade.counted_at, Regrade.id)
    )
    return {row[0]: Outcome(*row[1:]) for row in session.execute(query)}  # the last one wins


def of(session: Session, submission_ids: Iterable[int], *, without: Regrade | None = None) -> dict[int, Outcome]:
    """Like `counting`, for the submissions with these numbers."""
    outcomes: dict[int, Outcome] = {}
    for chunk in _chunks(submission_ids):
        outcomes |= counting(session, Submission.id.in_(chunk), without=without)
    return outcomes


def of_regrade(session: Session, regrade: Regrade) -> dict[int, Outcome]:
    """The results of this regrade by submission, whether they count or not."""
    query = sa.select(*_COLUMNS).outerjoin(_SOURCE, _SOURCE.id == Result.answered_from_id)
    query = query.where(Result.batch == regrade.name)
    return {row[0]: Outcome(*row[1:]) for row in session.execute(query)}


def report(session: Session, outcome: Outcome) -> bytes:
    """The whole report as JSON. `visibility` decides which parts a viewer may see."""
    return session.scalars(sa.select(Result.report).where(Result.id == outcome.id)).one()


def reports(session: Session, outcomes: dict[int, Outcome]) -> dict[int, bytes]:
    """The reports of the graded outcomes as JSON, by submission."""
    number_of = {outcome.id: number for number, outcome in outcomes.items() if outcome.graded}
    reports_by_id: dict[int, bytes] = {}
    for chunk in _chunks(number_of):
        rows = session.execute(sa.select(Result.id, Result.report).where(Result.id.in_(chunk)))
        reports_by_id |= {number_of[result_id]: data for result_id, data in rows}
    return dict(sorted(reports_by_id.items()))


def basis(session: Session, outcome: Outcome, answer: str) -> bytes:
    """What the results of this outcome depend on, as JSON. Empty if it has another answer."""
    query = sa.select(Result.basis).where(Result.id == outcome.id, Result.answer == answer)
    return session.scalar(query) or b""


def earlier(session: Session, submission: Submission, answer: str, *, own: bool) -> Earlier | None:
    """The last result with this answer; None without one. Results of withdrawn regrades are not used.

    own : of this submission. Otherwise of earlier submissions of the same person for the same assignment, since nobody
        may learn from a quick answer what others have handed in.
    """
    query = (
        sa.select(Result.id, Result.report, Result.basis)
        .join(Submission, Submission.id == Result.submission_id)
        .outerjoin(Regrade, Regrade.name == Result.batch)
        .where(
            Submission.person_id == submission.person_id,
            Submission.course_assignment_id == submission.course_assignment_id,
            Submission.id == submission.id if own else Submission.id < submission.id,
            Result.answer == answer,
            Result.state == "graded",
            Regrade.withdrawn_at.is_(None),
        )
        .order_by(Result.graded_at.desc(), Result.id.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return Earlier(*row) if row is not None else None


def tests_of(session: Session, course: Course) -> dict[str, set[str]]:
    """The hashes of all tests that made results of this course, by assignment."""
    query = sa.select(CourseAssignment.assignment, Result.tests_sha256).join_from(Result, Submission)
    query = query.join(Submission.course_assignment)
    hashes: dict[str, set[str]] = {}
    pairs = query.where(CourseAssignment.course_id == course.id, Result.tests_sha256 != "").distinct()
    for name, digest in session.execute(pairs):
        hashes.setdefault(name, set()).add(digest)
    return hashes


def newest(session: Session) -> int:
    """The number of the newest result: it grows with each one. 0 without any."""
    return session.scalar(sa.select(sa.func.max(Result.id))) or 0


def any_at_all(session: Session) -> bool:
    """Does any result exist?"""
    return session.scalar(sa.select(Result.id).limit(1)) is not None


def state(submission: Submission, outcome: Outcome | None) -> str:
    """The state of a submission, one of `models.JOB_STATES`: `done` as soon as a result of any job counts.

    A written part is `done` when it is received, since no grader reads it.
    """
    return "done" if outcome is not None or submission.job is None else submission.job.state


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(set(numbers))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
