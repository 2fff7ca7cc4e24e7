"""How an assignment went: counts of verdicts, and the distribution of points."""

from __future__ import annotations

import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from autograder.report import schema as reports
from autograder.report.schema import Timings
from grader_service.grading import statistics

from ..support.pages_list import RIGHT_REPORT, report, result


def told(*verdicts: str) -> list[bytes]:
    return [reports.to_json(report(result("test_a", "public", verdict))) for verdict in verdicts]


def test_each_test_has_its_verdicts_counted():
    (tally,) = statistics.of_tests(told("passed", "failed", "passed", "timed_out"))
    assert (tally.total, tally.passed, tally.rate) == (4, 2, 0.5)
    assert [(verdict, count) for verdict, count, _, _ in tally.parts] == [
        ("passed", 2),
        ("failed", 1),
        ("timed_out", 1),
    ]
    assert tally.parts[-1][2] + tally.parts[-1][3] == 100


def test_what_nobody_fails_and_what_most_fail_is_said_of_enough_reports_alone():
    assert statistics.of_tests(told(*["passed"] * 4))[0].note == ""
    assert statistics.of_tests(told(*["passed"] * 5))[0].note == "nobody fails this test"
    assert statistics.of_tests(told(*["failed"] * 3, "passed", "passed"))[0].note == "most students fail this test"


def test_times_are_the_median_and_what_nine_of_ten_stay_below():
    data = []
    for seconds in range(1, 11):
        timings = Timings(1.0, {RIGHT_REPORT.tests[0].id: float(seconds)})
        data.append(reports.to_json(msgspec.structs.replace(RIGHT_REPORT, timings=timings)))
    tally = statistics.of_tests(data)[0]
    assert (tally.median_seconds, tally.slow_seconds) == (5.5, 10.0)


def test_a_report_that_cannot_be_read_is_passed_over():
    assert statistics.of_tests([b"{", b'{"tests": 3}', *told("passed")])[0].total == 1


@given(points=st.lists(st.floats(0, 100), min_size=1), possible=st.floats(0, 120))
def test_every_student_is_in_one_bar(points, possible):
    spread = statistics.of_points(points, possible)
    assert spread is not None
    assert sum(bar.count for bar in spread.bars) == len(points)
    assert all(0 <= bar.height <= 100 for bar in spread.bars)
    assert math.isfinite(spread.mean)
    assert str(len(points)) in spread.description


def test_without_points_there_is_no_picture():
    assert statistics.of_points([], 5) is None
