"""What the pages of grades say where results were made with other tests than those of today."""

from __future__ import annotations

from contextlib import suppress

from autograder.errors import UnknownAssignment
from grader_service.courses import courses
from grader_service.grading import other_tests
from grader_service.web.pages import course, here, reading


def find(name: str | None = None) -> dict[str, list[int]]:
    """By assignment, the submissions to grade again; with a name of that assignment alone."""
    names = [one.assignment for one in courses.assignments(reading(), here())]
    tests = {}
    for one in names:
        if name in (None, one):
            with suppress(UnknownAssignment, OSError):  # the disk has lost it: there are no tests of today
                tests[one] = course()[one].tests_sha256()
    return other_tests.find(reading(), here(), tests)
