"""What a handout says of points is what its tests give."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loading import load

from autograder.course.course import Assignment, Course

COURSE = Course(Path(__file__).resolve().parent.parent.parent)
ROW = re.compile(r"^\| .* \| (\d+) \|$", re.MULTILINE)
SHARE = re.compile(r"^(\d+) of the 100 points are for the public tests\.", re.MULTILINE)


@pytest.fixture(params=[assignment.name for assignment in COURSE])
def assignment(request) -> Assignment:
    return COURSE[request.param]


@pytest.fixture
def handout(assignment) -> str:
    return (assignment.folder / "README.md").read_text(encoding="utf-8")


def graded(handout: str) -> str:
    return handout.partition("## What is graded")[2].partition("\n## ")[0]


def points_of(path: Path) -> Iterator[float]:
    """Of each test of a file, and of each case of a parametrised one."""
    for name, function in inspect.getmembers(load(path), inspect.isfunction):
        if name.startswith("test_"):
            marks = getattr(function, "pytestmark", [])
            own = next((mark.args[0] for mark in marks if mark.name == "points"), 0.0)
            for case in _cases(marks):
                yield next((mark.args[0] for mark in getattr(case, "marks", ()) if mark.name == "points"), own)


def _cases(marks: list[Any]) -> list[Any]:
    """Of the one parametrisation; a test without one is a case."""
    return next((list(mark.args[1]) for mark in marks if mark.name == "parametrize"), [None])


def test_the_table_of_problems_has_the_manifests_points(assignment, handout):
    told = [int(number) for number in ROW.findall(graded(handout))]
    if told:
        assert told == [problem.points for problem in assignment.manifest.problems]


def test_the_share_of_the_public_tests_is_told_rightly(assignment, handout):
    told = SHARE.search(graded(handout))
    if told:
        assert int(told[1]) == sum(points_of(assignment.folder / "test_public.py"))
