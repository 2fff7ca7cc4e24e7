"""Rows as JSON objects of the API."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.report.visibility import Viewer
from grader_service.courses import content, courses, late_policy
from grader_service.database.models import Course, Membership, Person, Submission
from grader_service.database.session import db_now
from grader_service.grading import scores, submission_view
from grader_service.grading.submission_view import Answered, Summary
from grader_service.web import permissions
from grader_service.web.pages import course as course_on_disk


def of_submissions(session: Session, query: sa.Select[Any]) -> list[dict[str, Any]]:
    """The facts of all submissions that a query selects."""
    return [of_submission(one) for one in submission_view.summaries(session, query, _viewer_of)]


def of_submission(shown: Summary) -> dict[str, Any]:
    submission, receipt = shown.submission, shown.receipt
    return {
        "id": submission.id,
        "course": submission.in_course.slug,
        "assignment": submission.assignment,
        "login": submission.person.login,
        "received_at": submission.received_at,
        "days_late": receipt.days_late,
        "filename": submission.filename,
        "sha256": submission.sha256,
        "notes": submission.notes,
        "kind": submission.kind,
        "state": shown.state,
        "place": shown.place,
        "tests_done": shown.progress.done,
        "tests_total": shown.progress.total,
        "points": shown.points,
        "possible": shown.possible,
        "answered_from": _of_answered(shown.answered),
    }


def _of_answered(answered: Answered | None) -> dict[str, Any] | None:
    if answered is None:
        return None
    return {"submission": answered.submission, "graded_at": answered.at, "tests": answered.tests}


def _viewer_of(submission: Submission) -> Viewer:
    return "staff" if permissions.is_staff_in(submission.course_id) else "student"


def of_assignments(session: Session, course: Course, person: Person, *, unreleased: bool) -> list[dict[str, Any]]:
    """A course's assignments in order, with one person's points. `unreleased`: also those that are not released yet."""
    now = session.scalar(sa.select(db_now())) or 0.0
    table = scores.load(session, course, courses.assignments(session, course), person=person)
    facts = []
    for course_assignment in table.assignments:
        cell = table.cell(person.id, course_assignment)
        shows_points = unreleased or cell.score.overridden or late_policy.points_shown(cell.terms, now)
        assignment = content.assignment(course_on_disk(), course_assignment.assignment)
        if assignment is None:
            continue  # nobody can hand it in
        if not (unreleased or late_policy.released(cell.terms, now)):
            continue
        manifest = assignment.manifest
        facts.append(
            {
                "name": course_assignment.assignment,
                "title": manifest.title,
                "points": manifest.points,
                "files": manifest.files,
                "upload_kb": manifest.limits.upload_kb,
                "draft": cell.terms.draft,
                "release_at": cell.terms.release_at,
                "due_at": cell.terms.due_at,
                "hard_end_at": cell.terms.hard_end_at,
                "weight": course_assignment.weight,
                "submissions": len(cell.attempts),
                "points_counted": cell.score.points if shows_points else None,
                "to_mark": cell.unmarked,
            }
        )
    return facts


def of_scores(session: Session, course: Course) -> list[dict[str, Any]]:
    """The points of the course's students, in the order of their logins."""
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
            "points": {
                course_assignment.assignment: table.cell(one.id, course_assignment).score.points
                for course_assignment in table.assignments
            },
        }
        for one in students
    ]
