"""What lies on the disk of an assignment, for a course that may name one that the disk has lost."""

from __future__ import annotations

from autograder.core.errors import UnknownAssignment
from autograder.course.course import Assignment
from autograder.course.course import Course as Content


def assignment(content: Content, name: str) -> Assignment | None:
    """None where the disk has lost it."""
    try:
        return content[name]
    except UnknownAssignment:
        return None


def title(content: Content, name: str) -> str:
    """Of an assignment; its name, where the disk has lost it."""
    existing = assignment(content, name)
    return existing.manifest.title if existing else name
