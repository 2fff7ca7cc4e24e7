"""A new assignment: two folders that are copied from here, complete and sound, for an author to edit.

In the names and texts of the files, NAME is replaced by the name of the new assignment.
"""

from __future__ import annotations

import keyword
import re
import shutil
from pathlib import Path

from autograder.core.errors import DeepgradeError
from autograder.course.course import Course
from autograder.course.manifest import NAME, is_imported_by_others

HERE = Path(__file__).parent
OTHER_FILES = ("conftest", "experiment", "mutants", "test_hidden", "test_public", "variants")
BESIDE = re.compile(r"\..*|solutions|.*\.(md|txt|toml)|LICENSE.*")  # what an empty folder may hold


def begin(root: Path, name: str) -> list[Path]:
    """Write a new assignment into a course, or into an empty folder, which becomes a course.

    Raises DeepgradeError if the folder is neither, and for the reasons of `create`.
    """
    if not root.is_dir():
        raise DeepgradeError(f"{root}: does not exist; create the folder first")
    unexpected = [path.name for path in root.iterdir() if not BESIDE.fullmatch(path.name)]
    if not (root / "assignments").is_dir() and unexpected:
        raise DeepgradeError(
            f"{root}: is neither empty nor a course (it has no folder `assignments`); go to one of these, "
            "or name it with --course DIR"
        )
    return _write(root, name)


def create(course: Course, name: str) -> list[Path]:
    """Write the students' and the staff's half of assignment `name`. Returns the files.

    Raises DeepgradeError for a name that is not valid, in use, or the name of another module, and if the course cannot
    be written to.
    """
    return _write(course.root, name)


def _write(root: Path, name: str) -> list[Path]:
    if not NAME.fullmatch(name):
        raise DeepgradeError(
            f"{name!r} cannot name an assignment; use lower-case letters, digits and _, a letter first"
        )
    if keyword.iskeyword(name):
        raise DeepgradeError(
            f"{name!r} is a keyword of Python, so {name}.py could not be imported; choose another name"
        )
    if name in OTHER_FILES:
        raise DeepgradeError(f"{name!r} is the name of another file of an assignment; choose another name")
    if is_imported_by_others(name):
        raise DeepgradeError(
            f"{name!r} names a module that others import, and {name}.py would take its place; choose another name"
        )
    halves = {"assignment": root / "assignments" / name, "solution": root / "solutions" / name}
    for folder in halves.values():
        if folder.exists():
            raise DeepgradeError(f"{folder}: is already there; choose another name")
    written = []
    try:
        for half, folder in halves.items():
            for source in sorted(path for path in (HERE / half).rglob("*") if path.is_file()):
                if "__pycache__" not in source.parts:
                    path = folder / str(source.relative_to(HERE / half)).replace("NAME", name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(source.read_text(encoding="utf-8").replace("NAME", name), encoding="utf-8")
                    written.append(path)
    except OSError as error:
        for folder in halves.values():
            shutil.rmtree(folder, ignore_errors=True)
        raise DeepgradeError(
            f"{error.filename}: cannot be written ({error.strerror}); name a course of yours with --course DIR"
        ) from error
    return written
