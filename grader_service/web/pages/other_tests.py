"""Finds results that were made with other tests than the current ones, for the pages of grades."""

from __future__ import annotations

from contextlib import suppress

from autograder.core.errors import UnknownAssignment
from grader_service.courses import courses
from grader_service.grading import other_tests
from grader_service.grading.gradebook import Book
from grader_service.web.pages import course, grades, here, reading


def find(book: Book | None = None) -> dict[str, list[int]]:
    """By assignment, the submissions to grade again. `book`: the gradebook, if the page has loaded
    it; otherwise it is loaded if there are such results."""
    course_assignments = (
        [column.course_assignment for column in book.columns] if book else courses.assignments(reading(), here())
    )
    tests = {}
    for one in course_assignments:
        with suppress(UnknownAssignment, OSError):  # the disk does not have it: there are no current tests
            tests[one.assignment] = course()[one.assignment].tests_sha256()
    if not other_tests.changed(reading(), here(), tests):
        return {}
    return other_tests.find(reading(), book or grades.book(), tests)
