"""The submissions in a folder, in the forms in which instructors download them.

    ada.zip   ada/   ada.py   ada.ipynb                  one submission each, named for its student
    submission_123/  (+ submission_metadata.yml)         Gradescope's "Export submissions"
    Ada Lovelace_123_assignsubmission_file_/ada.zip      Moodle's "Download all submissions", in folders or flat
    lovelaceada_LATE_123_456_ada-1.zip                   Canvas's "Download submissions"

Only names are read here. Students choose the names, so names are displayed and never used as paths. Links are not
followed: a link could point at a file that its owner must not see.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from autograder.core.errors import DeepgradeError, Refused
from autograder.course import submission
from autograder.course.locating import LITTER
from autograder.course.manifest import Manifest
from autograder.course.submission import Submission

GRADESCOPE = re.compile(r"submission_(\d+)")
GRADESCOPE_NAMES = "submission_metadata.yml"
MOODLE = re.compile(r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_file(_.*)?", re.DOTALL)
CANVAS = re.compile(r"(?P<student>[^_]+)_(LATE_)?(?P<number>\d+)_\d+_.+", re.DOTALL)
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
NAMES_BYTES = 64 * 2**20  # of Gradescope's file of names; a larger file is ignored


@dataclass(frozen=True)
class Source:
    """Where one submission is, and whose it is. It has not been read yet."""

    name: str  # in the folder; the `file` of final_grades.csv
    path: Path
    student: str  # from the name; for display
    key: str  # two submissions with the same key belong to one student
    number: str = ""  # of the student in the system of the download
    login: str = ""
    email: str = ""
    sid: str = ""

    @property
    def id(self) -> str:
        """A safe file name for its report, different for each `name`."""
        stem = self.name.removesuffix(".zip").removesuffix(".py").removesuffix(".ipynb")
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", stem).strip("._-")[:80]
        if plain == self.name.removesuffix(".zip") and not plain.endswith(".json"):
            return plain
        return f"{plain or 'submission'}-{hashlib.sha256(self.name.encode(errors='surrogateescape')).hexdigest()[:8]}"


@dataclass(frozen=True)
class Listing:
    """The contents of a folder."""

    submissions: list[Source]
    passed_over: list[str]  # names of everything else: other files, links


def find(folder: Path, manifest: Manifest, *, without: Path | None = None) -> Listing:
    """The submissions in a folder, sorted by name.

    without : a folder inside of it that is not a submission
    Raises DeepgradeError if the folder cannot be read, or holds no submission.
    """
    if folder.is_file():
        raise DeepgradeError(f"{folder}: is a file; unpack a bulk download first, and name the folder")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DeepgradeError(f"{folder}: cannot be read ({error.strerror}); name the folder of submissions") from error
    if all((folder / name).is_file() for name in manifest.files):
        raise DeepgradeError(f"{folder}: is one submission, not a folder of them; grade it with `deepgrade grade`")
    submissions, passed_over = [], []
    names = _gradescope_names(folder / GRADESCOPE_NAMES)
    for entry in entries:
        if LITTER.fullmatch(entry.name) or entry.name.startswith((".", "__MACOSX")):
            continue
        if without is not None and Path(entry.path).resolve() == without.resolve():
            continue
        if _may_be_submission(entry, manifest):
            submissions.append(_source(entry, names))
        elif entry.name != GRADESCOPE_NAMES:
            passed_over.append(entry.name)
    if not submissions:
        raise DeepgradeError(f"{folder}: holds no submission: no zip and no folder; name the folder of submissions")
    return Listing(submissions, passed_over)


def read(source: Source, manifest: Manifest) -> Submission:
    """The files of a submission. Raises Refused with a message that does not contain the local path."""
    try:
        return _read(source.path, manifest, depth=0)
    except Refused as error:
        raise Refused(str(error).replace(str(source.path), source.name)) from None
    except DeepgradeError as error:
        raise Refused(str(error).replace(str(source.path), source.name)) from error


def _read(path: Path, manifest: Manifest, *, depth: int) -> Submission:
    """Bulk downloads put a folder around a zip or around another folder, at most two levels deep."""
    if path.is_symlink():
        raise Refused(f"{path.name} is a link; put the file itself there")
    if not path.is_dir():
        if path.suffix == ".py":
            return _lone_file(path, manifest)
        return submission.read(path, manifest)
    inside = [entry for entry in os.scandir(path) if not LITTER.fullmatch(entry.name)]
    if depth < 2 and not submission.is_below(path, manifest):
        archives = [entry for entry in inside if entry.name.lower().endswith(ARCHIVES) and _is_file(entry)]
        folders = [entry for entry in inside if entry.is_dir(follow_symlinks=False) and entry.name != "__MACOSX"]
        if len(archives) == 1:
            return _read(Path(archives[0].path), manifest, depth=depth + 1)
        if len(folders) == 1 and not archives:
            return _read(Path(folders[0].path), manifest, depth=depth + 1)
    return submission.read_below(path, manifest)


def _lone_file(path: Path, manifest: Manifest) -> Submission:
    """For an assignment of one file: a bulk download may contain that file itself, under any name."""
    limit = manifest.limits.upload_kb * 1024
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Refused(f"{path.name} has more than {manifest.limits.upload_kb:,} kB; make it smaller")
    return submission.read_zip(submission.zipped({manifest.files[0]: data}), manifest)


def _may_be_submission(entry: os.DirEntry[str], manifest: Manifest) -> bool:
    if entry.is_dir(follow_symlinks=False):
        return True
    lone = manifest.files[0].endswith(".py") and len(manifest.files) == 1
    endings = (*ARCHIVES, ".py", ".ipynb") if lone else ARCHIVES
    return _is_file(entry) and entry.name.lower().endswith(endings)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _source(entry: os.DirEntry[str], names: dict[str, tuple[str, str, str]]) -> Source:
    path = Path(entry.path)
    stem = entry.name if entry.is_dir(follow_symlinks=False) else path.stem
    if (gradescope := GRADESCOPE.fullmatch(stem)) is not None:
        student, email, sid = names.get(gradescope[1], (stem, "", ""))
        return Source(entry.name, path, student, f"gradescope {gradescope[1]}", email=email, sid=sid)
    for system, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
        if (named := pattern.fullmatch(stem)) is not None:
            return Source(entry.name, path, named["student"], f"{system} {named['number']}", named["number"])
    return Source(entry.name, path, stem, unicodedata.normalize("NFKC", stem).casefold())


def _gradescope_names(path: Path) -> dict[str, tuple[str, str, str]]:
    """Name, address and number of the student of each submission; empty if the file is missing or cannot be parsed. A
    group has names only."""
    try:
        import yaml

        if path.is_symlink() or not path.is_file() or path.stat().st_size > NAMES_BYTES:
            return {}
        metadata = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception:  # PyYAML raises many kinds and may not be installed; names are optional
        return {}
    students = {}
    for key, entry in metadata.items() if isinstance(metadata, dict) else ():
        submitters = entry.get(":submitters") if isinstance(entry, dict) else None
        people = [submitter for submitter in submitters or () if isinstance(submitter, dict)]
        if (number := GRADESCOPE.fullmatch(str(key))) is not None and people:
            names = ", ".join(str(person.get(":name")) for person in people)
            alone = people[0] if len(people) == 1 else {}
            students[number[1]] = (names, str(alone.get(":email") or ""), str(alone.get(":sid") or ""))
    return students
