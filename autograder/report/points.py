"""Points by problem, and what a bonus adds.

A bonus problem has no possible points. What it earned makes up for points that other problems lost, and never lifts the
total above the assignment's possible points: a report of 96 of 100 and a bonus of 7 has 100.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from autograder.report.schema import ProblemResult, TestResult


def of_problems(problems: Iterable[ProblemResult], results: Iterable[TestResult]) -> list[ProblemResult]:
    """The problems with the points of these results.   problems : name, title and bonus; their points do not count."""
    results = list(results)
    found = []
    for problem in problems:
        own = [result for result in results if result.problem == problem.name]
        points, possible = sum(result.points for result in own), sum(result.possible for result in own)
        found.append(msgspec.structs.replace(problem, points=points, possible=possible))
    left = sum(problem.possible - problem.points for problem in found if not problem.bonus)
    counted = []
    for problem in found:
        if problem.bonus:
            problem = msgspec.structs.replace(problem, points=max(0.0, min(problem.points, left)))
            left -= problem.points
        counted.append(problem)
    return counted
