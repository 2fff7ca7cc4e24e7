"""What the handout of an assignment is compared with, loaded by path. test_numbers_of_NAME.py is about NAME."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from loading import load
from narrowing import not_none

from autograder.course.course import Assignment, Course


@pytest.fixture(scope="module")
def assignment(request: pytest.FixtureRequest) -> Assignment:
    name = request.path.stem.removeprefix("test_numbers_of_")
    return Course(Path(__file__).resolve().parents[2])[name]


@pytest.fixture(scope="module")
def oracle(assignment: Assignment) -> ModuleType:
    """The hidden tests."""
    return load(not_none(assignment.solution) / "test_hidden.py")


@pytest.fixture(scope="module")
def public(assignment: Assignment) -> ModuleType:
    """The public tests."""
    return load(assignment.folder / "test_public.py")


@pytest.fixture(scope="module")
def reference(assignment: Assignment) -> ModuleType:
    return load(not_none(assignment.solution) / f"{assignment.manifest.module}.py")
