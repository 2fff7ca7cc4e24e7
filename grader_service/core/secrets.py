"""The service's secrets, each made once and kept in a file that nobody else can read.

DEEPGRADE_HOME/session.key     signs cookies; losing it signs everybody out
DEEPGRADE_HOME/course.secret   seeds the hidden tests; the same one that `deepgrade grade` uses on this machine
"""

from __future__ import annotations

import os

from autograder.core.errors import DeepgradeError
from autograder.course import secrets
from grader_service.core.settings import Settings


def must_not_be_lost(settings: Settings, graded: bool) -> None:
    """Raises DeepgradeError where there are reports, and the secret that drew their examples is gone.

    With another one made up in its place, every regrade would differ and nobody would know why.
    """
    if graded and not _has_secret(settings):
        raise DeepgradeError(
            f"{settings.home / 'course.secret'}: is missing, but existing reports were made with it; "
            "restore it from a backup, or set DEEPGRADE_SECRET; use a new secret only if the old one is lost"
        )


def must_be_given(settings: Settings) -> None:
    """Raises DeepgradeError on a host that has no secret: one that it made up would be no other host's."""
    if not _has_secret(settings):
        raise DeepgradeError(
            "This host has no course secret. Set DEEPGRADE_SECRET to the value used by `deepgrade serve`."
        )


def _has_secret(settings: Settings) -> bool:
    return "DEEPGRADE_SECRET" in os.environ or (settings.home / "course.secret").exists()


def session_key(settings: Settings) -> bytes:
    return secrets.load_or_make(settings.make_home() / "session.key")


def course_secret(settings: Settings) -> bytes:
    return secrets.course_secret({**os.environ, "DEEPGRADE_HOME": str(settings.home)})
