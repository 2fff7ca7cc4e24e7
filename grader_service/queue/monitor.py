"""The state of the queues: places, lengths, ages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from grader_service.database.models import JOB_STATES, CourseAssignment, Job, Queue, Submission
from grader_service.database.session import db_now
from grader_service.queue.enqueue import QUEUES


@dataclass(frozen=True)
class Line:
    """The state of a queue at one time."""

    queue: str
    paused: bool
    waiting: int
    batch: int  # of these, jobs of a regrade
    running: int
    oldest_seconds: float  # age of the oldest waiting job; 0 if no job waits
    elsewhere: int  # waiting jobs for a version of the course that no open host has


@dataclass(frozen=True)
class Totals:
    """Counts of all jobs."""

    states: dict[str, int]
    claims: int
    workers_lost: int
    faults: int
    late_refused: int


@dataclass(frozen=True)
class Times:
    """Times of the finished jobs of a queue: first from the upload to the last claim, then from there to the report."""

    queue: str
    count: int
    sums: tuple[float, float]  # seconds
    up_to: tuple[tuple[int, ...], tuple[int, ...]]  # the number of jobs up to each bound


def places(session: Session, jobs: Iterable[Job]) -> dict[int, int]:
    """The place in the queue of each waiting job, by submission. 1 is the next job. Running jobs do not count."""
    waiting = [job.id for job in jobs if job.state == "queued"]
    if not waiting:
        return {}
    mine, other = aliased(Job), aliased(Job)
    before = sa.tuple_(other.priority, other.turn, other.id) < sa.tuple_(mine.priority, mine.turn, mine.id)
    count = sa.select(sa.func.count()).where(other.state == "queued", other.queue == mine.queue, before)
    rows = session.execute(sa.select(mine.submission_id, count.scalar_subquery() + 1).where(mine.id.in_(waiting)))
    return {row[0]: row[1] for row in rows}


def queued(session: Session, queues: Sequence[str]) -> dict[str, int]:
    """The number of waiting jobs in each queue that is not paused, without retries that pause."""
    closed = sa.select(Queue.name).where(Queue.paused)
    rows = session.execute(
        sa.select(Job.queue, sa.func.count())
        .where(Job.state == "queued", Job.queue.in_(queues), Job.queue.not_in(closed), Job.not_before <= db_now())
        .group_by(Job.queue)
    )
    return {row[0]: row[1] for row in rows}


def lines(session: Session, courses: Sequence[str]) -> list[Line]:
    """The state of each queue. `courses`: the versions of the open hosts."""
    elsewhere = sa.and_(Job.course != "", Job.course.not_in(courses))
    rows = session.execute(
        sa.select(
            Job.queue,
            _count(Job.state == "queued"),
            _count(sa.and_(Job.state == "queued", Job.batch != "")),
            _count(Job.state == "running"),
            db_now() - sa.func.min(sa.case((Job.state == "queued", Job.queued_at))),
            _count(sa.and_(Job.state == "queued", elsewhere)),
        )
        .where(Job.state.in_(("queued", "running")))
        .group_by(Job.queue)
    )
    counts = {row[0]: row[1:] for row in rows}
    paused = set(session.scalars(sa.select(Queue.name).where(Queue.paused)))
    names = [*QUEUES, *sorted(set(counts) - set(QUEUES))]
    return [
        Line(name, name in paused, waiting, batch, running, max(0.0, age or 0.0), away)
        for name in names
        for waiting, batch, running, age, away in [counts.get(name, (0, 0, 0, 0.0, 0))]
    ]


def running(session: Session) -> list[Job]:
    """The running jobs with their submissions, the longest first."""
    query = sa.select(Job).where(Job.state == "running").order_by(Job.claimed_at, Job.id)
    submission = joinedload(Job.submission)
    return list(
        session.scalars(
            query.options(
                submission.joinedload(Submission.person),
                submission.joinedload(Submission.course_assignment).joinedload(CourseAssignment.course),
            )
        )
    )


def waiting_for(session: Session, assignments: Sequence[str]) -> dict[str, int]:
    """The number of waiting jobs of each of these assignments, if it is not 0."""
    rows = session.execute(
        sa.select(CourseAssignment.assignment, sa.func.count())
        .join(Submission, Submission.course_assignment_id == CourseAssignment.id)
        .join(Job, Job.submission_id == Submission.id)
        .where(Job.state == "queued", CourseAssignment.assignment.in_(assignments))
        .group_by(CourseAssignment.assignment)
    )
    return {row[0]: row[1] for row in rows}


def totals(session: Session) -> Totals:
    rows = session.execute(
        sa.select(
            Job.state,
            sa.func.count(),
            *(sa.func.sum(column) for column in (Job.attempt, Job.workers_lost, Job.faults, Job.late_refused)),
        ).group_by(Job.state)
    ).all()
    sums = [sum(int(row[column]) for row in rows) for column in (2, 3, 4, 5)]
    return Totals(dict.fromkeys(JOB_STATES, 0) | {row[0]: row[1] for row in rows}, *sums)


def times(session: Session, bounds: Sequence[float]) -> list[Times]:
    """How long finished jobs waited and were graded, by queue.   bounds : upper bounds of the classes, in seconds"""
    waited, graded = Job.claimed_at - Job.queued_at, Job.finished_at - Job.claimed_at
    columns = [sa.func.count(), sa.func.sum(waited), sa.func.sum(graded)]
    columns += [_count(seconds <= bound) for seconds in (waited, graded) for bound in bounds]
    finished = (Job.state == "done", Job.claimed_at.is_not(None), Job.finished_at.is_not(None))
    rows = session.execute(sa.select(Job.queue, *columns).where(*finished).group_by(Job.queue).order_by(Job.queue))
    times = []
    for row in rows:
        queue, count, seconds_waited, seconds_graded, *counts = list[Any](row)
        below = (tuple(counts[: len(bounds)]), tuple(counts[len(bounds) :]))
        times.append(Times(queue, int(count), (seconds_waited, seconds_graded), below))
    return times


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)
