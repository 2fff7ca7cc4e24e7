"""The grade book as CSV, in three forms. No spreadsheet reads a cell as a formula. An empty cell is not a zero.

    course       login, name, email, <assignment>..., total_percent, to_mark, provisional; the first row is `possible`;
                 `to_mark` lists the assignments whose written part is handed in and not marked yet
    gradescope   like Gradescope's "Download Grades" of a course: four columns for each assignment
    otter        like `final_grades.csv` of otter: each assignment is a question, each student a file

Provisional points are named in a column `provisional` or in `grading_status`. Each file begins with a byte order mark,
since Excel needs one to read names in UTF-8. `deepgrade import-results` reads the third form, with the same points.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from autograder.batch.grades import LAST, POSSIBLE, inert, number, table
from grader_service.core import minutes
from grader_service.courses.late_policy import Receipt, Score
from grader_service.grading.gradebook import Book, Column, Row

TITLES = ("jr", "sr", "ii", "iii", "iv", "phd", "md", "msc", "bsc", "esq")
NOTHING = "Not graded: no submission counts yet"


def course(book: Book, rows: Sequence[Row]) -> bytes:
    names = [inert(column.name) for column in book.columns]
    lines = [["login", "name", "email", *names, "total_percent", "to_mark", "provisional"]]
    lines.append(["", "possible", "", *(number(column.possible) for column in book.columns), number(100.0), "", ""])
    for row in rows:
        person = row.person
        cells = [_points(value) for value in row.points]
        total = "" if row.total is None else number(round(row.total, 4))
        to_mark = [column.name for column, entry in zip(book.columns, row.entries, strict=True) if entry.unmarked]
        identity = [inert(person.login), inert(person.name), inert(person.email or "")]
        lines.append([*identity, *cells, total, inert(" ".join(to_mark)), inert(_provisional(book, row))])
    return table(lines, mark=True)


def gradescope(book: Book, rows: Sequence[Row]) -> bytes:
    """SID is the login. Times are in the course's time zone. Lateness is that of the submission that counts."""
    header = ["First Name", "Last Name", "SID", "Email", "Sections"]
    for column in book.columns:
        title = inert(column.title)
        header += [title, f"{title} - Max Points", f"{title} - Submission Time", f"{title} - Lateness (H:M:S)"]
    lines = [[*header, "Total Lateness (H:M:S)", "Provisional"]]
    for row in rows:
        first, last = names_of(row.person.name)
        cells = [inert(first), inert(last), inert(row.person.login)]
        cells += [inert(row.person.email or ""), inert(book.course.slug)]
        late_in_all = 0.0
        for column, entry in zip(book.columns, row.entries, strict=True):
            code = entry.score.code
            at = "" if code is None else _time(code.received_at, entry.cell.terms.zone)
            late = _late(entry.score, entry.cell.terms.due_at)
            late_in_all += late
            cells += [_points(entry.points), number(column.possible), at, _span(late) if code else ""]
        lines.append([*cells, _span(late_in_all), inert(_provisional(book, row))])
    return table(lines, mark=True)


def otter(book: Book, rows: Sequence[Row]) -> bytes:
    """A student without any points has empty cells. Other students have 0 where points are missing, as with otter."""
    columns = sorted(book.columns, key=lambda column: column.name)
    indices = [book.columns.index(column) for column in columns]
    possible = sum(column.possible for column in columns)
    lines = [["file", *(inert(column.name) for column in columns), *LAST]]
    lines.append([POSSIBLE, *(number(column.possible) for column in columns), number(possible), "1.0", "--"])
    for row in rows:
        points = [row.entries[index].points for index in indices]
        pending = _provisional(book, row)
        if all(value is None for value in points):
            lines.append(
                [
                    inert(row.person.login),
                    *[""] * (len(columns) + 2),
                    f"Provisional: {pending}" if pending else NOTHING,
                ]
            )
            continue
        scores = [round(value or 0.0, 6) for value in points]
        earned = float(sum(scores))
        percent = number(round(earned / possible, 4) if possible else 0.0)
        lines.append(
            [
                inert(row.person.login),
                *map(number, scores),
                number(earned),
                percent,
                f"Provisional: {pending}" if pending else "Completed",
            ]
        )
    return table(lines, mark=True)


FORMS: dict[str, tuple[str, Callable[[Book, Sequence[Row]], bytes]]] = {
    "course": ("the course's own columns", course),
    "gradescope": ("Gradescope's columns", gradescope),
    "otter": ("otter's columns", otter),
}


def names_of(name: str) -> tuple[str, str]:
    """First and last name. A comma separates them (`Lovelace, Ada`), unless a title follows it (`King, Jr.`). Without a
    comma the last word is the last name."""
    before, comma, after = (part.strip() for part in name.partition(","))
    if comma and before and after and after.rstrip(".").casefold() not in TITLES:
        return after, before
    if comma and before:
        first, last = names_of(before)
        return (first, f"{last}, {after}") if last and after else (first, last)
    first, _, last = name.strip().rpartition(" ")
    return (first, last) if first else (last, "")


def only(book: Book, name: str) -> Book:
    """The book with one assignment only. Totals are still those of the course."""
    index = book.index(name)
    if index is None:
        return book
    columns: list[Column] = [book.columns[index]]
    return Book(book.course, columns, [Row(row.person, [row.entries[index]], row.total) for row in book.rows])


def _provisional(book: Book, row: Row) -> str:
    """The assignments whose points may still change, with the reason. Points that staff set by hand are final."""
    reasons = []
    for column, entry in zip(book.columns, row.entries, strict=True):
        if entry.score.overridden:
            continue
        causes = ["written part not marked"] * entry.unmarked + ["being graded"] * entry.waiting
        reasons += [f"{column.name}: {' and '.join(causes)}"] if causes else []
    return "; ".join(reasons)


def _points(value: float | None) -> str:
    return "" if value is None else number(round(value, 6))


def _time(seconds: float, zone: datetime.tzinfo) -> str:
    return datetime.datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S %z")


def _late(score: Score, due_at: float | None) -> float:
    """How late the submission that counts was, in seconds after the due minute."""
    receipt: Receipt | None = score.receipt
    if score.code is None or due_at is None or receipt is None or not receipt.days_late:
        return 0.0
    return max(0.0, score.code.received_at - minutes.end(due_at))


def _span(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
