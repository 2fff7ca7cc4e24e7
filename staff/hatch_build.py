"""Names the files of deepgrade-staff: the service, and the course with its solutions and hidden tests as data.

    here                    in an sdist             in a wheel
    ../grader_service       grader_service          grader_service
    ../assignments          assignments             deepgrade_course/assignments
    ../solutions            solutions               deepgrade_course/solutions

Nobody imports the course, so a wheel has it in a folder of its own, where autograder/course/course.py finds it. An
editable install packs no files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = {
    "grader_service": "grader_service",
    "assignments": "deepgrade_course/assignments",
    "solutions": "deepgrade_course/solutions",
}
LEFT_OUT = ("__pycache__", "figures")  # made by running things
NOTE = "deepgrade-staff holds the solutions and the hidden tests of every assignment: keep it as you keep an exam"


class StaffHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is collected. Raises FileNotFoundError where one of the folders is missing."""
        if version == "editable":
            return
        self.app.display_warning(NOTE)
        here = Path(self.root)
        parent = here if (here / "grader_service").is_dir() else here.parent
        for name, in_wheel in FOLDERS.items():
            if not (parent / name).is_dir():
                raise FileNotFoundError(
                    f"{parent / name}: this folder belongs to deepgrade-staff; build it in a checkout"
                )
            place = in_wheel if self.target_name == "wheel" else name
            for path in files_below(parent / name):
                build_data["force_include"][str(path)] = f"{place}/{path.relative_to(parent / name).as_posix()}"


def files_below(folder: Path) -> Iterator[Path]:
    """Every file but hidden ones and those that running things has made."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in LEFT_OUT)
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))
