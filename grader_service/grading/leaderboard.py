"""Who trains best: the numbers that an assignment's tests put into reports, of those who chose a pseudonym for it.

The submission that counts stands for its student. Which way a number is better is seen from the tests: where one passed
with a value below its bar, lower is better, and so it is for time as a ratio to the reference; else higher.
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
KEPT = 10_000  # results whose numbers are kept in memory; beyond, all are read again
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
        if late_policy.hidden_shown(cell.terms, now) and (code := cell.score.code) is not None:
            counting[code.id] = person_id
    everybody = _numbers(session, results.of(session, counting))
    columns = _columns(everybody.values())
    rows = [
        Row(names[counting[number]], counting[number] == me, [_value(numbers, column.name) for column in columns])
        for number, numbers in everybody.items()
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
    """Of one report."""

    name: str
    value: float
    unit: str
    lower: bool  # does this report show that lower is better?


Numbers = dict[str, _Number]  # by name

# By database and result: a result never changes, its report may be large, and a board of hundreds is looked at often.
_read: WeakKeyDictionary[object, dict[Outcome, Numbers]] = WeakKeyDictionary()
_lock = threading.Lock()


def _numbers(session: Session, outcomes: dict[int, Outcome]) -> dict[int, Numbers]:
    """Of each submission, from its report, which is read once."""
    with _lock:
        known = _read.setdefault(session.get_bind().pool, {})  # type: ignore[union-attr]
        if len(known) > KEPT:
            known.clear()
        missing = {number: outcome for number, outcome in outcomes.items() if outcome.graded and outcome not in known}
    for number, data in results.reports(session, missing).items():
        known[missing[number]] = {one.name: one for one in _of_report(reports.from_json(data))}
    return {number: known[outcome] for number, outcome in outcomes.items() if outcome in known}


def _of_report(report: Report) -> Iterator[_Number]:
    """A time has its problem's name: a hidden test's is staff's."""
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
    """NaN is no place."""
    found = numbers.get(name)
    return None if found is None or math.isnan(found.value) else found.value


def _columns(everybody: Iterable[Numbers]) -> list[Column]:
    units: dict[str, str] = {}
    lower: set[str] = set()
    for numbers in everybody:
        for one in numbers.values():
            units.setdefault(one.name, one.unit)
            if one.lower:
                lower.add(one.name)
    return [Column(name, unit, name in lower) for name, unit in list(units.items())[:COLUMNS]]
