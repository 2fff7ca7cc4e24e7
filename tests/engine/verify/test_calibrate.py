"""Bars were measured with the reference, in several runs, and it has missed none."""

from __future__ import annotations

import json

import pytest

from autograder.report.schema import Measured, Report, TestResult, Timings, TrainingTimes
from autograder.verify import calibrate

TEST = "test_hidden.py::test_reads"


def report(bar: float, name: str = "accuracy") -> Report:
    times = TrainingTimes("cpu", 1.0, measured=[Measured(name, 97.0, bar)])
    test = TestResult(TEST, "test_reads", "It reads.", "reading", 1, 1, "hidden", "passed")
    return Report("tiny", "Tiny", "graded", tests=[test], timings=Timings(trainings={TEST: times}))


def store(tiny, values, at_least=True):
    row = {"bar": 90.0, "unit": "%", "at_least": at_least, "values": values}
    calibration = {"cpu": {"test_reads": {"runs": len(values), "measured": {"accuracy": row}}}}
    (tiny.solution / "calibration.json").write_text(json.dumps(calibration))


def test_a_bar_that_was_measured_and_never_missed_is_no_problem(tiny):
    store(tiny, [91.0, 92.0, 95.0, 90.0])
    assert calibrate.bar_problems(tiny, report(90.0)) == []


@pytest.mark.parametrize(
    "values, at_least, asked, problem",
    [
        ([91.0, 92.0, 95.0, 97.0], True, report(91.0), "91 % for accuracy was never measured against"),
        ([91.0, 92.0, 95.0, 97.0], True, report(90.0, "loss"), "90 % for loss was never measured against"),
        ([89.9, 92.0, 95.0, 97.0], True, report(90.0), "was missed by the reference in 1 of 4 runs"),
        ([91.0, 92.0, 80.0, 70.0], False, report(90.0), "was missed by the reference in 2 of 4 runs"),
        ([91.0, 92.0, 95.0], True, report(90.0), "was measured in 3 of 4 runs"),
    ],
)
def test_a_bar_without_good_measurements_is_named(tiny, values, at_least, asked, problem):
    store(tiny, values, at_least)
    (found,) = calibrate.bar_problems(tiny, asked)
    assert found.startswith(f"{TEST}: the bar of ")
    assert problem in found
    assert found.endswith("run `deepgrade calibrate tiny --test test_reads --write`")


def test_without_a_calibration_each_bar_is_named(tiny):
    assert len(calibrate.bar_problems(tiny, report(90.0))) == 1
