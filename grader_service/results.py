"""Which of a submission's results counts: its own, or that of the latest regrade that staff let count.

A regrade's result counts from the moment staff say so until they take it back, and only where the regrade could grade:
what it refused, or could not do, leaves the result that was there.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.models import Regrade, Result, Submission

CHUNK = 500  # numbers in one statement


def counting(*where: sa.ColumnElement[bool]) -> sa.Subquery:
    """(submission_id, result_id) of the submissions for which these conditions hold and which have a result."""
    counts = sa.and_(Regrade.counted_at.is_not(None), Regrade.withdrawn_at.is_(None), Result.state == "graded")
    latest = (sa.func.coalesce(Regrade.counted_at, 0.0).desc(), Result.id.desc())
    ranked = (
        sa.select(
            Result.submission_id,
            Result.id.label("result_id"),
            sa.func.row_number().over(partition_by=Result.submission_id, order_by=latest).label("place"),
        )
        .join(Submission, Submission.id == Result.submission_id)
        .outerjoin(Regrade, Regrade.name == Result.batch)
        .where(sa.or_(Result.batch == "", counts), *where)
        .subquery()
    )
    return sa.select(ranked.c.submission_id, ranked.c.result_id).where(ranked.c.place == 1).subquery()


def of(session: Session, submission_id: int) -> Result | None:
    """The result that counts of one submission."""
    found = counting(Submission.id == submission_id)
    return session.scalar(sa.select(Result).join(found, found.c.result_id == Result.id))


def reports(session: Session, submission_ids: Iterable[int]) -> dict[int, bytes]:
    """The reports that count, as JSON, by submission."""
    ids = sorted(set(submission_ids))
    told: dict[int, bytes] = {}
    for start in range(0, len(ids), CHUNK):
        found = counting(Submission.id.in_(ids[start : start + CHUNK]))
        rows = session.execute(
            sa.select(Result.submission_id, Result.report).join(found, found.c.result_id == Result.id)
        )
        told |= {row[0]: row[1] for row in rows}
    return told
