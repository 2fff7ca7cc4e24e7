"""Results that were made with other tests than those of today: as long as there are some, grades are not comparable."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.courses import courses
from grader_service.database.models import Course, CourseAssignment, Membership, Submission
from grader_service.grading import results, scores
from grader_service.grading.scores import Cell


def find(session: Session, course: Course, tests: Mapping[str, str]) -> dict[str, list[int]]:
    """By assignment, the submissions of students whose results can count and were made with other tests.

    tests : by assignment, the hash of its tests today; of others nothing is said
    """
    known = results.tests_of(session, course)
    changed = {name for name, digest in tests.items() if known.get(name, set()) - {digest}}
    students = sa.select(Membership.person_id).where(Membership.course_id == course.id, Membership.role == "student")
    people = set(session.scalars(students)) if changed else set()
    found = {}
    for chosen in courses.assignments(session, course):
        if chosen.assignment in changed and (
            numbers := _numbers(session, course, chosen, people, tests[chosen.assignment])
        ):
            found[chosen.assignment] = numbers
    return found


def _numbers(session: Session, course: Course, chosen: CourseAssignment, people: set[int], digest: str) -> list[int]:
    cells = scores.load(session, course, [chosen]).cells
    mine = [number for key, cell in cells.items() if key[0] in people for number in _can_count(cell)]
    outcomes = results.counting(session, Submission.course_id == course.id, Submission.assignment == chosen.assignment)
    return sorted(
        number
        for number in mine
        if number in outcomes and outcomes[number].graded and outcomes[number].tests_sha256 not in ("", digest)
    )


def _can_count(cell: Cell) -> list[int]:
    """Where the best one counts, each may be the best by the tests of today."""
    if cell.terms.counts == "best":
        return [attempt.id for attempt in cell.attempts]
    code = cell.score.code
    return [code.id] if code else []
