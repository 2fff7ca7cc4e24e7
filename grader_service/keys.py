"""The service's secrets, each made once and kept in a file that nobody else can read.

DEEPGRADE_HOME/session.key     signs cookies; losing it signs everybody out
DEEPGRADE_HOME/course.secret   seeds the hidden tests; the same one that `deepgrade grade` uses on this machine
"""

from __future__ import annotations

import os

from autograder import secrets
from grader_service.settings import Settings


def session_key(settings: Settings) -> bytes:
    return secrets.load_or_make(settings.make_home() / "session.key")


def course_secret(settings: Settings) -> bytes:
    return secrets.course_secret({**os.environ, "DEEPGRADE_HOME": str(settings.home)})
