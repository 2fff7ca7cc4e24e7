"""A report holds exactly the assignment's tests, or there is none."""

from __future__ import annotations

import pytest

from autograder import grade as grading
from autograder.core.errors import GraderError
from autograder.course.submission import Submission, sha256_of
from autograder.report import completeness
from autograder.report.schema import TestResult

TESTS = """
import pytest
from hypothesis import given, strategies as st

@pytest.mark.parametrize("n", [1, 2])
def test_cases(student, n): pass

@given(x=st.integers())
def test_drawn(student, x): pass

def test_timed(*, race): pass

def test_of_the_authors_own(): pass

def helper(student): pass
"""
ALL = ["test_cases[1]", "test_cases[2]", "test_drawn", "test_timed"]


def results(names: list[str]) -> list[TestResult]:
    return [TestResult(f"test_hidden.py::{name}", name, "law", "p", 0, 0, "hidden", "passed") for name in names]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "test_hidden.py"
    path.write_text(TESTS)
    return path


def test_all_tests_are_a_whole_report(file):
    completeness.check(results(ALL), [file])


@pytest.mark.threat(58)
@pytest.mark.parametrize("left_out", [["test_drawn"], ["test_timed"], ["test_cases[1]", "test_cases[2]"], ALL])
def test_a_report_that_lacks_a_test_is_our_fault(file, left_out):
    with pytest.raises(GraderError, match="was not graded"):
        completeness.check(results([name for name in ALL if name not in left_out]), [file])


def test_a_test_that_was_graded_twice_is_our_fault(file):
    with pytest.raises(GraderError, match=r"test_drawn was graded twice"):
        completeness.check(results([*ALL, "test_drawn"]), [file])


@pytest.mark.threat(58)
def test_what_leaves_tests_out_of_a_grading_is_our_fault(tiny):
    """As `-k` in a variable of the caller's would, if it came so far."""
    text = tiny.hidden_tests.read_text()
    tiny.hidden_tests.write_text(
        text + "\n\nfor name in [n for n in dict(globals()) if 'gradient' in n]: del globals()[name]\n"
    )
    files = tiny.reference()
    with pytest.raises(GraderError, match="was not graded"):
        grading.grade(tiny, Submission(files, sha256_of(files)), secret=b"secret")
