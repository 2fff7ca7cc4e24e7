"""What a test's own work may cost: a student's answer can make it costly, and costs that test alone."""

from __future__ import annotations

import os
import time

import msgspec
import pytest

from autograder import grade as grading
from autograder.core.errors import GraderError
from autograder.course.submission import Submission, sha256_of
from autograder.judge import budget

HEAD = """
import os, re
from pathlib import Path
import numpy as np
from hypothesis import given, strategies as st
from autograder.testing import *

def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = _next(row, i, x, b)
    return row[-1]

def _next(row, i, x, b):
    new = [i]
    for j, y in enumerate(b, 1):
        new.append(min(new[-1] + 1, row[j] + 1, row[j - 1] + (x != y)))
    return new
"""
COSTLY = {
    "a loop in Python": ("check(distance(student.text(), 'abc' * 1000) < 10**9, 'far')", "'ab' * 2000"),
    "a regular expression": ("check(not re.match('(a+)+$', student.text()), 'no')", "'a' * 27 + 'b'"),
    "arithmetic on a square": (
        "x = np.zeros(len(student.text())); check((x[:, None] - x).max() == 0, 'no')",
        "'a' * 12_000",
    ),
}


@pytest.fixture
def judged(tiny):
    """`judged(hidden tests, text() of the student's)`: the report, and the events."""

    def run(tests: str, text: str):
        tiny.hidden_tests.write_text(HEAD + tests)
        reference = tiny.reference()["tiny.py"].decode()
        (tiny.solution / "tiny.py").write_text(f"{reference}\n\ndef text(): return ''\n")
        source = f"{reference}\n\ndef text(): return {text}\n"
        files = {"tiny.py": source.encode()}
        events: list[dict] = []
        submission = Submission(files, sha256_of(files))
        report = grading.grade(tiny, submission, secret=b"secret", on_event=events.append)
        return report, events

    return run


@pytest.mark.threat(54)
@pytest.mark.parametrize(("law", "text"), COSTLY.values(), ids=COSTLY)
def test_a_costly_answer_fails_its_test_and_the_rest_is_graded(judged, law, text):
    tests = f"""
def test_before(student): check(len(student.text()) > 0, 'no text')

@limits(judge_seconds={30 if "np." in law else 0.5}, judge_memory_mb=256)
def test_costly(student):
    {law}

def test_after(student): check(len(student.text()) > 0, 'no text')

@needs("test_costly")
def test_that_depends_on_it(student): assert_equal(1, 2)
"""
    report, events = judged(tests, text)
    found = {test.name: test for test in report.tests}
    assert report.state == "graded"
    assert found["test_costly"].verdict == "failed"
    assert found["test_costly"].failure == "returned something that takes the grader too much time or memory to check"
    assert (found["test_before"].verdict, found["test_after"].verdict) == ("passed", "passed")
    assert found["test_that_depends_on_it"].verdict == "blocked"
    assert [test.name for test in report.tests] == list(dict.fromkeys(test.name for test in report.tests))
    assert [event["event"] for event in events].count("collected") == 1
    finished = [event["test"] for event in events if event["event"] == "finished"]
    assert finished == [test.id for test in report.tests]


def test_an_answer_that_brings_the_judge_down_fails_its_test(judged):
    tests = """
def test_falls(student): os._exit(3) if student.text() else None
def test_after(student): assert_equal(student.text(), "x")
"""
    report, _ = judged(tests, "'x'")
    found = {test.name: test for test in report.tests}
    assert (found["test_falls"].verdict, found["test_after"].verdict) == ("failed", "passed")
    assert "brought the grader's process down" in found["test_falls"].detail


def test_a_judge_that_is_gone_once_is_replaced_and_nobody_loses_a_point(judged, tmp_path):
    """It may have been the machine's fault."""
    tests = f"""
def test_falls(student):
    first = not Path({str(tmp_path / "fell")!r}).exists()
    Path({str(tmp_path / "fell")!r}).touch()
    if first:
        os._exit(3)
    assert_equal(student.text(), "x")
"""
    report, events = judged(tests, "'x'")
    assert [test.verdict for test in report.tests if test.name == "test_falls"] == ["passed"]
    assert [event["event"] for event in events].count("collected") == 1


def test_a_test_that_is_costly_with_the_reference_as_well_is_our_fault(judged):
    tests = """
@limits(judge_seconds=0.3)
def test_costly(student):
    while True:
        pass
"""
    with pytest.raises(
        GraderError, match=r"with the reference as well: .*test_costly: it took the grader more than 0\.3 s"
    ):
        judged(tests, "'x'")


def test_what_each_test_costs_the_judge_is_told_to_staff(judged):
    tests = """
@limits(judge_seconds=7, judge_memory_mb=300)
def test_spends(student):
    for _ in range(30):
        np.linalg.svd(np.random.default_rng(0).normal(size=(60, 60)))
    student.text()
    np.ones(30 * 2**17).sum()
"""
    report, _ = judged(tests, "'x'")
    cost = report.timings.judge["test_hidden.py::test_spends"]
    assert cost.seconds > 0
    assert 25 < cost.memory_mb < 60
    assert (cost.limit_seconds, cost.limit_memory_mb) == (7, 300)
    assert set(report.timings.judge) == {test.id for test in report.tests}


def test_the_judges_memory_is_no_limit_of_the_sandbox(judged):
    tests = """
@limits(judge_memory_mb=32)
def test_large(student): assert_equal(student.text(), 1)
"""
    report, _ = judged(tests, "len(bytearray(400 * 2**20)) // (400 * 2**20)")
    assert [test.verdict for test in report.tests if test.name == "test_large"] == ["passed"]


def test_a_later_costly_test_ends_sooner():
    own = os.getpid()
    assert [budget.Watch.over(own, "t", 10.0, costly).seconds for costly in (0, 1, 4, 9, 50)] == [10, 5, 2, 1, 1]


def test_the_processor_time_of_another_process_is_read():
    before = budget.processor_seconds(os.getpid())
    while time.process_time() < before + 0.02:
        pass
    assert budget.processor_seconds(os.getpid()) > before
    with pytest.raises(OSError):
        budget.processor_seconds(2**22 - 1)


def test_a_limit_of_the_judge_is_in_the_manifest(tiny):
    assert (tiny.manifest.limits.judge_seconds, tiny.manifest.limits.judge_memory_mb) == (10.0, 2048)
    assert msgspec.structs.replace(tiny.manifest.limits, judge_seconds=3.0).judge_seconds == 3.0
