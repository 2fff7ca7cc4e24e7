"""The version by which a machine grades: of the course's contents, and of the secret that draws the examples.

"3f2a9c81d04b-7e1c90": a host whose version differs before the dash has another course (or another deepgrade); one that
differs after it has another DEEPGRADE_SECRET. Either way it would give other reports, so it gets no job.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time

from autograder.core.errors import BadCourse
from autograder.course import bundle
from autograder.course.course import Course
from grader_service.core import secrets
from grader_service.core.settings import Settings

FRESH_SECONDS = 1.0


class Version:
    """The version as the files are now."""

    def __init__(self, settings: Settings, course: Course) -> None:
        self._contents = bundle.Contents(course, bundle.data_folders())
        self._secret = hmac.new(secrets.course_secret(settings), b"version", hashlib.sha256).hexdigest()[:6]
        self._lock = threading.Lock()
        self._last = ""
        self._at = 0.0

    def now(self) -> str:
        """Looks at every file. Raises BadCourse where one cannot be read."""
        with self._lock:
            self._last = f"{self._contents.version}-{self._secret}"
            self._at = time.monotonic()
            return self._last

    def lately(self) -> str:
        """As it was within the last second, or when it could last be read."""
        if not self._last or time.monotonic() - self._at > FRESH_SECONDS:
            try:
                return self.now()
            except BadCourse:
                if not self._last:
                    raise
        return self._last
