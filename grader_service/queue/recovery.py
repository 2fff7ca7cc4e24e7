"""What becomes of a job whose worker is lost, or that was given up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.database.models import Job
from grader_service.database.session import db_now
from grader_service.queue import job_log

TRIES = 3  # lost workers, or failures of the grader, before staff must look
RETRY_SECONDS = 5.0  # pause before the first retry; four times as long before the second

LOST = "the worker that graded it was lost (killed, out of memory, or its machine went down or could not be reached)"


def expire(session: Session, *, host: str | None = None, worker: str | None = None) -> None:
    """A worker, or all of a host's, are known to be dead: the next sweep takes their jobs back."""
    whose = Job.host == host if worker is None else Job.worker == worker
    session.execute(sa.update(Job).where(Job.state == "running", whose).values(lease_until=0.0))


def sweep(session: Session) -> int:
    """Take back what lost workers held. Any host may run it, any number of times. Returns how many it took."""
    late = (Job.state == "running", Job.lease_until < db_now())
    if session.scalar(sa.select(Job.id).where(*late).limit(1)) is None:
        return 0
    swept = session.execute(
        sa.update(Job)
        .where(*late)
        .values(
            state=queued_or_given_up(Job.workers_lost),
            workers_lost=Job.workers_lost + 1,
            message=LOST,
            token=None,
            lease_until=None,
        )
        .returning(Job.id, Job.state)
    ).all()
    for job_id, state in swept:
        job_log.tell(session, "given_up" if state == "grader_error" else "lost", job_id)
    return len(swept)


def requeue(session: Session, submission_id: int, *, batch: str = "") -> bool:
    """Staff have mended what was wrong: try a given-up job again. False: it was not given up."""
    changed = session.execute(
        sa.update(Job)
        .where(Job.submission_id == submission_id, Job.batch == batch, Job.state == "grader_error")
        .values(state="queued", workers_lost=0, faults=0, not_before=0.0)
        .returning(Job.id)
    ).all()
    for (job_id,) in changed:
        job_log.tell(session, "requeued", job_id)
    return bool(changed)


def queued_or_given_up(count: Any) -> sa.Case[str]:
    return sa.case((count + 1 >= TRIES, "grader_error"), else_="queued")


def rowcount(result: sa.Result[Any]) -> int:
    assert isinstance(result, sa.CursorResult)
    return result.rowcount
