"""The grade book as CSV, in three forms. No cell is a formula to a spreadsheet, and an empty cell is no zero.

    course       login, name, email, <assignment>..., total_percent, to_mark; a row `possible` on top; in `to_mark`
                 stand the assignments whose written part is handed in and not marked: its points are still to come
    gradescope   as Gradescope's "Download Grades" of a course has it: four columns for each assignment
    otter        as `final_grades.csv` of otter: each assignment is a question, each student a file

`deepgrade import-results` reads the last one, with the same points.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from autograder.batch.grades import LAST, POSSIBLE, inert, number, table
from grader_service.core import minutes
from grader_service.courses.late_policy import Receipt, Score
from grader_service.grading.gradebook import Book, Column, Row

NOTHING = "Not graded: no submission counts yet"


def course(book: Book, rows: Sequence[Row]) -> bytes:
    names = [inert(column.name) for column in book.columns]
    lines = [["login", "name", "email", *names, "total_percent", "to_mark"]]
    lines.append(["", "possible", "", *(number(column.possible) for column in book.columns), number(100.0), ""])
    for row in rows:
        person = row.person
        told = [_points(value) for value in row.points]
        total = "" if row.total is None else number(round(row.total, 4))
        to_mark = [column.name for column, entry in zip(book.columns, row.entries, strict=True) if entry.unmarked]
        who = [inert(person.login), inert(person.name), inert(person.email or "")]
        lines.append([*who, *told, total, inert(" ".join(to_mark))])
    return table(lines)


def gradescope(book: Book, rows: Sequence[Row]) -> bytes:
    """SID is the login. Times are those of the course; lateness is that of the submission that counts."""
    header = ["First Name", "Last Name", "SID", "Email", "Sections"]
    for column in book.columns:
        title = inert(column.title)
        header += [title, f"{title} - Max Points", f"{title} - Submission Time", f"{title} - Lateness (H:M:S)"]
    lines = [[*header, "Total Lateness (H:M:S)"]]
    for row in rows:
        first, _, last = row.person.name.rpartition(" ")
        cells = [inert(first or last), inert(last if first else ""), inert(row.person.login)]
        cells += [inert(row.person.email or ""), inert(book.course.slug)]
        late_in_all = 0.0
        for column, entry in zip(book.columns, row.entries, strict=True):
            code = entry.score.code
            at = "" if code is None else _time(code.received_at, entry.cell.terms.zone)
            late = _late(entry.score, entry.cell.terms.due_at)
            late_in_all += late
            cells += [_points(entry.points), number(column.possible), at, _span(late) if code else ""]
        lines.append([*cells, _span(late_in_all)])
    return table(lines)


def otter(book: Book, rows: Sequence[Row]) -> bytes:
    """Whoever has nothing at all has empty cells; whoever has something has 0 in the rest, as otter's files do."""
    columns = sorted(book.columns, key=lambda column: column.name)
    places = [book.columns.index(column) for column in columns]
    possible = sum(column.possible for column in columns)
    lines = [["file", *(inert(column.name) for column in columns), *LAST]]
    lines.append([POSSIBLE, *(number(column.possible) for column in columns), number(possible), "1.0", "--"])
    for row in rows:
        points = [row.entries[place].points for place in places]
        if all(value is None for value in points):
            lines.append([inert(row.person.login), *[""] * (len(columns) + 2), NOTHING])
            continue
        told = [round(value or 0.0, 6) for value in points]
        earned = float(sum(told))
        percent = number(round(earned / possible, 4) if possible else 0.0)
        lines.append([inert(row.person.login), *map(number, told), number(earned), percent, "Completed"])
    return table(lines)


FORMS: dict[str, tuple[str, Callable[[Book, Sequence[Row]], bytes]]] = {
    "course": ("the course's own columns", course),
    "gradescope": ("Gradescope's columns", gradescope),
    "otter": ("otter's columns", otter),
}


def only(book: Book, name: str) -> Book:
    """The book of one assignment. Totals stay those of the course."""
    place = book.place(name)
    if place is None:
        return book
    columns: list[Column] = [book.columns[place]]
    return Book(book.course, columns, [Row(row.person, [row.entries[place]], row.total) for row in book.rows])


def _points(value: float | None) -> str:
    return "" if value is None else number(round(value, 6))


def _time(seconds: float, zone: datetime.tzinfo) -> str:
    return datetime.datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S %z")


def _late(score: Score, due_at: float | None) -> float:
    """Seconds past the due minute of the submission that counts."""
    seen: Receipt | None = score.receipt
    if score.code is None or due_at is None or seen is None or not seen.days_late:
        return 0.0
    return max(0.0, score.code.received_at - minutes.end(due_at))


def _span(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
