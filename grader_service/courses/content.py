"""The files of an assignment on the disk. A course may have an assignment whose files are missing."""

from __future__ import annotations

from autograder.core.errors import UnknownAssignment
from autograder.course.course import Assignment
from autograder.course.course import Course as Content


def assignment(content: Content, name: str) -> Assignment | None:
    """None if the disk does not have it."""
    try:
        return content[name]
    except UnknownAssignment:
        return None


def title(content: Content, name: str) -> str:
    """The title of an assignment, or its name if the disk does not have it."""
    existing = assignment(content, name)
    return existing.manifest.title if existing else name
