"""Results made with other tests than the current ones. While some exist, grades are not comparable."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from grader_service.database.models import Course, CourseAssignment, Submission
from grader_service.grading import results
from grader_service.grading.gradebook import Book, Entry


def changed(session: Session, course: Course, tests: Mapping[str, str]) -> set[str]:
    """The assignments with a result, of any person, that was made with other tests.

    tests : the hash of the current tests, by assignment; other assignments are skipped
    """
    hashes = results.tests_of(session, course)
    return {name for name, digest in tests.items() if hashes.get(name, set()) - {digest}}


def find(session: Session, book: Book, tests: Mapping[str, str]) -> dict[str, list[int]]:
    """The submissions, by assignment, whose results can count and were made with other tests."""
    of_course = Submission.course_assignment_id.in_(CourseAssignment.ids_in(book.course.id))
    outcomes = results.counting(session, of_course)
    outdated = {}
    for index, column in enumerate(book.columns):
        current = ("", tests.get(column.name, ""))
        outdated[column.name] = sorted(
            number
            for row in book.rows
            for number in _can_count(row.entries[index])
            if number in outcomes and outcomes[number].graded and outcomes[number].tests_sha256 not in current
        )
    return {name: numbers for name, numbers in outdated.items() if numbers and name in tests}


def _can_count(entry: Entry) -> list[int]:
    """If the best attempt counts, any attempt may be the best with the current tests."""
    if entry.cell.terms.counts == "best":
        return [attempt.id for attempt in entry.cell.attempts]
    return [entry.score.code.id] if entry.score.code else []
