"""Statistics of an assignment over all students: the distribution of points, and the results of each test.

    the counting report of each student ─> Tally of each test, Spread of the points ─> bars, drawn by the template

A test that nobody fails distinguishes nobody. A test that most students fail is hard, or wrong. Both get a note.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from autograder.core.decoding import TypedDecoder

BINS = 10
FEW = 5  # reports; with fewer a test gets no note
NAMED = ("passed", "failed", "raised", "timed_out", "not_implemented", "blocked")  # in this order; others after them


class _Test(msgspec.Struct):
    """The fields of a test's result that are needed here; decoding skips the rest of a report."""

    id: str
    name: str
    law: str
    problem: str
    points: float
    possible: float
    visibility: str
    verdict: str


class _Timings(msgspec.Struct, frozen=True):
    test_seconds: dict[str, float] = {}


class _Report(msgspec.Struct):
    tests: list[_Test] = []
    timings: _Timings = _Timings()


_REPORTS: TypedDecoder[_Report] = TypedDecoder(_Report)


@dataclass
class Tally:
    """One test over all reports that contain it."""

    first: _Test
    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    points: float = 0.0
    seconds: list[float] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return self.verdicts["passed"]

    @property
    def rate(self) -> float:
        """Share of the reports in which it passed."""
        return self.passed / self.total if self.total else 0.0

    @property
    def median_seconds(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def slow_seconds(self) -> float | None:
        """The 90 % quantile of the times."""
        if not self.seconds:
            return None
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(0.9 * len(self.seconds)))]

    @property
    def note(self) -> str:
        if self.total >= FEW and self.passed == self.total:
            return "nobody fails this test"
        if self.total >= FEW and self.rate < 0.5:
            return "most students fail this test"
        return ""

    @property
    def parts(self) -> list[tuple[str, int, float, float]]:
        """(verdict, count, start, width) of each, in percent of a bar."""
        segments, start = [], 0.0
        for verdict in [*NAMED, *sorted(set(self.verdicts) - set(NAMED))]:
            count = self.verdicts.get(verdict, 0)
            if count:
                width = 100 * count / self.total
                segments.append((verdict, count, start, width))
                start += width
        return segments


@dataclass(frozen=True)
class Bar:
    low: float
    high: float
    count: int
    height: float  # percent of the tallest


@dataclass(frozen=True)
class Spread:
    """A distribution of points."""

    count: int
    mean: float
    median: float
    least: float
    most: float
    full: int  # students with full marks
    bars: list[Bar]

    @property
    def description(self) -> str:
        """A description of the picture, for people who cannot see it."""
        parts = ", ".join(f"{bar.low:g} to {bar.high:g}: {bar.count}" for bar in self.bars if bar.count)
        return (
            f"Distribution of points of {self.count} students. {parts}. Median {self.median:.2f}, mean {self.mean:.2f}."
        )


def of_tests(reports: Iterable[bytes]) -> list[Tally]:
    """A tally of each test, in the order in which the tests run. A report that cannot be read is skipped."""
    tallies: dict[str, Tally] = {}
    for data in reports:
        try:
            report = _REPORTS.json(data)
        except msgspec.MsgspecError:
            continue
        for test in report.tests:
            tally = tallies.setdefault(test.id, Tally(test))
            tally.total += 1
            tally.verdicts[test.verdict] += 1
            tally.points += test.points
            if (seconds := report.timings.test_seconds.get(test.id)) is not None:
                tally.seconds.append(seconds)
    return list(tallies.values())


def of_points(points: Sequence[float], possible: float) -> Spread | None:
    """Ten bars of equal width, with full marks in the last one; None without any points."""
    if not points:
        return None
    top = max(possible, *points) if possible else max(points)
    counts = [0] * BINS
    for value in points:
        counts[min(BINS - 1, int(BINS * value / top)) if top else 0] += 1
    tallest = max(counts)
    width = top / BINS
    bars = [
        Bar(round(width * index, 6), round(width * (index + 1), 6), count, 100 * count / tallest)
        for index, count in enumerate(counts)
    ]
    full = sum(value >= possible for value in points) if possible else 0
    return Spread(
        len(points), statistics.fmean(points), statistics.median(points), min(points), max(points), full, bars
    )
