"""The pages for browsers, one blueprint per subject."""

from __future__ import annotations

from flask import current_app, request
from sqlalchemy.orm import Session

from autograder.course.course import Course
from autograder.report.visibility import Viewer
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.session import LARGEST, Database
from grader_service.grading import submission_view
from grader_service.grading.submission_view import SubmissionView
from grader_service.submissions.services import Services
from grader_service.web.permissions import asked, here, is_staff_here, me
from grader_service.web.server import WAITED

__all__ = [
    "asked",
    "course",
    "database",
    "files",
    "here",
    "is_staff_here",
    "me",
    "number",
    "reading",
    "services",
    "settings",
    "shown",
    "viewer",
    "waited",
]


def reading() -> Session:
    """The request's session for reading."""
    session: Session = current_app.extensions["reading"]()
    return session


def services() -> Services:
    app_services: Services = current_app.extensions["services"]
    return app_services


def database() -> Database:
    return services().database


def course() -> Course:
    """The assignments on the disk; `here()` is the course of the request's address."""
    return services().course


def files() -> Files:
    return services().files


def settings() -> Settings:
    return services().settings


def number(name: str) -> int | None:
    """The value of that name in the address, if it can be the number of a row."""
    given = request.args.get(name, type=int)
    return given if given is not None and 0 <= given <= LARGEST else None


def waited() -> float:
    """Seconds since the last byte of this request was received: the request may have waited for a thread."""
    seconds: float = request.environ.get(WAITED, 0.0)
    return seconds


def viewer() -> Viewer:
    """Staff see everything; with `?view=student` they see what the student sees."""
    return "staff" if is_staff_here() and request.args.get("view") != "student" else "student"


def shown() -> SubmissionView:
    """The submission of this request's address, as the viewer may see it."""
    return submission_view.view(reading(), course(), asked(), viewer())
