"""Catalogues of this machine: <cache>/.mistakes/NAME.catalogue, readable by its owner only.

A file is used only while its key is that of today's tests, reference, mutants and secret. The folder's name begins with
a dot, so that neither a bundle nor the version of a course has it.
"""

from __future__ import annotations

from pathlib import Path

from autograder.core import atomic_files
from autograder.course.course import Assignment
from autograder.datasets import files as data_files
from autograder.mistakes import catalogue
from autograder.mistakes.catalogue import Catalogue

FOLDER = ".mistakes"


def key(assignment: Assignment, secret: bytes) -> str:
    """Of the catalogue for the files as they are today."""
    assert assignment.solution is not None
    parts = [secret, assignment.tests_sha256().encode()]
    for name, content in sorted(assignment.reference().items()):
        parts += [name.encode(), content]
    return catalogue.key_of([*parts, (assignment.solution / "mutants.py").read_bytes()])


def find(assignment: Assignment, secret: bytes) -> Catalogue | None:
    """The catalogue of today's files; None where it was never made, or is of other files."""
    if assignment.solution is None or not (assignment.solution / "mutants.py").is_file():
        return None
    try:
        found = catalogue.unpacked(_path(assignment).read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.key == key(assignment, secret) else None


def keep(assignment: Assignment, made: Catalogue) -> Path:
    """Write the file. Raises OSError."""
    path = _path(assignment)
    path.parent.mkdir(mode=atomic_files.SECRET_FOLDER, parents=True, exist_ok=True)
    atomic_files.whole(path, catalogue.packed(made), mode=atomic_files.SECRET)
    return path


def _path(assignment: Assignment) -> Path:
    return data_files.cache_folder() / FOLDER / f"{assignment.name}.catalogue"
