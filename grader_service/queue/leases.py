"""What a worker does with a job: takes it, keeps it, and puts it down. Only the token's holder may."""

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
from grader_service.queue.recovery import RETRY_SECONDS, queued_or_given_up, rowcount


@dataclass(frozen=True)
class Slot:
    """Who asks for a job: one of a host's places to grade."""

    worker: str  # its name
    queues: tuple[str, ...]  # the first is looked at first
    host: str = ""  # "" is none that can be paused
    course: str = ""  # version that it has; a job that wants another is not for it
    memory_mb: int = 0  # of the host, for all that it grades at a time; 0 is no limit
    student_jobs: int = 0  # of one student that may be graded at a time in a queue; 0 is no limit
    lacks: tuple[str, ...] = ()  # assignments that cannot be graded here: their jobs wait for another host


@dataclass(frozen=True)
class Claim:
    """The right to grade one submission, until the lease runs out or another takes it."""

    job_id: int
    submission_id: int
    token: str
    batch: str = ""


@dataclass(frozen=True)
class Origin:
    """Where the results of a report come from, and what a later grading needs to use them again.

    answer, basis : of `autograder.reuse.earlier`; without them nothing uses the results again
    answered_from : number of the earlier result that answered some tests, or None
    tests_answered : how many
    """

    answer: str = ""
    basis: bytes = b""
    answered_from: int | None = None
    tests_answered: int = 0


def waiting(session: Session, slot: Slot) -> bool:
    """Is there something for it to claim? No writer waits for the answer, which is mostly no, and then is cheap."""
    any_at_all = sa.select(Job.id).where(Job.state == "queued", Job.queue.in_(slot.queues), Job.not_before <= db_now())
    return session.scalar(any_at_all.limit(1)) is not None and _next(session, slot) is not None


def claim(session: Session, slot: Slot, *, lease_seconds: float) -> Claim | None:
    """Take the next job that this slot may have, if there is one."""
    # What is counted here (a host's memory, a student's jobs) must still be so when the row is taken.
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
    return Claim(row.id, row.submission_id, token, row.batch) if row else None


def renew(session: Session, claim: Claim, lease_seconds: float) -> bool:
    """The heartbeat. False: the job is no longer this worker's."""
    return _update(session, claim, lease_until=db_now() + lease_seconds)


def progress(session: Session, claim: Claim, *, done: int, total: int, curve: str = "") -> bool:
    """How far the grading is, and the network that trains now. False: the job is no longer this worker's."""
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

    encoded : the report as JSON; who waits for nobody may leave it to this function
    origin : where its results come from; without it no later grading uses them

    To finish again what this claim has finished is true and changes nothing: the first answer may have been lost.
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
    return True


def turn_away(session: Session, claim: Claim) -> None:
    """A worker has come back after its lease: that it got nothing for it is written down, for the page."""
    session.execute(sa.update(Job).where(Job.id == claim.job_id).values(late_refused=Job.late_refused + 1))


def fault(session: Session, claim: Claim, message: str) -> bool:
    """Our own error: try again after a pause; the third time staff must look. False: no longer this worker's."""
    pause = RETRY_SECONDS * (1 + 3 * Job.faults)
    return _update(
        session,
        claim,
        state=queued_or_given_up(Job.faults),
        faults=Job.faults + 1,
        not_before=db_now() + pause,
        message=storable(message),
        token=None,
        lease_until=None,
    )


def release(session: Session, claim: Claim) -> bool:
    """Give a job back undone, because the worker is told to stop; this counts as nobody's fault."""
    return _update(session, claim, state="queued", token=None, lease_until=None)


def _next(session: Session, slot: Slot, *, lock: bool = False) -> int | None:
    """The job that this slot is to take: by priority, then by the order of its queues, then by turn."""
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
    """MB that its host has left; None is any number: no limit, or nothing is being graded there."""
    if not (slot.host and slot.memory_mb):
        return None
    used = session.scalar(sa.select(sa.func.sum(Job.memory_mb)).where(Job.state == "running", Job.host == slot.host))
    # A job that wants more than the host has may have the host for itself: it is a limit, and seldom reached.
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
