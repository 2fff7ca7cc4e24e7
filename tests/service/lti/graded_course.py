"""A course whose assignment `double` has grades, and a column for it on each platform."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from narrowing import not_none
from sqlalchemy.orm import Session

from autograder.course.course import find_course
from grader_service.accounts import accounts
from grader_service.courses import courses, late_policy
from grader_service.database.models import (
    CourseAssignment,
    Job,
    LtiContext,
    LtiLink,
    LtiScore,
    Person,
    Regrade,
    Result,
    Submission,
    Upload,
)
from grader_service.database.session import Database
from grader_service.grading import gradebook, manual, regrades
from grader_service.lti.messages import SCOPES
from grader_service.lti.sender import Sender
from grader_service.queue.enqueue import Needs

from ..conftest import COURSE
from ..support.platform import Platform

STEPS_MOST = 20_000


class GradedCourse:
    """The course's assignment `double` with its students, and the column of each platform for it."""

    def __init__(self, database: Database, app_settings: Any) -> None:
        self.database = database
        self.content = find_course(COURSE)
        self.sender = Sender(app_settings, database, self.content, waits=(0.0, 0.0))

    def link(self, platform: Platform, *, scopes: Iterable[str] = SCOPES) -> int:
        """Number of its link with a column."""
        with self.database.write() as session:
            context = session.scalars(
                sa.select(LtiContext).where(LtiContext.title == f"Deep learning at {platform.name}")
            ).one()
            link = LtiLink(
                context_id=context.id,
                link="link-1",
                course_assignment_id=self.assignment(session).id,
                line_item=f"{platform.url}/columns/1?type_id=3",
                scopes=list(scopes),
            )
            session.add(link)
            session.flush()
            return link.id

    def assignment(self, session: Session) -> CourseAssignment:
        return not_none(courses.assignment(session, accounts.first_course(session), "double"))

    def root(self, session: Session) -> Person:
        return not_none(accounts.find(session, "root"))

    def hand_in(self, person_id: int, points: float | None, *, state: str = "done") -> int:
        """An upload, graded or not."""
        with self.database.write() as session:
            if session.get(Upload, "0" * 64) is None:
                session.add(Upload(sha256="0" * 64, data=b"x", size=1))
                session.flush()
            count = session.scalar(sa.select(sa.func.count()).select_from(Submission)) or 0
            submission = Submission(
                course_assignment_id=self.assignment(session).id,
                person_id=person_id,
                filename="double.zip",
                sha256="0" * 64,
                notes=[],
                form_key=str(count),
                received_at=time.time(),
            )
            session.add(submission)
            session.flush()
            job = Job(submission_id=submission.id, person_id=person_id, state=state, queue="cpu")
            session.add(job)
            if points is not None:
                self._result(session, submission.id, points)
            return submission.id

    def _result(self, session: Session, number: int, points: float, batch: str = "") -> None:
        session.add(
            Result(
                submission_id=number,
                batch=batch,
                report=b"{}",
                state="graded",
                points=points,
                possible=5.0,
                graded_at=time.time(),
            )
        )
        session.flush()

    def finish(self, points: float) -> None:
        """The first upload that waits is graded."""
        with self.database.write() as session:
            job = session.scalar(sa.select(Job).where(Job.state == "queued", Job.batch == "").limit(1))
            if job is not None:
                job.state = "done"
                self._result(session, job.submission_id, points)

    def regrade(self, points: float) -> None:
        """All uploads once more: it counts."""
        with self.database.write() as session:
            numbers = session.scalars(
                sa.select(Submission.id).join(Job).where(Job.batch == "", Job.state == "done")
            ).all()
            if not numbers:
                return
            regrade = regrades.create(
                session, self.root(session), self.assignment(session), numbers, tests=None, needs=Needs(), reason="x"
            )
            session.execute(sa.update(Job).where(Job.batch == regrade.name).values(state="done"))
            for number in numbers:
                self._result(session, number, points, regrade.name)
            regrades.count(session, self.root(session), accounts.first_course(session), regrade)

    def withdraw_regrade(self) -> None:
        with self.database.write() as session:
            counted = sa.select(Regrade).where(Regrade.counted_at.is_not(None), Regrade.withdrawn_at.is_(None))
            regrade = session.scalar(counted.order_by(Regrade.id.desc()).limit(1))
            if regrade is not None:
                regrades.withdraw(session, self.root(session), accounts.first_course(session), regrade, "x")

    def by_hand(self, person_id: int, points: float) -> None:
        with self.database.write() as session:
            person = session.get_one(Person, person_id)
            manual.set_override(session, self.root(session), self.assignment(session), person, points, "x")

    def withdraw_by_hand(self, person_id: int) -> None:
        with self.database.write() as session:
            person = session.get_one(Person, person_id)
            if manual.overrides(session, [self.assignment(session)], person):
                manual.withdraw_override(session, self.root(session), self.assignment(session), person, "x")

    def policy(self, **values: Any) -> None:
        with self.database.write() as session:
            courses.set_policy(session, self.root(session), self.assignment(session), values)

    def sync(self) -> None:
        """Send until nothing waits."""
        for _ in range(STEPS_MOST):
            tried = self.sender.step()
            with self.database.read() as session:
                waiting = session.scalar(sa.select(sa.func.count()).where(LtiScore.state == "waiting"))
            if not waiting and not tried:
                return
            if not tried:
                time.sleep(0.005)
        raise AssertionError("grades wait without end")

    def grade_book(self) -> dict[int, float | None]:
        """The share of the points that each student sees, by their number; no entry while it is provisional."""
        with self.database.read() as session:
            now, course = time.time(), accounts.first_course(session)
            book = gradebook.load(session, self.content, course, now)
            jobs = sa.select(Job.person_id).where(Job.state.in_(("queued", "running")), Job.batch == "")
            grading = set(session.scalars(jobs))
        (index,) = [number for number, column in enumerate(book.columns) if column.name == "double"]
        seen: dict[int, float | None] = {}
        for row in book.rows:
            entry, column = row.entries[index], book.columns[index]
            if not late_policy.points_shown(entry.cell.terms, now) or entry.cell.terms.draft:
                seen[row.person.id] = None
            elif entry.score.overridden or row.person.id not in grading:
                points = entry.points
                seen[row.person.id] = None if points is None else points / entry.possible(column)
        return seen
