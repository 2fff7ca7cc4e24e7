"""Bars from measured runs: the reference trains under many seeds, and every value, time and ratio is kept.

    deepgrade calibrate NAME  ->  solutions/NAME/calibration.json

    {profile: {test: {"runs": 20, "device", "versions",
                      "measured": {name: {"bar", "unit", "at_least", "values": [..]}},
                      "seconds": [..], "ratios": [..], "limit", "memory_mb": [..]}}}

The values give quantiles and the rate at which a right answer would miss the bar. The rate is counted, with the upper
limit of its 95 % confidence interval. It is also the tail of a normal distribution with the same mean and deviation,
which is more informative than the count while no value is near the bar. `verify` refuses a bar that the reference has
missed in one of the runs.
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
RUNS = 4  # of the reference, at least, for each bar

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
    trains_by_test = {}
    for path in assignment.test_files:
        for node in tree_of(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                decorators = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
                strategies = [keyword.arg for decorator in decorators for keyword in decorator.keywords]
                trains_by_test[node.name] = "training" in [
                    argument.arg for argument in node.args.args if argument.arg not in strategies
                ]
    return trains_by_test


def calibrate(
    assignment: Assignment,
    *,
    seeds: int = 20,
    profile: Profile = "cpu",
    tests: Sequence[str] = (),
    first_seed: int = 0,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Grade the reference once for each seed, each time in a new sandbox, and record its values in each training test.

    profile : which of the tests' settings to use; the settings for a GPU also run on a CPU, slowly.
    Raises DeepgradeError for a name that is not a training test, GraderError if the reference itself fails.
    """
    emit = on_event or (lambda event: None)
    available = training_tests(assignment)
    if not available:
        raise DeepgradeError(f"{assignment.name}: no test asks for `training`, so there is nothing to calibrate")
    for name in tests:
        if name not in available:
            raise DeepgradeError(
                f"{assignment.name}: {name} is not a training test; choose one of {', '.join(available)}"
            )
    selected = list(tests) or available
    files = assignment.reference()
    submission = Submission(files, sha256_of(files))
    calibration: dict[str, dict[str, Any]] = {}
    emit({"event": "collected", "tests": [str(seed) for seed in range(seeds)]})
    for seed in range(first_seed, first_seed + seeds):
        emit({"event": "started", "test": f"seed {seed}"})
        report = grading.grade(
            assignment,
            submission,
            secret=f"deepgrade calibrate {seed}".encode(),
            only=selected,
            with_needs=False,
            profile=profile,
            calibrating=True,
            shrink=False,
        )
        _add(calibration, report)
        emit({"event": "finished", "test": f"seed {seed}", "verdict": "graded"})
    return calibration


def _add(calibration: dict[str, dict[str, Any]], report: Report) -> None:
    for test in report.tests:
        times = report.timings.trainings.get(test.id)
        if test.verdict != "passed" or times is None:
            raise GraderError(f"the reference is {test.verdict} in {test.id}: {one_line(test.detail) or test.failure}")
        facts = calibration.setdefault(
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
        for measurement in times.measured:
            if measurement.value is None:
                raise GraderError(f"what the reference reaches in {test.id} measures as no number")
            row = {"bar": measurement.bar, "unit": measurement.unit, "at_least": measurement.at_least, "values": []}
            facts["measured"].setdefault(measurement.name, row)["values"].append(round(measurement.value, 4))


def path_of(assignment: Assignment) -> Path:
    """The file of an assignment's calibration."""
    if assignment.solution is None:
        raise BadCourse(f"{assignment.name}: there is no solutions/{assignment.name} to keep a calibration in")
    return assignment.solution / FILE


def read(assignment: Assignment) -> Calibration:
    """The stored calibration; empty without a file. Raises BadCourse for a file that is not JSON."""
    path = path_of(assignment)
    if not path.is_file():
        return {}
    try:
        calibration: Calibration = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadCourse(f"{path}: is not JSON ({error}); write it again with `deepgrade calibrate --write`") from None
    return calibration


def write(assignment: Assignment, profile: Profile, calibration: dict[str, dict[str, Any]]) -> Path:
    """Store a calibration. It replaces earlier values of the same name; values of other names stay."""
    stored = read(assignment)
    of_profile = stored.setdefault(profile, {})
    for test, facts in calibration.items():
        earlier = of_profile.get(test, {}).get("measured", {})
        of_profile[test] = {**facts, "measured": {**earlier, **facts["measured"]}}
    path = path_of(assignment)
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def summary(row: dict[str, Any]) -> dict[str, float]:
    """Quantiles of a measured value, and the rate at which a right answer would miss its bar."""
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
    position = share * (len(values) - 1)
    low = math.floor(position)
    return values[low] + (position - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def _largest_rate(misses: int, runs: int) -> float:
    """The largest rate at which so few misses still have a probability of 5 % (Clopper and Pearson), by bisection."""
    if misses >= runs:
        return 1.0
    low, high = misses / runs, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        probability = sum(math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(misses + 1))
        low, high = (rate, high) if probability > 1 - CONFIDENCE else (low, rate)
    return high


def bar_problems(assignment: Assignment, report: Report) -> list[str]:
    """A text for each bar in a report that was not measured, or in too few runs, or that the reference has missed.

    report : of the reference.
    """
    stored = read(assignment)
    problems = []
    for test in report.tests:
        times = report.timings.trainings.get(test.id)
        if times is None:
            continue
        calibrated = stored.get(times.profile, {}).get(test.name, {}).get("measured", {})
        for measurement in times.measured:
            row = calibrated.get(measurement.name, {"bar": None})
            if problem := _problem(row, measurement.bar):
                bar = f"{measurement.bar:g} {measurement.unit} for {measurement.name}"
                problems.append(
                    f"{test.id}: the bar of {bar} {problem}; run "
                    f"`deepgrade calibrate {assignment.name} --test {test.name} --write`"
                )
    return problems


def _problem(row: dict[str, Any], bar: float) -> str:
    """What is wrong with the measurements of a bar. Empty if nothing is."""
    if row["bar"] != bar:
        return "was never measured against"
    measured = summary(row)
    if measured["misses"]:
        return (
            f"was missed by the reference in {measured['misses']:g} of {measured['runs']:g} runs, so right code loses "
            "points; choose another bar"
        )
    if measured["runs"] < RUNS:
        return f"was measured in {measured['runs']:g} of {RUNS} runs"
    return ""
