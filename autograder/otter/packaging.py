"""Packs both halves of an assignment as text into otter_config.json.

`otter generate` packs many files, but only the configuration reaches every place where otter grades and is never copied
into the folder of students' files. Anyone who has the zip has the hidden tests and the course's secret.
"""

from __future__ import annotations

import base64
import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder import __version__
from autograder.core.errors import BadCourse
from autograder.course.course import Assignment, Course
from autograder.course.submission import zipped
from autograder.mistakes import catalogue, store
from autograder.mistakes.catalogue import Catalogue
from autograder.report import visibility

PLUGIN = "autograder.otter.plugin.Deepgrade"
NOT_GRADED_BY = {"mutants.py", "variants", "figures", "experiment.py", "README.md"}  # proofs, pictures and prose

JUDGES_OWN_TESTS = {"mutants.py", "variants"}  # where students hand in tests of their own


def pack(assignment: Assignment, secret: bytes) -> dict[str, Any]:
    """The plugin's settings. The same inputs give the same settings."""
    if assignment.solution is None:
        raise BadCourse(f"{assignment.name}: this course has no solutions/{assignment.name}; there is nothing to pack")
    halves = {"assignments": assignment.folder, "solutions": assignment.solution}
    known = store.find(assignment, secret)
    files = {
        f"{half}/{assignment.name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for half, folder in halves.items()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _is_needed(path.relative_to(folder), assignment)
    }
    return {
        "assignment": assignment.name,
        "deepgrade": __version__,
        "course": base64.b64encode(zipped(files)).decode(),
        "secret": base64.b64encode(secret).decode(),
        "mistakes": base64.b64encode(catalogue.packed(known)).decode() if known else "",
        "shows_mistakes": visibility.names_are_visible(assignment.manifest.name_mistakes),
    }


def settings(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plugin's settings in an otter_config.json. Raises BadCourse if they are missing."""
    for plugin in config.get("plugins", []):
        if isinstance(plugin, dict) and PLUGIN in plugin:
            options: Mapping[str, Any] = plugin[PLUGIN]
            return options
    raise BadCourse(f"otter_config.json names no plugin {PLUGIN}; make the zip again with `deepgrade otter`")


def mistakes(options: Mapping[str, Any]) -> Catalogue | None:
    """The catalogue of mistakes; None if the machine that made the zip had none."""
    data = base64.b64decode(options.get("mistakes", ""))
    return catalogue.unpacked(data) if data else None


def shows_mistakes(options: Mapping[str, Any]) -> bool:
    """Are students told the names of mistakes? The number of an attempt and the due date are not known here."""
    return bool(options.get("shows_mistakes"))


@contextmanager
def unpacked(options: Mapping[str, Any]) -> Iterator[tuple[Assignment, bytes]]:
    """The assignment, in a private temporary folder, and the secret."""
    if options["deepgrade"] != __version__:
        raise BadCourse(
            f"autograder.zip was made by deepgrade {options['deepgrade']}, and this is {__version__}; "
            "install that one, or make the zip again with `deepgrade otter`"
        )
    with tempfile.TemporaryDirectory(prefix="deepgrade-") as name:  # mode 0700
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(options["course"]))) as archive:
            archive.extractall(name)
        yield Course(Path(name))[options["assignment"]], base64.b64decode(options["secret"])


def _is_needed(path: Path, assignment: Assignment) -> bool:
    left_out = NOT_GRADED_BY - (JUDGES_OWN_TESTS if assignment.manifest.own_tests else set())
    return not left_out & set(path.parts) and not any(part.startswith((".", "__")) for part in path.parts)
