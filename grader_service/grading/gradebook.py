"""The grade book: all students of a course, and what each has in each assignment.

The total is the mean of points / possible over the assignments, by their weights, in percent. An assignment is in it as
soon as the student has points in it; or, with zero, when it was due for the student and nothing came. The same goes for
its halves: while the code has no points yet, or the written part is not marked, `possible` is that of the other alone.
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
SHOWN: dict[str, tuple[str, Callable[[Entry], bool]]] = {
    "all": ("everybody", lambda entry: True),
    "missing": ("students who missed an assignment", lambda entry: entry.missing),
    "late": ("students with late work", lambda entry: bool(entry.score.receipt and entry.score.receipt.days_late)),
    "waiting": ("students whose work is being graded", lambda entry: entry.waiting),
    "unmarked": ("students with an unmarked written part", lambda entry: entry.unmarked),
    "by_hand": ("students with points set by hand", lambda entry: entry.score.overridden),
}


@dataclass(frozen=True)
class Column:
    chosen: CourseAssignment
    title: str
    code_points: float  # that its tests give
    possible: float  # with the written part

    @property
    def name(self) -> str:
        return self.chosen.assignment


@dataclass(frozen=True)
class Entry:
    """One student in one assignment."""

    cell: scores.Cell
    score: late_policy.Score
    due: bool  # nothing on time can come in any more

    @property
    def points(self) -> float | None:
        return self.score.points

    @property
    def missing(self) -> bool:
        return self.due and self.points is None and not self.cell.attempts and self.cell.written is None

    @property
    def waiting(self) -> bool:
        """Some upload of code has no points yet, through nobody's decision."""
        return any(one.points is None for one in self.cell.attempts)

    @property
    def unmarked(self) -> bool:
        return self.cell.unmarked

    def possible(self, column: Column) -> float:
        """What there was to be had in that for which it has points by now, or has missed."""
        if self.score.overridden:
            return column.possible
        code = self.score.code is not None or (self.due and not self.cell.attempts)
        written = self.score.written is not None or (self.due and self.cell.written is None)
        return column.code_points * code + column.chosen.written_points * written


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

    def place(self, name: str) -> int | None:
        return next((place for place, column in enumerate(self.columns) if column.name == name), None)


def load(session: Session, content: Content, course: Course, now: float, *, person: Person | None = None) -> Book:
    """Of all students, or of one person whatever the role, in a handful of queries however many there are."""
    chosen = courses.assignments(session, course)
    columns = [column(content, one) for one in chosen]
    found = scores.load(session, course, chosen, person=person)
    students = sa.select(Person).join(Membership).where(Membership.course_id == course.id, Membership.role == "student")
    people = list(session.scalars(students)) if person is None else [person]
    rows = []
    for each in people:
        cells = [found.cell(each.id, one) for one in chosen]
        entries = [Entry(cell, cell.score, late_policy.past_due(cell.terms, now)) for cell in cells]
        rows.append(Row(each, entries, total(columns, entries)))
    return Book(course, columns, rows)


def column(content: Content, chosen: CourseAssignment) -> Column:
    found = on_disk.assignment(content, chosen.assignment)
    if found is None:
        return Column(chosen, chosen.assignment, 0.0, chosen.written_points)
    manifest = found.manifest
    return Column(chosen, manifest.title, manifest.points, manifest.points + chosen.written_points)


def total(columns: Sequence[Column], entries: Sequence[Entry]) -> float | None:
    """100 sum(w_a p_a / possible_a) / sum(w_a) over the assignments a that are in it; None where none is."""
    counted = [
        (column.chosen.weight, (entry.points or 0.0) / possible)
        for column, entry in zip(columns, entries, strict=True)
        if (entry.points is not None or entry.missing)
        and (possible := entry.possible(column)) > 0
        and column.chosen.weight > 0
    ]
    weights = sum(weight for weight, _ in counted)
    return 100 * sum(weight * share for weight, share in counted) / weights if weights else None


def select(book: Book, *, find: str = "", show: str = "all") -> list[Row]:
    """The rows whose name or login holds the text, and that have an entry of this kind."""
    wanted = find.casefold()
    _, holds = SHOWN.get(show, SHOWN["all"])
    return [
        row
        for row in book.rows
        if wanted in f"{row.person.name} {row.person.login}".casefold()
        and (show == "all" or any(map(holds, row.entries)))
    ]


def ordered(book: Book, rows: Sequence[Row], by: str) -> list[Row]:
    """By name, by login, or by total or an assignment's points with the most first and none at the end."""
    place = book.place(by)

    def key(row: Row) -> tuple[object, ...]:
        if by == "total" or place is not None:
            value = row.total if place is None else row.entries[place].points
            return (value is None, -(value or 0.0), row.person.login)
        return ((row.person.login if by == "login" else row.person.name).casefold(), row.person.id)

    return sorted(rows, key=key)
