"""Uploads for measurements over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from autograder.course import submission
from autograder.course.course import Assignment


def references(assignment: Assignment) -> Iterator[bytes]:
    """Zips of the reference, each with another comment: the same files again would not be graded."""
    files, module = assignment.reference(), f"{assignment.manifest.module}.py"
    for number in itertools.count():
        yield submission.zipped({**files, module: files[module] + f"\n# {number}\n".encode()})
