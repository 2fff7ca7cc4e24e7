"""Finds assignments by their manifest, in two folders with the same name.

    COURSE/assignments/<name>/   what students get
    COURSE/solutions/<name>/     what staff keep; may be absent (a student's kit has none)

These files are never imported: they are read, loaded by path, or sent to a sandbox.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.core.errors import BadCourse, UnknownAssignment
from autograder.course import manifest as manifests
from autograder.course import own_tests as own
from autograder.course.manifest import NAME, Manifest


@dataclass(frozen=True)
class Assignment:
    """One assignment: its name, the folder for students and, if staff's half exists, that folder."""

    name: str
    folder: Path
    solution: Path | None

    @cached_property
    def manifest(self) -> Manifest:
        return manifests.load(self.folder / "assignment.toml")

    @property
    def public_tests(self) -> Path:
        return self.folder / "test_public.py"

    @property
    def hidden_tests(self) -> Path | None:
        return self.solution / "test_hidden.py" if self.solution else None

    @property
    def test_files(self) -> list[Path]:
        return [self.public_tests, *([self.hidden_tests] if self.hidden_tests else [])]

    def reference(self) -> dict[str, bytes]:
        """The reference solution, as the files a student would hand in."""
        if self.solution is None:
            raise BadCourse(f"{self.name}: this course has no solutions/{self.name}, so there is no reference here")
        return read_files(self.solution, self.manifest.files)

    def stub(self) -> dict[str, bytes]:
        """The untouched stub, as the files a student would hand in."""
        return read_files(self.folder, self.manifest.files)

    def answers(self, kind: str) -> dict[str, dict[str, bytes]]:
        """Further answers in solutions/<name>/<kind>, by name, each as the files a student would hand in.

        NAME.py stands for the module, beside the reference's other files; a folder NAME/ has all files.
        """
        answers_by_name: dict[str, dict[str, bytes]] = {}
        if self.solution is None:
            return answers_by_name
        for path in sorted((self.solution / kind).glob("*")):  # none, where the folder is missing
            if path.is_dir() and not path.name.startswith("__"):
                answers_by_name[path.name] = read_files(path, self.manifest.files)
            elif path.suffix == ".py":
                answers_by_name[path.stem] = {**self.reference(), f"{self.manifest.module}.py": path.read_bytes()}
        return answers_by_name

    def tests_sha256(self) -> str:
        """One hash over the manifest, all tests, and what judges tests of a student's own: what a report was graded
        with."""
        return _sha256_of([self.folder / "assignment.toml", *self.test_files, *self._own_tests_files()])

    def proved_sha256(self) -> str:
        """The same without what judges tests of a student's own, which proves nothing of the others."""
        return _sha256_of([self.folder / "assignment.toml", *self.test_files])

    def _own_tests_files(self) -> list[Path]:
        """Its declarations, mutants and variants; the reference proves itself by the hidden tests."""
        if self.manifest.own_tests is None:
            return []
        solution = [self.solution / own.FILE, self.solution / "mutants.py"] if self.solution else []
        variants = sorted((self.solution / "variants").rglob("*.py")) if self.solution else []
        return [path for path in (self.folder / own.FILE, *solution, *variants) if path.is_file()]


def _sha256_of(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_files(folder: Path, names: list[str]) -> dict[str, bytes]:
    """The named files of a folder. Raises BadCourse for the first missing one."""
    contents = {}
    for name in names:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise BadCourse(f"{folder / name}: cannot be read ({error.strerror}); the manifest names it") from error
    return contents


class Course:
    """The assignments below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if not (root / "assignments").is_dir():
            raise BadCourse(f"{root}: holds no folder `assignments`; name a course with --course DIR")

    def __iter__(self) -> Iterator[Assignment]:
        return iter(sorted(self._find(), key=lambda assignment: (assignment.manifest.order, assignment.name)))

    def _find(self) -> list[Assignment]:
        return [self._at(path.parent) for path in (self.root / "assignments").glob("*/assignment.toml")]

    def _at(self, folder: Path) -> Assignment:
        if not NAME.fullmatch(folder.name):
            raise BadCourse(f"{folder}: an assignment's folder is named with lower-case letters, digits and _")
        solution = self.root / "solutions" / folder.name
        return Assignment(folder.name, folder, solution if solution.is_dir() else None)

    def __getitem__(self, name: str) -> Assignment:
        folder = self.root / "assignments" / name
        if NAME.fullmatch(name) and (folder / "assignment.toml").is_file():
            return self._at(folder)
        names = ", ".join(sorted(assignment.name for assignment in self._find()))
        hint = f"choose one of: {names}" if names else "this course has no assignments"
        raise UnknownAssignment(f"no assignment {name!r} in {self.root}; {hint}")


def around(folder: Path) -> Path | None:
    """The course around a folder: the folder itself, or the nearest one above it, with assignments."""
    for candidate in (folder, *folder.parents):
        with contextlib.suppress(PermissionError):  # one that this user may not look into is not their course
            if next((candidate / "assignments").glob("*/assignment.toml"), None) is not None:
                return candidate
    return None


def find_course(folder: str | os.PathLike[str] | None = None) -> Course:
    """The course in a folder; without one DEEPGRADE_COURSE, then the checkout's course, then the installed one."""
    path = folder or os.environ.get("DEEPGRADE_COURSE")
    if path:
        return Course(Path(path).resolve())
    checkout = Path(__file__).resolve().parents[2]
    installed = checkout / "deepgrade_course"
    return Course(installed if installed.is_dir() else checkout)
