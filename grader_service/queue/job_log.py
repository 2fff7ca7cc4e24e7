"""The life of each job as lines of the log: accepted, claimed, graded, and what else became of it.

    {"logger": "deepgrade.job", "message": "job 7 was graded by one:0 in 3.2 s ...", "event": "graded", "job": 7,
     "submission": 7, "assignment": "softmax", "person": 12, "queue": "cpu", "worker": "one:0", "host": "one",
     "attempt": 1, "waited_seconds": 0.4, "graded_seconds": 3.2}

    event       when
    accepted    an upload was stored with its job, or a regrade made jobs
    claimed     a worker took the job
    graded      its report was stored
    refused     a result came after the lease, from a worker that had lost the job
    released    a worker gave the job back, since it must stop or the course has changed
    failed      the grader failed; the job waits for another try
    lost        the worker was lost; the job waits for another try
    given_up    the last try failed: staff must look
    requeued    staff asked for one more try

A line is written after the commit, so a line never tells what was rolled back. A line has the number of a person, and
no name and no points.
"""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.database.models import CourseAssignment, Job, Submission
from grader_service.database.session import after_commit, db_now

log = logging.getLogger("deepgrade.job")

WORDS = {
    "accepted": "was accepted",
    "claimed": "was claimed by {worker} after {waited_seconds} s in the queue",
    "graded": "was graded by {worker} in {graded_seconds} s",
    "refused": "is no longer that of a worker which came back late: its result was refused",
    "released": "went back to the queue from {worker}",
    "failed": "failed by a fault of the grader on {worker} and waits for another try",
    "lost": "lost its worker {worker} and waits for another try",
    "given_up": "was given up after the last try on {worker}: staff must look",
    "requeued": "waits for another try, since staff asked for it",
}
PROBLEMS = ("refused", "failed", "lost", "given_up")  # events that are warnings


def tell(session: Session, event: str, job_id: int) -> None:
    """Write the line after the commit. The facts are those of the row as it is now."""
    facts = _facts(session, job_id, event)
    if facts is not None:
        after_commit(session, lambda: _write(event, facts))


def tell_batch(session: Session, batch: str, queue: str, count: int) -> None:
    """One line for all jobs of a regrade."""
    if count:
        facts = {"event": "accepted", "batch": batch, "queue": queue, "jobs": count}
        after_commit(session, lambda: log.info("%d jobs of the regrade %s were accepted", count, batch, extra=facts))


def _facts(session: Session, job_id: int, event: str) -> dict[str, Any] | None:
    row = session.execute(
        sa.select(
            Job.id.label("job"),
            Job.submission_id.label("submission"),
            CourseAssignment.assignment,
            Job.person_id.label("person"),
            Job.queue,
            Job.batch,
            Job.worker,
            Job.host,
            Job.attempt,
            (Job.claimed_at - Job.queued_at).label("waited_seconds"),
            (db_now() - Job.claimed_at).label("graded_seconds"),
        )
        .join(Submission, Submission.id == Job.submission_id)
        .join(CourseAssignment, CourseAssignment.id == Submission.course_assignment_id)
        .where(Job.id == job_id)
    ).one_or_none()
    if row is None:
        return None
    facts = dict(row._mapping)
    if event in ("accepted", "requeued"):
        del facts["worker"], facts["host"], facts["waited_seconds"]
    if event in ("accepted", "requeued", "claimed"):
        del facts["graded_seconds"]
    for name in ("waited_seconds", "graded_seconds"):
        if facts.get(name) is not None:
            facts[name] = round(max(0.0, facts[name]), 1)
    return {"event": event, **facts}


def _write(event: str, facts: dict[str, Any]) -> None:
    words = WORDS[event].format_map(facts)
    level = logging.WARNING if event in PROBLEMS else logging.INFO
    job, submission, assignment = facts["job"], facts["submission"], facts["assignment"]
    log.log(level, "job %d (submission %d to %s) %s", job, submission, assignment, words, extra=facts)
