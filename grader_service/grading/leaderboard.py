"""Leaderboards: the numbers that tests of an assignment put into reports, of students who chose a pseudonym.

A student is ranked by the submission that counts. Lower is better if a test passed with a value below its bar, and for
times as a ratio to the reference. Otherwise higher is better.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.courses import late_policy
from grader_service.database.models import Course, CourseAssignment, Membership
from grader_service.database.session import one_at_a_time, storable
from grader_service.grading import results, scores
from grader_service.grading.results import Outcome

LONGEST = 40  # characters of a pseudonym
CACHED = 10_000  # results whose numbers are cached; past it the cache is cleared
COLUMNS = 8  # at most; of more the first ones are shown


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
    session: Session, course: Course, course_assignment: CourseAssignment, *, me: int, by: int, now: float
) -> tuple[list[Column], list[Row]]:
    """The columns, and a row for each participant with a number, the best in column `by` first."""
    course_scores = scores.load(session, course, [course_assignment])
    taking_part = session.execute(
        sa.select(Membership.person_id, Membership.pseudonym).where(
            Membership.course_id == course.id, Membership.pseudonym.is_not(None), Membership.role == "student"
        )
    )
    names = {row[0]: row[1] or "" for row in taking_part}
    counting = {}
    for person_id in names:
        cell = course_scores.cell(person_id, course_assignment)
        # The numbers of a hidden test are not shown before its result is.
        if late_policy.hidden_shown(cell.terms, now) and (code := cell.score.code) is not None:
            counting[code.id] = person_id
    all_numbers = _numbers(session, results.of(session, counting))
    columns = _columns(all_numbers.values())
    rows = [
        Row(names[counting[number]], counting[number] == me, [_value(numbers, column.name) for column in columns])
        for number, numbers in all_numbers.items()
    ]
    rows = [row for row in rows if any(value is not None for value in row.values)]
    if not 0 <= by < len(columns):
        by = 0

    def sort_key(row: Row) -> tuple[bool, float, str]:
        value = row.values[by]
        return value is None, (value or 0.0) * (1 if columns[by].lower else -1), row.pseudonym.casefold()

    return columns, sorted(rows, key=sort_key)


def choose(session: Session, course: Course, person_id: int, pseudonym: str) -> None:
    """Take part in all leaderboards of the course under this name; "" leaves them. Raises DeepgradeError."""
    name = " ".join(storable(pseudonym).split())
    membership = session.get_one(Membership, (person_id, course.id))
    if len(name) > LONGEST or not name.isprintable():
        raise DeepgradeError(f"a pseudonym can have at most {LONGEST} printable characters")
    one_at_a_time(session, f"pseudonyms of {course.id}")
    taken = sa.select(Membership.person_id).where(
        Membership.course_id == course.id,
        sa.func.lower(Membership.pseudonym) == name.lower(),
        Membership.person_id != person_id,
    )
    if name and session.scalar(taken.limit(1)) is not None:
        raise DeepgradeError(f"the pseudonym {name!r} is already in use; choose another")
    membership.pseudonym = name or None


@dataclass(frozen=True)
class _Number:
    """A number in one report."""

    name: str
    value: float
    unit: str
    lower: bool  # does this report show that lower is better?


Numbers = dict[str, _Number]  # by name

# A cache by database and result: results never change, reports may be large, and leaderboards are opened often.
_read: WeakKeyDictionary[object, dict[Outcome, Numbers]] = WeakKeyDictionary()
_lock = threading.Lock()


def _numbers(session: Session, outcomes: dict[int, Outcome]) -> dict[int, Numbers]:
    """The numbers of each submission, from its report, which is read once."""
    with _lock:
        cached = _read.setdefault(session.get_bind().pool, {})  # type: ignore[union-attr]
        if len(cached) > CACHED:
            cached.clear()
        missing = {number: outcome for number, outcome in outcomes.items() if outcome.graded and outcome not in cached}
    for number, data in results.reports(session, missing).items():
        cached[missing[number]] = {number_read.name: number_read for number_read in _of_report(reports.from_json(data))}
    return {number: cached[outcome] for number, outcome in outcomes.items() if outcome in cached}


def _of_report(report: Report) -> Iterator[_Number]:
    """A time is named for its problem, since names of hidden tests are for staff."""
    titles = {problem.name: problem.title for problem in report.problems}
    timed: Counter[str] = Counter()
    for test in report.tests:
        for figure in test.figures:
            if figure.kind == "numbers":
                for row in figure.data["rows"]:
                    value, bar = float(row["value"]), row["bar"]
                    lower = test.verdict == "passed" and bar is not None and value < bar
                    yield _Number(f"{figure.title}: {row['name']}", value, row["unit"], lower)
        if (ratio := report.timings.ratios.get(test.id)) is not None:
            timed[test.problem] += 1
            name = f"Time: {titles.get(test.problem, test.problem)}"
            if (number := timed[test.problem]) > 1:
                name = f"{name} ({number})"
            yield _Number(name, ratio.value, "× the reference", True)


def _value(numbers: Numbers, name: str) -> float | None:
    """The number of that name; None if it is missing or NaN."""
    number = numbers.get(name)
    return None if number is None or math.isnan(number.value) else number.value


def _columns(all_numbers: Iterable[Numbers]) -> list[Column]:
    units: dict[str, str] = {}
    lower: set[str] = set()
    for numbers in all_numbers:
        for number in numbers.values():
            units.setdefault(number.name, number.unit)
            if number.lower:
                lower.add(number.name)
    return [Column(name, unit, name in lower) for name, unit in list(units.items())[:COLUMNS]]
