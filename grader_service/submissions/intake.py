"""Handing in, for pages and the API: from the bytes of a zip, a notebook or a written part, to the receipt."""

from __future__ import annotations

import logging
import re
import secrets
from typing import Any

from sqlalchemy.orm import Session

from autograder.core.errors import GraderError, Refused
from autograder.course.course import Assignment
from autograder.course.submission import read_upload
from grader_service.courses import courses
from grader_service.database.models import Course, Person, Submission
from grader_service.queue import enqueue
from grader_service.submissions import rendering, submissions, written
from grader_service.submissions.services import Services

log = logging.getLogger("deepgrade.web")

FORM_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


def hand_in(
    services: Services,
    session: Session,
    person: Person,
    course: Course,
    assignment: Assignment,
    data: bytes,
    *,
    filename: str,
    form_key: str,
    waited: float = 0.0,
) -> Submission:
    """Store a submission and return it. Raises Refused with the reason, and then stores nothing.

    session : for reading
    form_key : identifies one rendering of a form, or one call of a program; a repeated key is the same submission.
    waited : seconds since the last byte was received, so that waiting for a thread does not make it late.
    """
    received_at = submissions.now(session) - waited
    submission_files = read_upload(data, assignment.manifest)
    needs = enqueue.needs(
        assignment.manifest, long_seconds=services.settings.long_seconds, course=services.version.lately()
    )
    submission = _accepted(
        services,
        person,
        course,
        assignment.name,
        data,
        form_key,
        filename=filename,
        notes=submission_files.notes,
        needs=needs,
        received_at=received_at,
    )
    services.notifier.ring(needs.queue)
    return submission


def hand_in_written(
    services: Services,
    session: Session,
    person: Person,
    course: Course,
    name: str,
    data: bytes,
    *,
    filename: str,
    form_key: str,
    waited: float = 0.0,
) -> Submission:
    """Store the written part of an assignment, which no worker grades. The parameters are those of `hand_in`. Raises
    Refused also for an assignment without a written part, and for a PDF that cannot be opened."""
    received_at = submissions.now(session) - waited
    course_assignment = courses.assignment(session, course, name)
    if course_assignment is None or not course_assignment.written_points:
        raise Refused("this assignment has no written part")
    kind = written.kind_of(data)
    written.fits_name(kind, filename)
    if kind == "pdf" and (problem := _unreadable(data)):
        raise Refused(problem)
    submission = _accepted(
        services,
        person,
        course,
        name,
        data,
        form_key,
        filename=filename,
        notes=[],
        needs=None,
        kind="written",
        received_at=received_at,
    )
    services.renderer.later(person.id, submission.sha256)
    return submission


def _unreadable(data: bytes) -> str:
    try:
        return rendering.unreadable(data)
    except GraderError as error:
        log.warning("a written part is accepted unopened: %s", error)
        return ""  # the service failed; the student's work is kept


def _accepted(
    services: Services, person: Person, course: Course, name: str, data: bytes, form_key: str, **details: Any
) -> Submission:
    """Write the bytes into the file store, and then the submission into the database."""
    stored = services.files.keep(data)
    with services.database.write() as writing:
        return submissions.accept(
            writing,
            person,
            course,
            name,
            upload=stored,
            keep_still=lambda: services.files.keep_still(stored, data),
            form_key=form_key if FORM_KEY.fullmatch(form_key) else new_key(),
            **details,
        )


def new_key() -> str:
    return secrets.token_urlsafe(18)
