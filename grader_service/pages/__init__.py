"""What a browser sees, a blueprint per subject."""

from __future__ import annotations

from flask import current_app, request
from flask_login import current_user
from sqlalchemy.orm import Session

from autograder.course import Course
from grader_service.database import LARGEST, Database
from grader_service.files import Files
from grader_service.models import Person
from grader_service.settings import Settings


def reading() -> Session:
    """The request's session for reading."""
    return current_app.extensions["reading"]()


def database() -> Database:
    return current_app.extensions["database"]


def course() -> Course:
    return current_app.extensions["course"]


def files() -> Files:
    return current_app.extensions["files"]


def settings() -> Settings:
    return current_app.extensions["settings"]


def number(name: str) -> int | None:
    """What the address asks for by that name, if it can be the number of a row."""
    given = request.args.get(name, type=int)
    return given if given is not None and 0 <= given <= LARGEST else None


def me() -> Person:
    """Who is signed in: every page but the open ones has somebody."""
    return current_user.person
