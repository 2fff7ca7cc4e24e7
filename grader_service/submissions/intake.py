"""Handing in, for pages and programs alike: from the bytes of a zip, or of a written part, to the receipt."""

from __future__ import annotations

import logging
import re
import secrets
from typing import Any

from sqlalchemy.orm import Session

from autograder.core.errors import GraderError, Refused
from autograder.course.course import Assignment
from autograder.course.submission import read_zip
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
    """The submission, when it is stored. Raises Refused with the reason, and then nothing is stored.

    session : for reading
    form_key : of one rendering of a form, or of one call of a program: sent again it is the same submission.
    waited : seconds since the last byte came. What waited for a thread is not late for it.
    """
    received_at = submissions.now(session) - waited
    read = read_zip(data, assignment.manifest)
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
        notes=read.notes,
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
    """The written part of an assignment, as `hand_in` takes its code; no worker grades it. Raises Refused, too, for an
    assignment that asks for none, and for a PDF that cannot be opened: it would replace one that can."""
    received_at = submissions.now(session) - waited
    chosen = courses.assignment(session, course, name)
    if chosen is None or not chosen.written_points:
        raise Refused("this assignment has no written part")
    kind = written.kind_of(data)
    written.fits_name(kind, filename)
    if kind == "pdf" and (trouble := _unreadable(data)):
        raise Refused(trouble)
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
        return ""  # our fault, and nobody's work is lost by it


def _accepted(
    services: Services, person: Person, course: Course, name: str, data: bytes, form_key: str, **how: Any
) -> Submission:
    """The bytes into the store, and then what names them into the database."""
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
            **how,
        )


def new_key() -> str:
    return secrets.token_urlsafe(18)
