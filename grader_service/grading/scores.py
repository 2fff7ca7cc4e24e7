"""Everybody's scores in a course, read in a handful of queries however many people and submissions there are.

`late_policy` says what counts, `results` which result of a submission does; this only brings the rows together.
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
    written: Attempt | None = None  # the last one; without points until its whole rubric is marked
    override: float | None = None

    @property
    def unmarked(self) -> bool:
        """Is there a written part that staff have still to mark?"""
        return self.written is not None and self.written.points is None

    @property
    def score(self) -> Score:
        return late_policy.score(self.terms, self.attempts, written=self.written, override=self.override)


@dataclass
class Scores:
    """All that was asked for; a cell is there where a person has handed in, has an extension or an override."""

    course: Course
    assignments: list[CourseAssignment]
    cells: dict[tuple[int, int], Cell]  # (person's id, course_assignment's id)

    def cell(self, person_id: int, chosen: CourseAssignment) -> Cell:
        found = self.cells.get((person_id, chosen.id))
        return found or Cell(late_policy.terms(chosen, self.course.timezone))


def load(
    session: Session,
    course: Course,
    assignments: list[CourseAssignment],
    *,
    person: Person | None = None,
) -> Scores:
    """The scores of a course, or of one person in it."""
    by_id = {chosen.id: chosen for chosen in assignments}
    extensions = sa.select(Extension).where(Extension.course_assignment_id.in_(by_id))
    overrides = sa.select(Override.person_id, Override.course_assignment_id, Override.points).where(
        Override.course_assignment_id.in_(by_id), Override.withdrawn_at.is_(None)
    )
    mine: list[sa.ColumnElement[bool]] = [Submission.course_assignment_id.in_(by_id)]
    if person is not None:
        extensions = extensions.where(Extension.person_id == person.id)
        overrides = overrides.where(Override.person_id == person.id)
        mine.append(Submission.person_id == person.id)

    extended = {(one.person_id, one.course_assignment_id): one for one in session.scalars(extensions)}
    cells: dict[tuple[int, int], Cell] = {}

    def cell(person_id: int, chosen: CourseAssignment) -> Cell:
        key = (person_id, chosen.id)
        if key not in cells:
            cells[key] = Cell(late_policy.terms(chosen, course.timezone, extended.get(key)))
        return cells[key]

    for person_id, chosen_id in extended:
        cell(person_id, by_id[chosen_id])
    for person_id, chosen_id, points in session.execute(overrides.order_by(Override.id)):
        cell(person_id, by_id[chosen_id]).override = points

    counting = results.counting(session, *mine)
    rubric = _rubric(session, mine)
    for number, person_id, chosen_id, kind, received_at, state in _handed_in(session, mine):
        chosen = by_id[chosen_id]
        if kind == "written":
            cell(person_id, chosen).written = Attempt(number, received_at, rubric.get(number))
        else:
            outcome = counting.get(number)
            graded = outcome.points if outcome is not None and outcome.graded else None
            fault = state == "grader_error"
            cell(person_id, chosen).attempts.append(Attempt(number, received_at, graded, fault))
    return Scores(course, assignments, cells)


def _handed_in(session: Session, only: list[sa.ColumnElement[bool]]) -> Sequence[tuple[int, int, int, str, float, str]]:
    """In the order of receipt: number, person, assignment, kind, time of receipt, and the state of its own job."""
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
    """Points of each written submission in which every line of the rubric has some: until then it is not marked, and
    half of its points are no score."""
    lines = sa.orm.aliased(RubricItem)
    there = sa.select(sa.func.count()).where(lines.course_assignment_id == RubricItem.course_assignment_id)
    query = (
        sa.select(RubricScore.submission_id, sa.func.sum(RubricScore.points))
        .join(Submission, Submission.id == RubricScore.submission_id)
        .join(RubricItem, RubricItem.id == RubricScore.item_id)
        .where(*only)
        .group_by(RubricScore.submission_id, RubricItem.course_assignment_id)
        .having(sa.func.count() == there.scalar_subquery())
    )
    return {row[0]: row[1] for row in session.execute(query)}
