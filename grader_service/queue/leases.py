"""How a worker claims, renews and finishes a job. Only the holder of the token may."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.database.models import CourseAssignment, Host, Job, Picture, Queue, Result, Submission
from grader_service.database.session import db_now, one_at_a_time, storable
from grader_service.queue import job_log
from grader_service.queue.recovery import RETRY_SECONDS, queued_or_given_up, rowcount


@dataclass(frozen=True)
class Slot:
    """A slot of a host, which asks for a job."""

    worker: str  # name of the worker
    queues: tuple[str, ...]  # in this order
    host: str = ""  # "" means that it cannot be paused
    course: str = ""  # its version of the course; it takes no jobs for other versions
    memory_mb: int = 0  # of the host, for all its running jobs; 0 means no limit
    student_jobs: int = 0  # running jobs of one student in a queue; 0 means no limit
    lacks: tuple[str, ...] = ()  # assignments that cannot be graded here: their jobs wait for another host


@dataclass(frozen=True)
class Claim:
    """The right to grade one submission, until the lease ends or another worker claims it."""

    job_id: int
    submission_id: int
    token: str
    batch: str = ""


@dataclass(frozen=True)
class Origin:
    """The source of a report's results, and the facts that a later grading needs to use them again.

    answer, basis : of `autograder.reuse.earlier`; without them no grading uses the results again
    answered_from : number of the earlier result that has the results of some tests, or None
    tests_answered : the number of these tests
    """

    answer: str = ""
    basis: bytes = b""
    answered_from: int | None = None
    tests_answered: int = 0


def waiting(session: Session, slot: Slot) -> bool:
    """Is there a job for this slot? The query does not block writers, and it is cheap if there is no job."""
    any_at_all = sa.select(Job.id).where(Job.state == "queued", Job.queue.in_(slot.queues), Job.not_before <= db_now())
    return session.scalar(any_at_all.limit(1)) is not None and _next(session, slot) is not None


def claim(session: Session, slot: Slot, *, lease_seconds: float) -> Claim | None:
    """Claim the next job for this slot, if there is one."""
    # The counts (a host's memory, a student's jobs) must still be true when the row is claimed.
    one_at_a_time(session, "claim")
    job_id = _next(session, slot, lock=True)
    if job_id is None:
        return None
    token = secrets.token_hex(16)
    row = session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.state == "queued")
        .values(
            state="running",
            attempt=Job.attempt + 1,
            token=token,
            worker=slot.worker,
            host=slot.host or None,
            lease_until=db_now() + lease_seconds,
            claimed_at=db_now(),
            tests_total=0,
            tests_done=0,
        )
        .returning(Job.id, Job.submission_id, Job.batch)
    ).one_or_none()
    if row is None:
        return None
    job_log.tell(session, "claimed", row.id)
    return Claim(row.id, row.submission_id, token, row.batch)


def renew(session: Session, claim: Claim, lease_seconds: float) -> bool:
    """Extends the lease. False: the job is no longer this worker's."""
    return _update(session, claim, lease_until=db_now() + lease_seconds)


def progress(session: Session, claim: Claim, *, done: int, total: int, curve: str = "") -> bool:
    """Stores the progress of the grading and of the current training. False: the job is no longer this worker's."""
    return _update(session, claim, tests_done=done, tests_total=total, curve=curve)


def finish(
    session: Session,
    claim: Claim,
    report: Report,
    pictures: dict[str, bytes],
    encoded: bytes | None = None,
    origin: Origin | None = None,
) -> bool:
    """Store the report, if the token still holds. False: it does not, and nothing is stored.

    encoded : the report as JSON; None: this function encodes it
    origin : the source of its results; without it no later grading uses them

    A second call for a finished claim returns True and changes nothing: the first answer may have been lost.
    """
    if not _update(session, claim, state="done", token=None, lease_until=None, finished_at=db_now(), message=""):
        ours = sa.select(Result.id).where(
            Result.submission_id == claim.submission_id, Result.batch == claim.batch, Result.token == claim.token
        )
        if session.scalar(ours) is not None:
            return True
        turn_away(session, claim)
        return False
    origin = origin or Origin()
    result = Result(
        submission_id=claim.submission_id,
        batch=claim.batch,
        token=claim.token,
        report=reports.to_json(report) if encoded is None else encoded,
        state=report.state,
        points=report.points,
        possible=report.possible,
        graded_at=db_now(),
        tests_sha256=report.tests_sha256,
        answer=origin.answer,
        basis=origin.basis,
        answered_from_id=origin.answered_from,
        tests_answered=origin.tests_answered,
    )
    session.add(result)
    session.flush()
    session.add_all(Picture(result_id=result.id, key=key, png=png) for key, png in pictures.items())
    job_log.tell(session, "graded", claim.job_id)
    return True


