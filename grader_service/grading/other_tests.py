"""Results that were made with other tests than those of today: as long as there are some, grades are not comparable."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from grader_service.database.models import Course, CourseAssignment, Submission
from grader_service.grading import results
from grader_service.grading.gradebook import Book, Entry


def changed(session: Session, course: Course, tests: Mapping[str, str]) -> set[str]:
    """The assignments of which some result, of whomever, was made with other tests.

    tests : by assignment, the hash of its tests today; of others nothing is said
    """
    known = results.tests_of(session, course)
    return {name for name, digest in tests.items() if known.get(name, set()) - {digest}}


def find(session: Session, book: Book, tests: Mapping[str, str]) -> dict[str, list[int]]:
    """By assignment of the book, the submissions of students whose results can count and were made with other tests."""
    of_course = Submission.course_assignment_id.in_(CourseAssignment.ids_in(book.course.id))
    outcomes = results.counting(session, of_course)
    found = {}
    for place, column in enumerate(book.columns):
        today = ("", tests.get(column.name, ""))
        found[column.name] = sorted(
            number
            for row in book.rows
            for number in _can_count(row.entries[place])
            if number in outcomes and outcomes[number].graded and outcomes[number].tests_sha256 not in today
        )
    return {name: numbers for name, numbers in found.items() if numbers and name in tests}


def _can_count(entry: Entry) -> list[int]:
    """Where the best one counts, each may be the best by the tests of today."""
    if entry.cell.terms.counts == "best":
        return [attempt.id for attempt in entry.cell.attempts]
    return [entry.score.code.id] if entry.score.code else []
