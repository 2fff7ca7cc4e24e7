"""Bars from measured runs: the reference trains under many seeds, and every value, time and ratio is kept.

    deepgrade calibrate NAME  ->  solutions/NAME/calibration.json

    {profile: {test: {"runs": 20, "device", "versions",
                      "measured": {name: {"bar", "unit", "at_least", "values": [..]}},
                      "seconds": [..], "ratios": [..], "limit", "memory_mb": [..]}}}

From the values follow quantiles and how often a right answer would miss the bar: counted, with the largest rate that
as many runs leave possible (95 %), and as the tail of a normal distribution of the same mean and deviation, which says
more than the count as long as nobody is near the bar.
"""

from __future__ import annotations

import ast
import json
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from autograder import grade as grading
from autograder.core.errors import BadCourse, DeepgradeError, GraderError
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.course.submission import Submission, sha256_of
from autograder.report.schema import Report, one_line

FILE = "calibration.json"
CONFIDENCE = 0.95

Profile = Literal["cpu", "gpu"]
Calibration = dict[str, dict[str, dict[str, Any]]]


def training_tests(assignment: Assignment) -> list[str]:
    """The names of the tests that ask for `training`, in order."""
    return [name for name, trains in _tests(assignment).items() if trains]


def other_tests(assignment: Assignment) -> list[str]:
    """The names of all other tests."""
    return [name for name, trains in _tests(assignment).items() if not trains]


def _tests(assignment: Assignment) -> dict[str, bool]:
    """Whether each test asks for `training`, by name."""
    found = {}
    for path in assignment.test_files:
        for node in tree_of(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
                drawn = [word.arg for mark in marks for word in mark.keywords]
                found[node.name] = "training" in [
                    argument.arg for argument in node.args.args if argument.arg not in drawn
                ]
    return found


def calibrate(
    assignment: Assignment,
    *,
    seeds: int = 20,
    profile: Profile = "cpu",
    tests: Sequence[str] = (),
    first_seed: int = 0,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """What the reference reaches in each training test: one grading for each seed, each in a sandbox of its own.

    profile : which of the tests' settings; those for a GPU may be tried on a CPU, if one has the time.
    Raises DeepgradeError for a name that is no training test, GraderError where the reference itself fails.
    """
    tell = on_event or (lambda event: None)
    known = training_tests(assignment)
    if not known:
        raise DeepgradeError(f"{assignment.name}: no test asks for `training`, so there is nothing to calibrate")
    for name in tests:
        if name not in known:
            raise DeepgradeError(f"{assignment.name}: {name} is no training test; there is: {', '.join(known)}")
    chosen = list(tests) or known
    files = assignment.reference()
    handed = Submission(files, sha256_of(files))
    found: dict[str, dict[str, Any]] = {}
    tell({"event": "collected", "tests": [str(number) for number in range(seeds)]})
    for number in range(first_seed, first_seed + seeds):
        tell({"event": "started", "test": f"seed {number}"})
        report = grading.grade(
            assignment,
            handed,
            secret=f"deepgrade calibrate {number}".encode(),
            only=chosen,
            with_needs=False,
            profile=profile,
            calibrating=True,
            shrink=False,
        )
        _add(found, report)
        tell({"event": "finished", "test": f"seed {number}", "verdict": "graded"})
    return found


def _add(found: dict[str, dict[str, Any]], report: Report) -> None:
    for test in report.tests:
        times = report.timings.trainings.get(test.id)
        if test.verdict != "passed" or times is None:
            raise GraderError(f"the reference is {test.verdict} in {test.id}: {one_line(test.detail) or test.failure}")
        facts = found.setdefault(
            test.name,
            {
                "runs": 0,
                "device": report.device,
                "versions": report.versions,
                "measured": {},
                "seconds": [],
                "ratios": [],
            },
        )
        facts["runs"] += 1
        facts["seconds"].append(times.seconds)
        facts.setdefault("memory_mb", []).append(times.memory_mb)
        if ratio := report.timings.ratios.get(test.id):
            facts["ratios"].append(ratio.value)
            facts["limit"] = ratio.limit
        for one in times.measured:
            if one.value is None:
                raise GraderError(f"what the reference reaches in {test.id} measures as no number")
            row = {"bar": one.bar, "unit": one.unit, "at_least": one.at_least, "values": []}
            facts["measured"].setdefault(one.name, row)["values"].append(round(one.value, 4))


def path_of(assignment: Assignment) -> Path:
    """Where an assignment's calibration is kept."""
    if assignment.solution is None:
        raise BadCourse(f"{assignment.name}: there is no solutions/{assignment.name} to keep a calibration in")
    return assignment.solution / FILE


def read(assignment: Assignment) -> Calibration:
    """What is kept; empty where nothing is. Raises BadCourse for a file that is no JSON."""
    path = path_of(assignment)
    if not path.is_file():
        return {}
    try:
        calibration: Calibration = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadCourse(f"{path}: is no JSON ({error}); write it again with `deepgrade calibrate --write`") from None
    return calibration


def write(assignment: Assignment, profile: Profile, found: dict[str, dict[str, Any]]) -> Path:
    """Keep what was found in place of what was known of these values; others (with other data, say) stay."""
    kept = read(assignment)
    of_profile = kept.setdefault(profile, {})
    for test, facts in found.items():
        others = of_profile.get(test, {}).get("measured", {})
        of_profile[test] = {**facts, "measured": {**others, **facts["measured"]}}
    path = path_of(assignment)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def summary(row: dict[str, Any]) -> dict[str, float]:
    """Quantiles of a measured value, and how often a right answer would miss its bar."""
    values, bar = sorted(row["values"]), row["bar"]
    n = len(values)
    misses = sum(not (value >= bar if row["at_least"] else value <= bar) for value in values)
    mean, deviation = statistics.fmean(values), statistics.stdev(values) if n > 1 else math.nan
    distance = (mean - bar) if row["at_least"] else (bar - mean)
    return {
        "runs": n,
        "least": values[0],
        "low": _quantile(values, 0.05),
        "median": _quantile(values, 0.5),
        "high": _quantile(values, 0.95),
        "most": values[-1],
        "mean": mean,
        "deviation": deviation,
        "misses": misses,
        "at_most": _largest_rate(misses, n),
        "tail": 0.5 * math.erfc(distance / deviation / math.sqrt(2)) if deviation > 0 else float(distance < 0),
    }


def _quantile(values: list[float], share: float) -> float:
    """Linear interpolation between the sorted values."""
    place = share * (len(values) - 1)
    low = math.floor(place)
    return values[low] + (place - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def _largest_rate(misses: int, runs: int) -> float:
    """The largest rate under which so few misses still have a chance of 5 % (Clopper and Pearson), by bisection."""
    if misses >= runs:
        return 1.0
    low, high = misses / runs, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        few = sum(math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(misses + 1))
        low, high = (rate, high) if few > 1 - CONFIDENCE else (low, rate)
    return high


def stale(assignment: Assignment, report: Report) -> list[str]:
    """Bars of the tests, as a report has them, that are not those that were calibrated."""
    kept = read(assignment)
    problems = []
    for test in report.tests:
        times = report.timings.trainings.get(test.id)
        if times is None:
            continue
        known = kept.get(times.profile, {}).get(test.name, {}).get("measured", {})
        for one in times.measured:
            if known.get(one.name, {}).get("bar") != one.bar:
                problems.append(
                    f"{test.id}: the bar of {one.bar:g} {one.unit} for {one.name} was never measured against; run "
                    f"`deepgrade calibrate {assignment.name} --test {test.name} --write`"
                )
    return problems
