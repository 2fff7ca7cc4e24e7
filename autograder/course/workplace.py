"""The files of a student as plain files in one folder, where a notebook stands for the module.

    softmax.py                   the student's own folder, as it is
    softmax.ipynb                a temporary folder: the module made of the notebook, beside the kit's other files

`at(path)` takes a folder or a notebook. In a folder the notebook counts by the rule of `choosing`.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from autograder.core.errors import DeepgradeError, Refused
from autograder.course import notebooks, servers, submission
from autograder.course import own_tests as own
from autograder.course.locating import printable_name
from autograder.course.manifest import Manifest
from autograder.course.submission import Submission

KIT_FILES = ("assignment.toml", "test_public.py", servers.FILE, own.FILE, own.SUITE, own.WRONG)


@dataclass(frozen=True)
class Workplace:
    """A folder with plain files to check."""

    folder: Path
    module: str  # "softmax"
    notebook: str = ""  # its name; empty where the module is a file
    left_out: list[str] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Where the module came from, in words: ` from softmax.ipynb`; empty where it is a file."""
        return f" from {self.notebook}" if self.notebook else ""

    def in_cells(self, text: str) -> str:
        """The text with cells of the notebook in place of lines of the module that was made of it."""
        if not self.notebook:
            return text
        name = re.escape(f"{self.module}.py")
        return re.sub(rf'(File "|){name}("|), line (\d+)', self._cell, text)

    def _cell(self, match: re.Match[str]) -> str:
        number = int(match[3])
        cell, line = self.places[number - 1] if 0 < number <= len(self.places) else (0, 0)
        if not cell:
            return match[0]
        return f"{match[1]}{self.notebook}, cell {cell}{match[2]}, line {line}"


def at(folder: Path, notebook: Path | None, manifest: Manifest, temporary: Path) -> Workplace:
    """The workplace for a folder, or for one notebook in it.

    temporary : an existing folder, or the path of one that can be made. Raises Refused, and DeepgradeError for a file
    that cannot be read.
    """
    handed_in = submission.of_notebook_file(notebook, manifest) if notebook else _notebook_of(folder, manifest)
    if handed_in is None:
        return Workplace(folder, manifest.module)
    name = printable_name(notebook.name) if notebook else f"{manifest.module}{notebooks.SUFFIX}"
    return place(handed_in, folder, manifest, temporary, name)


def place(handed_in: Submission, kit: Path, manifest: Manifest, temporary: Path, name: str) -> Workplace:
    """A workplace with these files and those of the kit."""
    try:
        temporary.mkdir(exist_ok=True)
        for file in KIT_FILES:
            if (kit / file).is_file():
                shutil.copyfile(kit / file, temporary / file)
        for file, content in handed_in.files.items():
            (temporary / file).write_bytes(content)
    except OSError as error:
        raise DeepgradeError(f"{temporary}: cannot be written ({error.strerror}); make room there") from error
    return Workplace(temporary.resolve(), manifest.module, name, handed_in.left_out, handed_in.places)


def _notebook_of(folder: Path, manifest: Manifest) -> Submission | None:
    """The submission in the folder if a notebook is its module. None if the module is a file."""
    if not any(folder.glob(f"*{notebooks.SUFFIX}")):
        return None
    try:
        handed_in = submission.read_folder(folder, manifest)
    except Refused:
        if (folder / f"{manifest.module}.py").exists():
            return None  # what is wrong with the files is said by the tests
        raise
    return handed_in if handed_in.places else None
