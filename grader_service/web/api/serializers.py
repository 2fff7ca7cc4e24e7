"""Rows as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import UnknownAssignment
from grader_service.courses import courses, late_policy
from grader_service.database.models import Course, CourseAssignment, Extension, Membership, Person, Submission
from grader_service.database.session import db_now
from grader_service.grading import results, scores, visibility
from grader_service.grading.results import Outcome
from grader_service.queue import monitor
from grader_service.web import permissions
from grader_service.web.pages import course as content


def of_submissions(session: Session, found: Sequence[Submission]) -> list[dict[str, Any]]:
    """In a query for all of them, and one for the place of each that waits."""
    terms = _terms(session, found)
    outcomes = results.of(session, (one.id for one in found))
    now = session.scalars(sa.select(db_now())).one()
    return [_of_submission(session, one, outcomes.get(one.id), terms, now) for one in found]


Terms = dict[tuple[int, int], late_policy.Terms]


def _terms(session: Session, found: Sequence[Submission]) -> Terms:
    """By the course's assignment and person."""
    people = {one.person_id for one in found}
    rows = session.execute(
        sa.select(CourseAssignment, Course.timezone, Person.id, Extension)
        .join(Course)
        .join(Person, Person.id.in_(people))
        .outerjoin(
            Extension,
            sa.and_(Extension.course_assignment_id == CourseAssignment.id, Extension.person_id == Person.id),
        )
        .where(CourseAssignment.id.in_({one.course_assignment_id for one in found}))
    )
    return {(row.id, person_id): late_policy.terms(row, zone, extension) for row, zone, person_id, extension in rows}


def _of_submission(
    session: Session, one: Submission, outcome: Outcome | None, terms: Terms, now: float
) -> dict[str, Any]:
    job, state = one.job, results.state(one, outcome)
    held = terms[one.course_assignment_id, one.person_id]
    seen = visibility.progress(one, permissions.is_staff_in(one.course_id), held, now)
    told = outcome if outcome is not None and outcome.graded else None
    if not permissions.is_staff_in(one.course_id) and not late_policy.points_shown(held, now):
        told = None  # points are told after the due date
    return {
        "id": one.id,
        "course": one.in_course.slug,
        "assignment": one.assignment,
        "login": one.person.login,
        "received_at": one.received_at,
        "days_late": late_policy.days_late(held, one.received_at),
        "filename": one.filename,
        "sha256": one.sha256,
        "notes": one.notes,
        "kind": one.kind,
        "state": state,
        "place": monitor.place(session, job) if state == "queued" else 0,
        "tests_done": seen.done,
        "tests_total": seen.total,
        "points": told.points if told else None,
        "possible": told.possible if told else None,
    }


def of_assignments(session: Session, course: Course, person: Person, *, unreleased: bool) -> list[dict[str, Any]]:
    """What a course has, in its order, and how somebody stands in it. `unreleased` : also what is not released yet."""
    now = session.scalar(sa.select(db_now())) or 0.0
    table = scores.load(session, course, courses.assignments(session, course), person=person)
    found = []
    for chosen in table.assignments:
        cell = table.cell(person.id, chosen)
        told = unreleased or cell.score.overridden or late_policy.points_shown(cell.terms, now)
        try:
            manifest = content()[chosen.assignment].manifest
        except UnknownAssignment:
            continue  # the disk has lost it: nobody can hand it in
        if not (unreleased or late_policy.released(cell.terms, now)):
            continue
        found.append(
            {
                "name": chosen.assignment,
                "title": manifest.title,
                "points": manifest.points,
                "files": manifest.files,
                "upload_kb": manifest.limits.upload_kb,
                "draft": cell.terms.draft,
                "release_at": cell.terms.release_at,
                "due_at": cell.terms.due_at,
                "hard_end_at": cell.terms.hard_end_at,
                "weight": chosen.weight,
                "submissions": len(cell.attempts),
                "points_counted": cell.score.points if told else None,
                "to_mark": cell.unmarked,
            }
        )
    return found


def of_scores(session: Session, course: Course) -> list[dict[str, Any]]:
    """Everybody's, of the course's students in the order of logins."""
    table = scores.load(session, course, courses.assignments(session, course))
    students = session.execute(
        sa.select(Person.id, Person.login, Person.name)
        .join(Membership)
        .where(Membership.course_id == course.id, Membership.role == "student")
        .order_by(Person.login)
    )
    return [
        {
            "login": one.login,
            "name": one.name,
            "points": {chosen.assignment: table.cell(one.id, chosen).score.points for chosen in table.assignments},
        }
        for one in students
    ]
