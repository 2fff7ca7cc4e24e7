"""What each student of a course has in each assignment: eight queries, however many students there are.

    rows of submissions, results that count, extensions, overrides, rubric ── policy.score ──> Cell
    cells of a student ──> Row, with the total so far

**The total** is in percent: the mean of points / possible over the assignments, by their weights. An assignment is in it
as soon as the student has points in it, or it is due for the student and there are none, which is then zero.

**The written part** has points as soon as every line of its rubric has some; of several uploads the last one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service import policy, results
from grader_service.models import (
    Course,
    CourseAssignment,
    Extension,
    Job,
    Membership,
    Override,
    Person,
    Result,
    RubricItem,
    RubricScore,
    Submission,
)

STUDENT = "student"


@dataclass(frozen=True)
class Column:
    """An assignment of the course."""

    assignment: CourseAssignment
    title: str
    code_points: float  # that its tests give
    possible: float  # with the written part

    @property
    def name(self) -> str:
        return self.assignment.assignment


@dataclass(frozen=True)
class Cell:
    """What one student has in one assignment."""

    score: policy.Score
    terms: policy.Terms
    attempts: int = 0  # uploads of code
    waiting: bool = False  # one of them is not graded yet
    our_fault: bool = False  # one of them could not be graded
    written_id: int | None = None  # the last upload of the written part
    override: Override | None = None
    due: bool = False  # nothing on time can come in any more

    @property
    def points(self) -> float | None:
        return self.score.points

    @property
    def handed_in(self) -> bool:
        return bool(self.attempts) or self.written_id is not None

    @property
    def missing(self) -> bool:
        """It is due, and there is nothing."""
        return self.due and not self.handed_in and self.points is None

    @property
    def days_late(self) -> int:
        return self.score.receipt.days_late if self.score.receipt else 0


@dataclass(frozen=True)
class Row:
    person: Person
    cells: Mapping[str, Cell]  # by assignment
    total: float | None  # percent

    @property
    def missing(self) -> int:
        return sum(cell.missing for cell in self.cells.values())


@dataclass(frozen=True)
class Book:
    course: Course
    columns: list[Column]
    rows: list[Row]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass
class _Found:
    """The submissions of one student to one assignment."""

    attempts: list[policy.Attempt] = field(default_factory=list)
    waiting: bool = False
    our_fault: bool = False
    written: policy.Attempt | None = None


def columns(session: Session, course: Course, titles: Mapping[str, tuple[str, float]]) -> list[Column]:
    """The assignments of a course in its order.

    titles : of the assignments on the disk: their titles, and the points that their tests give
    """
    found = session.scalars(
        sa.select(CourseAssignment)
        .where(CourseAssignment.course_id == course.id)
        .order_by(CourseAssignment.position, CourseAssignment.id)
    )
    made = []
    for one in found:
        title, points = titles.get(one.assignment, (one.assignment, 0.0))
        made.append(Column(one, title, points, points + one.written_points))
    return made


def load(
    session: Session,
    course: Course,
    titles: Mapping[str, tuple[str, float]],
    now: float,
    *,
    person_id: int | None = None,
    assignment: str | None = None,
) -> Book:
    """The book at this moment: of all students and assignments, of one student, or of one assignment."""
    shown = [column for column in columns(session, course, titles) if assignment in (None, column.name)]
    ids = [column.assignment.id for column in shown]
    found = _submissions(session, course, person_id, assignment)
    extensions = _extensions(session, ids, person_id)
    overrides = _overrides(session, ids, person_id)
    zone = ZoneInfo(course.timezone)
    rows = []
    for person in _people(session, course, person_id):
        cells = {}
        for column in shown:
            key = (person.id, column.assignment.id)
            terms = policy.terms(column.assignment, zone, extensions.get(key))
            cells[column.name] = _cell(
                terms, found.get((person.id, column.name), _Found()), overrides.get(key), now
            )
        rows.append(Row(person, cells, total(shown, cells)))
    return Book(course, shown, rows)


def total(columns: Iterable[Column], cells: Mapping[str, Cell]) -> float | None:
    """In percent; None while nothing is in it."""
    earned = weights = 0.0
    for column in columns:
        cell, weight = cells[column.name], column.assignment.weight
        if column.possible <= 0 or weight <= 0 or (cell.points is None and not cell.missing):
            continue
        weights += weight
        earned += weight * (cell.points or 0.0) / column.possible
    return 100 * earned / weights if weights else None


def _cell(terms: policy.Terms, found: _Found, override: Override | None, now: float) -> Cell:
    score = policy.score(
        terms, found.attempts, written=found.written, override=None if override is None else override.points
    )
    return Cell(
        score,
        terms,
        attempts=len(found.attempts),
        waiting=found.waiting,
        our_fault=found.our_fault,
        written_id=None if found.written is None else found.written.id,
        override=override,
        due=terms.due_at is not None and now > terms.due_at,
    )


def _people(session: Session, course: Course, person_id: int | None) -> list[Person]:
    """Students by name. One who is asked for by number is shown whatever the role."""
    query = sa.select(Person).join(Membership).where(Membership.course_id == course.id)
    query = query.where(Membership.role == STUDENT) if person_id is None else query.where(Person.id == person_id)
    return list(session.scalars(query.order_by(sa.func.lower(Person.name), Person.login)))


def _submissions(
    session: Session, course: Course, person_id: int | None, assignment: str | None
) -> dict[tuple[int, str], _Found]:
    where: list[sa.ColumnElement[bool]] = [Submission.course_id == course.id]
    if person_id is not None:
        where.append(Submission.person_id == person_id)
    if assignment is not None:
        where.append(Submission.assignment == assignment)
    counting = results.counting(*where)
    rows = session.execute(
        sa.select(
            Submission.id,
            Submission.person_id,
            Submission.assignment,
            Submission.kind,
            Submission.received_at,
            Result.points,
            Result.state,
            Job.state,
        )
        .outerjoin(counting, counting.c.submission_id == Submission.id)
        .outerjoin(Result, Result.id == counting.c.result_id)
        .outerjoin(Job, sa.and_(Job.submission_id == Submission.id, Job.batch == ""))
        .where(*where)
        .order_by(Submission.id)
    )
    written = _written(session, course, where)
    found: dict[tuple[int, str], _Found] = defaultdict(_Found)
    for id, person, name, kind, received_at, points, state, job in rows:
        of = found[person, name]
        if kind == "written":
            if of.written is None or (received_at, id) > (of.written.received_at, of.written.id):
                of.written = policy.Attempt(id, received_at, written.get(id))
            continue
        of.waiting |= job in ("queued", "running")
        of.our_fault |= job == "grader_error"
        counted = points if state == "graded" else None
        of.attempts.append(policy.Attempt(id, received_at, counted, job == "grader_error"))
    return found


def _written(session: Session, course: Course, where: list[sa.ColumnElement[bool]]) -> dict[int, float]:
    """Points of the written submissions whose every rubric line has some."""
    lines = (
        sa.select(CourseAssignment.assignment, sa.func.count(RubricItem.id))
        .join(RubricItem, RubricItem.course_assignment_id == CourseAssignment.id)
        .where(CourseAssignment.course_id == course.id)
        .group_by(CourseAssignment.assignment)
    )
    needed = {row[0]: row[1] for row in session.execute(lines)}
    if not needed:
        return {}
    rows = session.execute(
        sa.select(Submission.id, Submission.assignment, sa.func.count(), sa.func.sum(RubricScore.points))
        .join(RubricScore, RubricScore.submission_id == Submission.id)
        .where(*where)
        .group_by(Submission.id, Submission.assignment)
    )
    return {id: points for id, name, scored, points in rows if scored >= needed.get(name, 1)}


def _extensions(session: Session, ids: list[int], person_id: int | None) -> dict[tuple[int, int], Extension]:
    query = sa.select(Extension).where(Extension.course_assignment_id.in_(ids))
    if person_id is not None:
        query = query.where(Extension.person_id == person_id)
    return {(one.person_id, one.course_assignment_id): one for one in session.scalars(query)}


def _overrides(session: Session, ids: list[int], person_id: int | None) -> dict[tuple[int, int], Override]:
    """Those that hold; the last one, should there be two."""
    query = sa.select(Override).where(Override.course_assignment_id.in_(ids), Override.withdrawn_at.is_(None))
    if person_id is not None:
        query = query.where(Override.person_id == person_id)
    return {(one.person_id, one.course_assignment_id): one for one in session.scalars(query.order_by(Override.id))}
