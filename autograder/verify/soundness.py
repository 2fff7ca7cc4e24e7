"""The results of `verify` for one assignment."""

from __future__ import annotations

import math
import statistics

import msgspec

from autograder.report.schema import TestResult
from autograder.verify.probes.earnings import Earning


class Kill(msgspec.Struct, frozen=True):
    """The result of one mutant."""

    mutant: str
    target: str
    named: str  # the test that must kill it
    killed_by: list[str]  # all tests that kill it
    points_lost: float | None = None  # in all tests; None without the matrix
    points_lost_outside: float | None = None  # of these, in tests of another problem than that of the named test


class Spread(msgspec.Struct, frozen=True):
    """The distribution of one number over all mutants."""

    median: float
    high: float  # 95 % are at most this: the smallest such value that occurs
    most: float


class PointsLost(msgspec.Struct, frozen=True):
    """Points lost by mutants, in all problems and outside of the problem of the test that each names."""

    lost: Spread
    outside: Spread


class Soundness(msgspec.Struct, frozen=True):
    """All results of `verify` for one assignment."""

    assignment: str
    problems: list[str]  # sentences; empty if sound
    kills: list[Kill] = []
    idle_tests: list[str] = []  # tests that killed no mutant; empty without the matrix
    variants: list[str] = []  # other right answers that got full marks
    tests: list[str] = []  # names, in order
    probes: list[Earning] = []  # what each probe earns

    sources_sha256: str = ""  # of all sources; see `answers.sources_sha256`
    every: int = 1  # a spot check with every N-th mutant, one variant and a third of the probes
    whole: bool = True  # a kill matrix: every mutant met every test; False: only the one that it names

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
        """The kill matrix: for each mutant, the tests that kill it."""
        return {kill.mutant: kill.killed_by for kill in self.kills}


def _spread(values: list[float]) -> Spread:
    ordered = sorted(values)
    return Spread(statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], ordered[-1])


def points_lost(problem: str, results: list[TestResult]) -> dict[str, float]:
    """The points that an answer loses in all tests, and in tests of problems other than `problem`."""
    lost = [(test.possible - test.points, test.problem) for test in results]
    outside = sum(points for points, its_problem in lost if its_problem != problem)
    return {"points_lost": sum(points for points, _ in lost), "points_lost_outside": outside}
