"""Hostile answers to all tests of all assignments: nothing that a student returns is our fault, or worth a point.

A grading asks every test of an assignment once; in each test all functions answer with values drawn from a seed
(hostile_values.py). DEEPGRADE_HOSTILE_SEEDS says how many gradings each assignment has; `make test` has one for some.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

from autograder.course.course import Course, find_course
from autograder.course.submission import Submission, sha256_of
from autograder.grade import grade

SOURCE = (Path(__file__).parent / "support" / "hostile_values.py").read_text()
SEEDS = int(os.environ.get("DEEPGRADE_HOSTILE_SEEDS", "0"))
QUICK = ("softmax", "backprop", "conv", "optimizers", "autoencoder")  # 200 tests and more together, without torch
COURSE: Course = find_course()
CASES = [
    (assignment.name, seed)
    for assignment in COURSE
    for seed in range(SEEDS or 1)
    if SEEDS or assignment.name in QUICK
]  # fmt: skip


def answers(name: str, seed: int) -> Submission:
    """What is handed in: every file of the manifest that is not the module is the stub's."""
    assignment = COURSE[name]
    source = SOURCE.replace("SEED = 0", f"SEED = {seed}")
    files = {**assignment.stub(), f"{assignment.manifest.module}.py": source.encode()}
    return Submission(files, sha256_of(files))


@pytest.mark.some_cases(len(CASES) if SEEDS else 3)
@pytest.mark.threat(55)
@pytest.mark.parametrize(("name", "seed"), CASES)
def test_a_hostile_answer_is_a_failed_test_and_no_fault_of_ours(name, seed):
    seed = seed if SEEDS else zlib.crc32(COURSE[name].tests_sha256().encode())  # other ones as the tests change
    report = grade(COURSE[name], answers(name, seed), secret=b"hostile answers", shrink=False)
    assert report.state == "graded"
    assert {test.id: test.verdict for test in report.tests if test.verdict == "grader_error"} == {}
    earned = {test.name: test.points for test in report.tests if test.points}
    assert earned == {}, f"seed {seed}"
