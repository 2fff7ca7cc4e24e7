"""The grade book: the points of all students of a course in each assignment.

The total is the mean of points / possible over the assignments, by their weights, in percent. An assignment enters the
total when the student has points in it. It enters with zero when it was due for the student and nothing was handed in.
The same rule holds for its two parts: while the code has no points yet, or the written part is not marked, `possible`
is that of the other part alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.course.course import Course as Content
from grader_service.courses import content as on_disk
from grader_service.courses import courses, late_policy
from grader_service.database.models import Course, CourseAssignment, Membership, Person
from grader_service.grading import scores

ORDERS = {"name": "Name", "login": "Login", "total": "Total"}  # beside the names of assignments
FILTERS: dict[str, tuple[str, Callable[[Entry], bool]]] = {
    "all": ("everybody", lambda entry: True),
    "missing": ("students who missed an assignment", lambda entry: entry.missing),
    "late": ("students with late work", lambda entry: bool(entry.score.receipt and entry.score.receipt.days_late)),
    "waiting": ("students whose work is being graded", lambda entry: entry.waiting),
    "unmarked": ("students with an unmarked written part", lambda entry: entry.unmarked),
    "by_hand": ("students with points set by hand", lambda entry: entry.score.overridden),
}


@dataclass(frozen=True)
class Column:
    course_assignment: CourseAssignment
    title: str
    code_points: float  # points of its tests
    possible: float  # including the written part

    @property
    def name(self) -> str:
        return self.course_assignment.assignment


@dataclass(frozen=True)
class Entry:
    """One student in one assignment."""

    cell: scores.Cell
    score: late_policy.Score
    due: bool  # is the due date over?

    @property
    def points(self) -> float | None:
        return self.score.points

    @property
    def missing(self) -> bool:
        return self.due and self.points is None and not self.cell.attempts and self.cell.written is None

    @property
    def waiting(self) -> bool:
        """Is some upload of code not graded yet?"""
        return any(attempt.points is None for attempt in self.cell.attempts)

    @property
    def unmarked(self) -> bool:
        return self.cell.unmarked

    def possible(self, column: Column) -> float:
        """The possible points of the parts that have points or were missed."""
        if self.score.overridden:
            return column.possible
        code = self.score.code is not None or (self.due and not self.cell.attempts)
        written = self.score.written is not None or (self.due and self.cell.written is None)
        return column.code_points * code + column.course_assignment.written_points * written


@dataclass(frozen=True)
class Row:
    person: Person
    entries: list[Entry]  # one for each column
    total: float | None  # percent

    @property
    def points(self) -> list[float | None]:
        return [entry.points for entry in self.entries]


@dataclass(frozen=True)
class Book:
    course: Course
    columns: list[Column]
    rows: list[Row]

    def index(self, name: str) -> int | None:
        return next((index for index, column in enumerate(self.columns) if column.name == name), None)


def load(session: Session, content: Content, course: Course, now: float, *, person: Person | None = None) -> Book:
    """The book of all students, or of one person of any role. The number of queries does not depend on theirs."""
    course_assignments = courses.assignments(session, course)
    columns = [column(content, course_assignment) for course_assignment in course_assignments]
    course_scores = scores.load(session, course, course_assignments, person=person)
    students = sa.select(Person).join(Membership).where(Membership.course_id == course.id, Membership.role == "student")
    people = list(session.scalars(students)) if person is None else [person]
    rows = []
    for student in people:
        cells = [course_scores.cell(student.id, course_assignment) for course_assignment in course_assignments]
        entries = [Entry(cell, cell.score, late_policy.past_due(cell.terms, now)) for cell in cells]
        rows.append(Row(student, entries, total(columns, entries)))
    return Book(course, columns, rows)


def column(content: Content, course_assignment: CourseAssignment) -> Column:
    assignment = on_disk.assignment(content, course_assignment.assignment)
    if assignment is None:
        return Column(course_assignment, course_assignment.assignment, 0.0, course_assignment.written_points)
    manifest = assignment.manifest
    return Column(
        course_assignment, manifest.title, manifest.points, manifest.points + course_assignment.written_points
    )


def total(columns: Sequence[Column], entries: Sequence[Entry]) -> float | None:
    """100 sum(w_a p_a / possible_a) / sum(w_a) over the assignments a that enter the total; None without any."""
    counted = [
        (column.course_assignment.weight, (entry.points or 0.0) / possible)
        for column, entry in zip(columns, entries, strict=True)
        if (entry.points is not None or entry.missing)
        and (possible := entry.possible(column)) > 0
        and column.course_assignment.weight > 0
    ]
    weights = sum(weight for weight, _ in counted)
    return 100 * sum(weight * share for weight, share in counted) / weights if weights else None


def select(book: Book, *, find: str = "", show: str = "all") -> list[Row]:
    """The rows whose name or login contains the text, and that have an entry of this kind."""
    needle = find.casefold()
    _, matches = FILTERS.get(show, FILTERS["all"])
    return [
        row
        for row in book.rows
        if needle in f"{row.person.name} {row.person.login}".casefold()
        and (show == "all" or any(map(matches, row.entries)))
    ]


def ordered(book: Book, rows: Sequence[Row], by: str) -> list[Row]:
    """Sorted by name, by login, by total or by an assignment's points: the most first, missing points last."""
    index = book.index(by)

    def key(row: Row) -> tuple[object, ...]:
        if by == "total" or index is not None:
            value = row.total if index is None else row.entries[index].points
            return (value is None, -(value or 0.0), row.person.login)
        return ((row.person.login if by == "login" else row.person.name).casefold(), row.person.id)

    return sorted(rows, key=key)