def turn_away(session: Session, claim: Claim) -> None:
    """Counts a worker that came back after its lease, for the queue page."""
    session.execute(sa.update(Job).where(Job.id == claim.job_id).values(late_refused=Job.late_refused + 1))
    job_log.tell(session, "refused", claim.job_id)


def fault(session: Session, claim: Claim, message: str) -> bool:
    """The grader failed: try again after a pause; the third time staff must look. False: no longer this worker's."""
    pause = RETRY_SECONDS * (1 + 3 * Job.faults)
    ours = _update(
        session,
        claim,
        state=queued_or_given_up(Job.faults),
        faults=Job.faults + 1,
        not_before=db_now() + pause,
        message=storable(message),
        token=None,
        lease_until=None,
    )
    if ours:
        state = session.scalar(sa.select(Job.state).where(Job.id == claim.job_id))
        job_log.tell(session, "given_up" if state == "grader_error" else "failed", claim.job_id)
    return ours


def release(session: Session, claim: Claim) -> bool:
    """Return a job to the queue, because the worker must stop. It does not count as a failure."""
    ours = _update(session, claim, state="queued", token=None, lease_until=None)
    if ours:
        job_log.tell(session, "released", claim.job_id)
    return ours


def _next(session: Session, slot: Slot, *, lock: bool = False) -> int | None:
    """The next job for this slot: by priority, then by the order of its queues, then by turn."""
    closed = set(session.scalars(sa.select(Queue.name).where(Queue.paused)))
    if slot.host:
        shut = sa.select(Host.name).where(Host.name == slot.host, sa.or_(Host.paused, Host.well.is_not(True)))
        if session.scalar(shut) is not None:
            return None
    free = _free_memory(session, slot)
    candidates: list[tuple[int, int, int]] = []
    for rank, queue in enumerate(slot.queues):
        if queue in closed:
            continue
        query = (
            sa.select(Job.priority, Job.id)
            .where(Job.state == "queued", Job.queue == queue, Job.not_before <= db_now())
            .order_by(Job.priority, Job.turn, Job.id)
            .limit(1)
        )
        if slot.course:
            query = query.where(Job.course.in_((slot.course, "")))
        if slot.lacks:
            theirs = sa.select(Submission.id).join(Submission.course_assignment)
            theirs = theirs.where(CourseAssignment.assignment.in_(slot.lacks))
            query = query.where(Job.submission_id.not_in(theirs))
        if free is not None:
            query = query.where(Job.memory_mb <= free)
        if slot.student_jobs and (busy := _students_with_enough(session, queue, slot.student_jobs)):
            query = query.where(Job.person_id.not_in(busy))
        if lock:
            query = query.with_for_update(skip_locked=True)
        if row := session.execute(query).one_or_none():
            candidates.append((row.priority, rank, row.id))
    return min(candidates)[2] if candidates else None


def _free_memory(session: Session, slot: Slot) -> int | None:
    """The free memory of its host in MB; None without a limit, or if the host grades nothing."""
    if not (slot.host and slot.memory_mb):
        return None
    used = session.scalar(sa.select(sa.func.sum(Job.memory_mb)).where(Job.state == "running", Job.host == slot.host))
    # A job that needs more memory than the host has runs alone: its need is a limit, which is seldom reached.
    return None if used is None else slot.memory_mb - used


def _students_with_enough(session: Session, queue: str, most: int) -> list[int]:
    return list(
        session.scalars(
            sa.select(Job.person_id)
            .where(Job.state == "running", Job.queue == queue)
            .group_by(Job.person_id)
            .having(sa.func.count() >= most)
        )
    )


def _update(session: Session, claim: Claim, **values: Any) -> bool:
    changed = session.execute(
        sa.update(Job).where(Job.id == claim.job_id, Job.state == "running", Job.token == claim.token).values(**values)
    )
    return rowcount(changed) > 0
