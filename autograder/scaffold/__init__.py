"""A new assignment: two folders copied from here, complete and sound, for an author to edit.

The files beside this one are real; only NAME, in their names and in their text, becomes the new assignment's name.
"""

from __future__ import annotations

import shutil
import sys
from importlib import metadata
from pathlib import Path

from autograder.course import Course
from autograder.errors import DeepgradeError
from autograder.manifest import NAME

HERE = Path(__file__).parent


def create(course: Course, name: str) -> list[Path]:
    """Write the students' and the staff's half of assignment `name`; the files written.

    Raises DeepgradeError for a name that none can have, that is taken or that is another module's, and where the course
    cannot be written to.
    """
    if not NAME.fullmatch(name):
        raise DeepgradeError(
            f"{name!r} cannot name an assignment; use lower-case letters, digits and _, a letter first"
        )
    if name in sys.stdlib_module_names or name in metadata.packages_distributions():
        raise DeepgradeError(
            f"{name!r} names a module that others import, and {name}.py would take its place; choose another name"
        )
    halves = {"assignment": course.root / "assignments" / name, "solution": course.root / "solutions" / name}
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
