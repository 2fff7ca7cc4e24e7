"""The scores of all people in a course, read in a fixed number of queries.

`late_policy` decides which attempt counts, and `results` which result of a submission. This module joins the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.courses import late_policy
from grader_service.courses.late_policy import Attempt, Score, Terms
from grader_service.database.models import (
    Course,
    CourseAssignment,
    Extension,
    Job,
    Override,
    Person,
    RubricItem,
    RubricScore,
    Submission,
)
from grader_service.grading import results


@dataclass
class Cell:
    """One person in one assignment."""

    terms: Terms
    attempts: list[Attempt] = field(default_factory=list)  # code, in the order of receipt
    written: Attempt | None = None  # the last one; it has no points until its whole rubric is marked
    override: float | None = None

    @property
    def unmarked(self) -> bool:
        """Has the written part not been marked yet?"""
        return self.written is not None and self.written.points is None

    @property
    def score(self) -> Score:
        return late_policy.score(self.terms, self.attempts, written=self.written, override=self.override)


@dataclass
class Scores:
    """Scores of a course. A person with a submission, an extension or an override has a cell."""

    course: Course
    assignments: list[CourseAssignment]
    cells: dict[tuple[int, int], Cell]  # (person's id, course_assignment's id)

    def cell(self, person_id: int, course_assignment: CourseAssignment) -> Cell:
        existing = self.cells.get((person_id, course_assignment.id))
        return existing or Cell(late_policy.terms(course_assignment, self.course.timezone))


def load(
    session: Session,
    course: Course,
    assignments: list[CourseAssignment],
    *,
    person: Person | None = None,
) -> Scores:
    """The scores of a course, or of one person in it."""
    by_id = {course_assignment.id: course_assignment for course_assignment in assignments}
    extensions = sa.select(Extension).where(Extension.course_assignment_id.in_(by_id))
    overrides = sa.select(Override.person_id, Override.course_assignment_id, Override.points).where(
        Override.course_assignment_id.in_(by_id), Override.withdrawn_at.is_(None)
    )
    conditions: list[sa.ColumnElement[bool]] = [Submission.course_assignment_id.in_(by_id)]
    if person is not None:
        extensions = extensions.where(Extension.person_id == person.id)
        overrides = overrides.where(Override.person_id == person.id)
        conditions.append(Submission.person_id == person.id)

    extended = {
        (extension.person_id, extension.course_assignment_id): extension for extension in session.scalars(extensions)
    }
    cells: dict[tuple[int, int], Cell] = {}

    def cell(person_id: int, course_assignment: CourseAssignment) -> Cell:
        key = (person_id, course_assignment.id)
        if key not in cells:
            cells[key] = Cell(late_policy.terms(course_assignment, course.timezone, extended.get(key)))
        return cells[key]

    for person_id, assignment_id in extended:
        cell(person_id, by_id[assignment_id])
    for person_id, assignment_id, points in session.execute(overrides.order_by(Override.id)):
        cell(person_id, by_id[assignment_id]).override = points

    counting = results.counting(session, *conditions)
    rubric = _rubric(session, conditions)
    for number, person_id, assignment_id, kind, received_at, state in _handed_in(session, conditions):
        course_assignment = by_id[assignment_id]
        if kind == "written":
            cell(person_id, course_assignment).written = Attempt(number, received_at, rubric.get(number))
        else:
            outcome = counting.get(number)
            graded = outcome.points if outcome is not None and outcome.graded else None
            fault = state == "grader_error"
            cell(person_id, course_assignment).attempts.append(Attempt(number, received_at, graded, fault))
    return Scores(course, assignments, cells)


def _handed_in(session: Session, only: list[sa.ColumnElement[bool]]) -> Sequence[tuple[int, int, int, str, float, str]]:
    """Submissions in order of receipt: number, person, assignment, kind, time of receipt, state of the own job."""
    query = (
        sa.select(
            Submission.id,
            Submission.person_id,
            Submission.course_assignment_id,
            Submission.kind,
            Submission.received_at,
            Job.state,
        )
        .outerjoin(Job, sa.and_(Job.submission_id == Submission.id, Job.batch == ""))
        .where(*only)
        .order_by(Submission.id)
    )
    return session.execute(query).all()


def _rubric(session: Session, only: list[sa.ColumnElement[bool]]) -> dict[int, float]:
    """Points of each written submission in which every line of the rubric has points. Others are not marked yet."""
    lines = sa.orm.aliased(RubricItem)
    line_count = sa.select(sa.func.count()).where(lines.course_assignment_id == RubricItem.course_assignment_id)
    query = (
        sa.select(RubricScore.submission_id, sa.func.sum(RubricScore.points))
        .join(Submission, Submission.id == RubricScore.submission_id)
        .join(RubricItem, RubricItem.id == RubricScore.item_id)
        .where(*only)
        .group_by(RubricScore.submission_id, RubricItem.course_assignment_id)
        .having(sa.func.count() == line_count.scalar_subquery())
    )
    return {row[0]: row[1] for row in session.execute(query)}
