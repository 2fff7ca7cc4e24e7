"""What `verify` finds out about one assignment."""

from __future__ import annotations

import math
import statistics

import msgspec

from autograder.report.schema import TestResult
from autograder.verify.probes.earnings import Earning


class Kill(msgspec.Struct, frozen=True):
    """What became of one mutant."""

    mutant: str
    target: str
    named: str  # the test that must kill it
    killed_by: list[str]  # all tests that did
    points_lost: float | None = None  # in all tests; unknown without the matrix
    points_lost_outside: float | None = None  # of these, in tests of another problem than that of the named test


class Spread(msgspec.Struct, frozen=True):
    """Of one number over all mutants."""

    median: float
    high: float  # 95 % are at most this: the smallest such value that occurs
    most: float


class PointsLost(msgspec.Struct, frozen=True):
    """Over all mutants: what each loses, and what it loses outside of the problem of the test that it names."""

    lost: Spread
    outside: Spread


class Soundness(msgspec.Struct, frozen=True):
    """What `verify` found out about one assignment."""

    assignment: str
    problems: list[str]  # sentences; none: sound
    kills: list[Kill] = []
    idle_tests: list[str] = []  # tests that killed no mutant; unknown, so empty, without the matrix
    variants: list[str] = []  # other right answers that got full marks
    tests: list[str] = []  # names, in order
    probes: list[Earning] = []  # what each probe earns

    sources_sha256: str = ""  # of all that was proven, as `sources_sha256` has it
    every: int = 1  # only each so-manieth mutant was tried, and if so, one variant and a third of the probes
    whole: bool = True  # every mutant met every test; else only the one that it names

    @property
    def sound(self) -> bool:
        return not self.problems

    @property
    def points_lost(self) -> PointsLost | None:
        """None without the whole matrix, and without mutants."""
        lost = [kill.points_lost for kill in self.kills if kill.points_lost is not None]
        outside = [kill.points_lost_outside for kill in self.kills if kill.points_lost_outside is not None]
        return PointsLost(_spread(lost), _spread(outside)) if lost else None

    @property
    def matrix(self) -> dict[str, list[str]]:
        """The kill matrix: for each mutant, the tests that it dies by."""
        return {kill.mutant: kill.killed_by for kill in self.kills}


def _spread(values: list[float]) -> Spread:
    ordered = sorted(values)
    return Spread(statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], ordered[-1])


def points_lost(problem: str, results: list[TestResult]) -> dict[str, float]:
    """What an answer loses in all tests, and of that in tests of another problem than the one named."""
    lost = [(test.possible - test.points, test.problem) for test in results]
    outside = sum(points for points, its_problem in lost if its_problem != problem)
    return {"points_lost": sum(points for points, _ in lost), "points_lost_outside": outside}
