"""Who trains best: the numbers that an assignment's tests put into reports, of those who chose a pseudonym for it.

The submission that counts stands for its student. Which way a number is better is seen from the tests: where one passed
with a value below its bar, lower is better, and so it is for time as a ratio to the reference; else higher.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder import report as reports
from autograder.errors import DeepgradeError
from autograder.report import Report
from grader_service import policy, results, scores
from grader_service.database import storable
from grader_service.models import Course, CourseAssignment, Membership

LONGEST = 40  # characters of a pseudonym
COLUMNS = 8  # at most; an assignment that records more shows the first ones


@dataclass(frozen=True)
class Column:
    name: str
    unit: str
    lower: bool  # is lower better?


@dataclass(frozen=True)
class Row:
    pseudonym: str
    mine: bool
    values: list[float | None]  # in the order of the columns


def load(
    session: Session, course: Course, chosen: CourseAssignment, *, me: int, by: int, now: float
) -> tuple[list[Column], list[Row]]:
    """Columns, and everybody who takes part and has a number there, the best in column `by` first."""
    found = scores.load(session, course, [chosen])
    taking_part = session.execute(
        sa.select(Membership.person_id, Membership.pseudonym).where(
            Membership.course_id == course.id, Membership.pseudonym.is_not(None), Membership.role == "student"
        )
    )
    names = {row[0]: row[1] or "" for row in taking_part}
    counting = {}
    for person_id in names:
        cell = found.cell(person_id, chosen)
        # What a test that is kept back measured is kept back as well.
        if policy.hidden_shown(cell.terms, now) and (code := cell.score.code) is not None:
            counting[code.id] = person_id
    outcomes = results.of(session, counting)
    graded = {number: reports.from_json(data) for number, data in results.reports(session, outcomes).items()}
    columns = _columns(graded.values())
    rows = [
        Row(names[counting[number]], counting[number] == me, [_numbers(report).get(column.name) for column in columns])
        for number, report in graded.items()
    ]
    rows = [row for row in rows if any(value is not None for value in row.values)]
    if not 0 <= by < len(columns):
        by = 0

    def place(row: Row) -> tuple[bool, float, str]:
        value = row.values[by]
        return value is None, (value or 0.0) * (1 if columns[by].lower else -1), row.pseudonym.casefold()

    return columns, sorted(rows, key=place)


def choose(session: Session, course: Course, person_id: int, pseudonym: str) -> None:
    """Take part under this name in all leaderboards of the course, or with "" no more. Raises DeepgradeError."""
    name = " ".join(storable(pseudonym).split())
    membership = session.get_one(Membership, (person_id, course.id))
    if len(name) > LONGEST or not name.isprintable():
        raise DeepgradeError(f"a pseudonym has at most {LONGEST} characters that can be printed")
    taken = sa.select(Membership.person_id).where(
        Membership.course_id == course.id,
        sa.func.lower(Membership.pseudonym) == name.lower(),
        Membership.person_id != person_id,
    )
    if name and session.scalar(taken.limit(1)) is not None:
        raise DeepgradeError(f"somebody is called {name!r} already; choose another pseudonym")
    membership.pseudonym = name or None


def _rows_of(report: Report) -> Iterable[tuple[str, float, float | None, str, bool]]:
    """Name, value, bar, unit, and did its test pass. A time has its problem's name: a hidden test's is staff's."""
    titles = {problem.name: problem.title for problem in report.problems}
    timed: Counter[str] = Counter()
    for test in report.tests:
        for figure in test.figures:
            if figure.kind == "numbers":
                for row in figure.data["rows"]:
                    name = f"{figure.title}: {row['name']}"
                    yield name, float(row["value"]), row["bar"], row["unit"], test.verdict == "passed"
        if (ratio := report.timings.ratios.get(test.id)) is not None:
            timed[test.problem] += 1
            name = f"Time: {titles.get(test.problem, test.problem)}"
            if (number := timed[test.problem]) > 1:
                name = f"{name} ({number})"
            yield name, ratio.value, None, "× the reference", True


def _numbers(report: Report) -> dict[str, float]:
    return {name: value for name, value, _, _, _ in _rows_of(report) if value == value}  # NaN is no place


def _columns(graded: Iterable[Report]) -> list[Column]:
    units: dict[str, str] = {}
    lower: set[str] = set()
    for report in graded:
        for name, value, bar, unit, passed in _rows_of(report):
            units.setdefault(name, unit)
            if unit == "× the reference" or (passed and bar is not None and value < bar):
                lower.add(name)
    return [Column(name, unit, name in lower) for name, unit in list(units.items())[:COLUMNS]]
