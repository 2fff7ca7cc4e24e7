"""The course as one zip for the machines that grade, and the version of its contents.

    assignments/...   students' halves
    solutions/...     staff's halves: references and hidden tests
    data/...          files of DEEPGRADE_DATA and of the cache of data sets, since tests depend on data

    version = 12 hexadecimal digits of SHA-256(version of deepgrade, then each name and its bytes' hash, sorted)

Two machines with the same version give a submission the same report. The same contents give the same zip.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from autograder import __version__
from autograder.core import atomic_files
from autograder.core.errors import BadCourse
from autograder.course.course import Course
from autograder.datasets import files

HALVES = ("assignments", "solutions")
DATA = "data"
DATA_VARIABLES = (files.VARIABLE, files.CACHE_VARIABLE)
DIGITS = 12


def data_folders() -> list[Path]:
    """The folders of data sets, in the order of search."""
    return [folder for folder in (files.data_folder(), files.cache_folder()) if folder and folder.is_dir()]


class Contents:
    """The current files of a course. A file is read again only when it has changed."""

    def __init__(self, course: Course, data: Sequence[Path] = ()) -> None:
        self._roots = [(half, course.root / half) for half in HALVES] + [(DATA, folder) for folder in data]
        self._cache: dict[str, tuple[tuple[int, int, int], bytes]] = {}  # stamp and digest, by name

    def files(self) -> Iterator[tuple[str, Path]]:
        """Name in the zip and path, sorted by name, without hidden files and files of Python's cache."""
        paths_by_name: dict[str, Path] = {}
        for name, root in self._roots:
            for folder, subfolders, names in os.walk(root):
                subfolders[:] = [entry for entry in subfolders if not entry.startswith((".", "__pycache__"))]
                paths = [
                    Path(folder, entry) for entry in names if not entry.startswith(".") and not entry.endswith(".pyc")
                ]
                for path in filter(Path.is_file, paths):
                    paths_by_name.setdefault(f"{name}/{path.relative_to(root).as_posix()}", path)
        return iter(sorted(paths_by_name.items()))

    @property
    def version(self) -> str:
        """The version of the contents. Raises BadCourse if a file cannot be read."""
        digest = hashlib.sha256(f"deepgrade {__version__}\0".encode())
        digests = {}
        for name, path in self.files():
            try:
                status = path.stat()
                stamp = status.st_mtime_ns, status.st_size, status.st_ino
                cached = self._cache.get(name)
                content_digest = cached[1] if cached and cached[0] == stamp else _digest(path)
            except OSError as error:
                raise BadCourse(f"{path}: cannot be read ({error.strerror}); the course's version needs it") from error
            digests[name] = stamp, content_digest
            digest.update(name.encode() + b"\0" + content_digest)
        self._cache = digests
        return digest.hexdigest()[:DIGITS]

    def write(self, target: Path, on_file: Callable[[str], None] = lambda name: None) -> int:
        """Write the zip, readable by its owner only, since it has the hidden tests. Returns its number of files."""
        count = 0
        with atomic_files.draft(target, mode=atomic_files.SECRET) as file, zipfile.ZipFile(file, "w") as archive:
            for name, path in self.files():
                on_file(name)
                entry = zipfile.ZipInfo(name)  # dated 1980: the same contents give the same bytes
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(entry, "w") as into:
                    shutil.copyfileobj(source, into)
                count += 1
        return count


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a bundle below a folder, once. Returns the folder of the course, which may contain `data`.

    Raises BadCourse for a file that is not a bundle.
    """
    try:
        target = folder / _digest(archive).hex()[:DIGITS]
        if target.is_dir():
            return target
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bundle-", dir=folder) as draft:
            with zipfile.ZipFile(archive) as bundle:
                _check(archive, bundle.namelist())
                bundle.extractall(draft)
            Path(draft).chmod(0o700)
            try:
                Path(draft).rename(target)
            except OSError:
                if not target.is_dir():  # else another process was first
                    raise
            else:
                Path(draft).mkdir()  # for the end of the draft
    except (OSError, zipfile.BadZipFile) as error:
        raise BadCourse(f"{archive}: cannot be unpacked ({error}); make bundles with `deepgrade bundle`") from error
    return target


def _check(archive: Path, names: list[str]) -> None:
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or parts[0] not in (*HALVES, DATA) or ".." in parts:
            raise BadCourse(f"{archive}: {name!r} is not a part of a course; make bundles with `deepgrade bundle`")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
