"""How a job enters a queue, and its turn in it.

Each job has a turn, and the lowest goes first. A student's next job comes one turn after their last job in
the queue, but not before the turn that is being graded:

    turn = max(now, 1 + the last of their unfinished jobs),   now = the turn being graded, else the first that waits

(start-time fair queueing: Goyal, Vin and Cheng, 1996). So a student who sends a hundred uploads waits for a hundred
turns, and the jobs of all others come before the second of these uploads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.course.manifest import Manifest
from grader_service.database.models import Job, Submission
from grader_service.database.session import db_now
from grader_service.queue import job_log

QUEUES = ("cpu", "cpu-long", "gpu")
INTERACTIVE, BATCH = 0, 10  # priorities; the lower goes first
CHUNK = 500  # rows per statement


@dataclass(frozen=True)
class Needs:
    """The resources that the grading of an assignment needs."""

    queue: str = "cpu"
    memory_mb: int = 0
    course: str = ""  # the version that must grade it; "" means any


def needs(manifest: Manifest, *, long_seconds: float, course: str = "") -> Needs:
    """Long jobs have a queue of their own, so that short jobs never wait for them."""
    queue = "gpu" if manifest.device == "gpu" else "cpu-long" if manifest.expected_seconds > long_seconds else "cpu"
    return Needs(queue, manifest.limits.memory_mb, course)


def enqueue(
    session: Session, submission: Submission, needs: Needs, *, batch: str = "", priority: int = INTERACTIVE
) -> Job:
    """Add the job of a submission, in the transaction that stores the submission."""
    unfinished = Job.state.in_(("queued", "running"))
    line = (Job.queue == needs.queue, Job.priority == priority)
    last = session.scalar(
        sa.select(sa.func.max(Job.turn)).where(*line, unfinished, Job.person_id == submission.person_id)
    )
    now = _now(session, needs.queue, priority)
    job = Job(
        submission_id=submission.id,
        person_id=submission.person_id,
        batch=batch,
        state="queued",
        queue=needs.queue,
        priority=priority,
        turn=now if last is None else max(now, last + 1),
        memory_mb=needs.memory_mb,
        course=needs.course,
        queued_at=db_now(),
    )
    session.add(job)
    session.flush()
    job_log.tell(session, "accepted", job.id)
    return job


def enqueue_many(
    session: Session, submission_ids: Sequence[int], needs: Needs, *, batch: str, priority: int = BATCH
) -> int:
    """Grade these submissions again: one job each under the name of the batch, all in the caller's transaction.

    A submission that is in the batch is skipped, so a repeated call is harmless. Returns the number of new jobs.
    """
    now = _now(session, needs.queue, priority)
    added = 0
    for start in range(0, len(submission_ids), CHUNK):
        chunk = submission_ids[start : start + CHUNK]
        in_batch = sa.select(Job.submission_id).where(Job.batch == batch, Job.submission_id.in_(chunk))
        rows = sa.select(
            Submission.id,
            Submission.person_id,
            # One turn after the other for the same student, as for single uploads.
            now + sa.func.row_number().over(partition_by=Submission.person_id, order_by=Submission.id) - 1,
            *(
                sa.literal(value, type_)
                for value, type_ in (
                    (batch, sa.String),
                    ("queued", sa.String),
                    (needs.queue, sa.String),
                    (priority, sa.Integer),
                    (needs.memory_mb, sa.Integer),
                    (needs.course, sa.String),
                )
            ),
            db_now(),
            *(sa.literal(0, sa.Integer) for _ in _ZEROS),
            sa.literal("", sa.String),
        ).where(Submission.id.in_(chunk), Submission.id.not_in(in_batch))
        into = ("submission_id", "person_id", "turn", "batch", "state", "queue", "priority", "memory_mb", "course")
        insert = sa.insert(Job).from_select([*into, "queued_at", *_ZEROS, "message"], rows)
        added += len(session.execute(insert.returning(Job.id)).all())
    job_log.tell_batch(session, batch, needs.queue, added)
    return added


def retarget(session: Session, course: str) -> None:
    """The course has changed: the new version grades waiting jobs and jobs that ended in a grader error.

    Running jobs notice the change and return to the queue, so this must be called repeatedly.
    """
    old = (Job.state.in_(("queued", "grader_error")), Job.course != course)
    if session.scalar(sa.select(Job.id).where(*old).limit(1)) is not None:
        session.execute(sa.update(Job).where(*old).values(course=course))


def _now(session: Session, queue: str, priority: int) -> int:
    """The turn that is being graded in this queue; otherwise the first waiting turn; otherwise 0."""
    line = (Job.queue == queue, Job.priority == priority)
    graded = session.scalar(sa.select(sa.func.max(Job.turn)).where(Job.state == "running", *line))
    if graded is not None:
        return graded
    return session.scalar(sa.select(sa.func.min(Job.turn)).where(Job.state == "queued", *line)) or 0


_ZEROS = ("not_before", "attempt", "workers_lost", "faults", "late_refused", "tests_total", "tests_done")
