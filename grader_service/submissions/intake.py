"""Handing in, for pages and programs alike: from the bytes of a zip, or of a written part, to the receipt."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import current_app, request
from sqlalchemy.orm import Session

from autograder.course import Assignment
from autograder.errors import Refused
from autograder.submission import read_zip
from grader_service.courses import courses
from grader_service.database.models import Course, Person, Submission
from grader_service.queue import enqueue
from grader_service.submissions import submissions, written
from grader_service.web.pages import database, files, settings
from grader_service.web.server import WAITED

FORM_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


def hand_in(
    session: Session,
    person: Person,
    course: Course,
    assignment: Assignment,
    data: bytes,
    *,
    filename: str,
    form_key: str,
) -> Submission:
    """The submission, when it is stored. Raises Refused with the reason, and then nothing is stored.

    session : for reading
    form_key : of one rendering of a form, or of one call of a program: sent again it is the same submission.
    """
    received_at = _received_at(session)
    read = read_zip(data, assignment.manifest)
    needs = enqueue.needs(
        assignment.manifest, long_seconds=settings().long_seconds, course=current_app.extensions["version"].lately()
    )
    submission = _accepted(
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
    current_app.extensions["engine"].ring(needs.queue)
    return submission


def hand_in_written(
    session: Session, person: Person, course: Course, name: str, data: bytes, *, filename: str, form_key: str
) -> Submission:
    """The written part of an assignment, as `hand_in` takes its code; no worker grades it. Raises Refused, too, for an
    assignment that asks for none."""
    received_at = _received_at(session)
    chosen = courses.assignment(session, course, name)
    if chosen is None or not chosen.written_points:
        raise Refused("the assignment asks for no written part")
    written.kind_of(data)
    submission = _accepted(
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
    current_app.extensions["renderer"].later(person.id, submission.sha256)
    return submission


def _received_at(session: Session) -> float:
    """When the last byte had come, by the database's clock: what waited for a thread afterwards is not late for it."""
    return submissions.now(session) - request.environ.get(WAITED, 0.0)


def _accepted(person: Person, course: Course, name: str, data: bytes, form_key: str, **how: Any) -> Submission:
    """The bytes into the store, and then what names them into the database."""
    stored = files().keep(data)
    with database().write() as writing:
        return submissions.accept(
            writing,
            person,
            course,
            name,
            upload=stored,
            keep_still=lambda: files().keep_still(stored, data),
            form_key=form_key if FORM_KEY.fullmatch(form_key) else new_key(),
            **how,
        )


def new_key() -> str:
    return secrets.token_urlsafe(18)
