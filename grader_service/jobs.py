"""Work to be done, as rows: none lost, none done twice, whatever dies.

    enqueue ─> queued ── claim ──> running ── finish ──> done
                 ^  ^                │  │
                 │  └─ sweep: the lease ran out (a lost worker) ─ the third ─> grader_error
                 └──── fault: an error of ours, after a pause ─── the third ─> grader_error ── requeue (staff) ─> queued

A claim is a lease with a fencing token. Whoever holds a job writes only where the token is still its own, so the late
result of a worker that was given up changes nothing. Every function here runs inside the caller's writing transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder import report as reports
from autograder.report import Report
from grader_service.database import db_now
from grader_service.models import Job, Picture, Result, Submission

TRIES = 3  # lost workers, or faults of ours, before staff must look
RETRY_SECONDS = 5.0  # pause before the first retry; four times as long before the second


@dataclass(frozen=True)
class Claim:
    """The right to grade one submission, until the lease runs out or another takes it."""

    job_id: int
    submission_id: int
    token: str


def enqueue(session: Session, submission: Submission, *, queue: str = "cpu", priority: int = 0) -> Job:
    """Add the job of a submission, in the transaction that stores the submission."""
    job = Job(submission=submission, queue=queue, priority=priority)
    session.add(job)
    return job


def waiting(session: Session, queues: Sequence[str]) -> bool:
    """Is there something to claim? Cheap, and no writer waits for it."""
    return session.scalar(_next(queues)) is not None


def claim(session: Session, *, worker: str, queues: Sequence[str], lease_seconds: float) -> Claim | None:
    """Take the next job of these queues, if there is one."""
    token = secrets.token_hex(16)
    row = session.execute(
        sa.update(Job)
        .where(Job.id == _next(queues).with_for_update(skip_locked=True).scalar_subquery())
        .values(
            state="running",
            attempt=Job.attempt + 1,
            token=token,
            worker=worker,
            lease_until=db_now() + lease_seconds,
            tests_total=0,
            tests_done=0,
        )
        .returning(Job.id, Job.submission_id)
    ).one_or_none()
    return Claim(row.id, row.submission_id, token) if row else None


def renew(session: Session, claim: Claim, lease_seconds: float) -> bool:
    """The heartbeat. False: the job is no longer this worker's."""
    return _update(session, claim, lease_until=db_now() + lease_seconds)


def progress(session: Session, claim: Claim, *, done: int, total: int) -> bool:
    """How far the grading is. False: the job is no longer this worker's."""
    return _update(session, claim, tests_done=done, tests_total=total)


def finish(session: Session, claim: Claim, report: Report, pictures: dict[str, bytes]) -> bool:
    """Store the report, if the token still holds. False: it does not, and nothing is stored."""
    if not _update(session, claim, state="done", token=None, lease_until=None):
        return False
    result = Result(
        submission_id=claim.submission_id,
        report=reports.to_json(report),
        state=report.state,
        points=report.points,
        possible=report.possible,
        graded_at=db_now(),
    )
    session.add(result)
    session.flush()
    session.add_all(Picture(result_id=result.id, key=key, png=png) for key, png in pictures.items())
    return True


def fault(session: Session, claim: Claim, message: str) -> bool:
    """Our own error: try again after a pause; the third time staff must look. False: no longer this worker's."""
    pause = RETRY_SECONDS * (1 + 3 * Job.faults)
    return _update(
        session,
        claim,
        state=_queued_or_given_up(Job.faults),
        faults=Job.faults + 1,
        not_before=db_now() + pause,
        message=message,
        token=None,
        lease_until=None,
    )


def release(session: Session, claim: Claim) -> bool:
    """Give a job back undone, because the worker is told to stop; this counts as nobody's fault."""
    return _update(session, claim, state="queued", token=None, lease_until=None)


def expire(session: Session, *, workers: str) -> None:
    """The workers whose names begin so are known to be dead: the next sweep takes their jobs back."""
    session.execute(
        sa.update(Job)
        .where(Job.state == "running", Job.worker.startswith(workers, autoescape=True))
        .values(lease_until=0.0)
    )


def sweep(session: Session) -> int:
    """Take back what lost workers held. Any worker may run it, any number of times. Returns how many it took."""
    swept = session.execute(
        sa.update(Job)
        .where(Job.state == "running", Job.lease_until < db_now())
        .values(
            state=_queued_or_given_up(Job.workers_lost),
            workers_lost=Job.workers_lost + 1,
            message="the worker that graded it was lost (killed, out of memory, or its machine went down)",
            token=None,
            lease_until=None,
        )
    )
    return _rowcount(swept)


def requeue(session: Session, submission_id: int) -> bool:
    """Staff have mended what was wrong: try a given-up job again. False: it was not given up."""
    changed = session.execute(
        sa.update(Job)
        .where(Job.submission_id == submission_id, Job.state == "grader_error")
        .values(state="queued", workers_lost=0, faults=0, not_before=0.0)
    )
    return _rowcount(changed) > 0


def place(session: Session, job: Job) -> int:
    """Place in the queue, 1 being the next: how many go before it, running ones left out, and itself."""
    before = sa.or_(Job.priority > job.priority, sa.and_(Job.priority == job.priority, Job.id < job.id))
    count = sa.select(sa.func.count()).where(Job.state == "queued", Job.queue == job.queue, before)
    return (session.scalar(count) or 0) + 1


def _next(queues: Sequence[str]) -> sa.Select[Any]:
    return (
        sa.select(Job.id)
        .where(Job.state == "queued", Job.queue.in_(queues), Job.not_before <= db_now())
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
    )


def _queued_or_given_up(count: Any) -> sa.Case[str]:
    return sa.case((count + 1 >= TRIES, "grader_error"), else_="queued")


def _update(session: Session, claim: Claim, **values: Any) -> bool:
    changed = session.execute(
        sa.update(Job).where(Job.id == claim.job_id, Job.state == "running", Job.token == claim.token).values(**values)
    )
    return _rowcount(changed) > 0


def _rowcount(result: sa.Result[Any]) -> int:
    assert isinstance(result, sa.CursorResult)
    return result.rowcount
