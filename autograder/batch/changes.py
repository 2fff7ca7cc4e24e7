"""Differences between two gradings: for each submission the points before and after, and the tests that differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autograder.batch.grades import inert, number, table
from autograder.batch.run import Outcome
from autograder.report.schema import Report


@dataclass(frozen=True)
class Change:
    name: str
    student: str
    before: float | None  # None: no score
    after: float | None
    tests: list[str]  # "test_rows_sum_to_one: failed, now passed"

    @property
    def difference(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before


def changes(outcomes: Iterable[Outcome], before: Mapping[str, Report]) -> list[Change]:
    """The submissions whose points changed, or whose verdict in some test changed."""
    changed = []
    for outcome in outcomes:
        old_report, new_report = before.get(outcome.source.id), outcome.report
        change = Change(
            outcome.source.name,
            outcome.source.student,
            _points(old_report),
            _points(new_report),
            _tests(old_report, new_report),
        )
        if change.before != change.after or change.tests:
            changed.append(change)
    return changed


def to_csv(changed: Iterable[Change]) -> bytes:
    rows = [["file", "before", "after", "change", "tests"]]
    for change in changed:
        points = [("" if value is None else number(value)) for value in (change.before, change.after)]
        difference = "" if change.difference is None else number(change.difference)
        rows.append([inert(change.name), *points, difference, inert("; ".join(change.tests))])
    return table(rows)


def _points(report: Report | None) -> float | None:
    return None if report is None or report.state == "grader_error" else float(report.points)


def _tests(old_report: Report | None, new_report: Report | None) -> list[str]:
    if old_report is None or new_report is None:
        return []
    old_results, new_results = ({test.id: test for test in report.tests} for report in (old_report, new_report))
    differences = []
    for id in [*old_results, *(id for id in new_results if id not in old_results)]:
        before, after = (tests[id].verdict if id in tests else "absent" for tests in (old_results, new_results))
        if before != after:
            differences.append(f"{(old_results.get(id) or new_results[id]).name}: {before}, now {after}")
    return differences
