"""A submission: the files that the manifest names, from a zip or a folder.

    upload ──> small enough? ──> few members? ──> where are the named files? ──> plain, small? ──> in memory
                                                   a notebook in place of the module: choosing, notebooks

Nothing is written to disk, and no name becomes a path. A member that the manifest does not name is never decompressed;
its name is noted, and it is not a reason to refuse the upload. Bytes are counted while they are decompressed, because a
header may lie about them. A problem with a named file raises `Refused` with one sentence that tells the student what to
do. A refused upload uses no attempt.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import stat
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.core.errors import DeepgradeError, Refused
from autograder.course import notebooks
from autograder.course.cells import Extraction
from autograder.course.choosing import Chosen, choose, of_notebook, with_module
from autograder.course.locating import LITTER, join_names, printable_name
from autograder.course.manifest import Manifest
from autograder.course.zips import check_upload_size, files_of_zip

ZIP = b"PK"
NOTEBOOK_MB = 64  # of a notebook on a student's own machine
NOTED_FILES = 8  # extra files that a note names; more are counted
WALKED = 10_000  # files of a folder that are read; the others are ignored


@dataclass(frozen=True)
class Submission:
    """The files to grade. `files` has the manifest's names in the manifest's order, then optional ones."""

    files: dict[str, bytes]
    sha256: str  # of the files' names and contents; equal for a zip and for the folder it was made of
    notes: list[str] = field(default_factory=list)  # remarks for the student that are not errors
    left_out: list[str] = field(default_factory=list)  # of a notebook
    places: list[tuple[int, int]] = field(default_factory=list)  # of each line that came from a notebook: cell and line


def read(path: Path, manifest: Manifest) -> Submission:
    """The submission in a zip, a notebook or a Python file, in a folder, or in a folder below it."""
    if path.is_dir():
        return read_below(path, manifest)
    limit = manifest.limits.upload_kb * 1024
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be read ({error.strerror}); name a zip or a folder") from error
    check_upload_size(max(size, len(data)), manifest, is_notebook=path.suffix == notebooks.SUFFIX)
    if path.suffix == ".py" and len(manifest.files) == 1 and not data.startswith(ZIP):
        return read_zip(zipped({manifest.files[0]: data}), manifest)
    return read_upload(data, manifest, path.name)


def read_upload(data: bytes, manifest: Manifest, name: str = "") -> Submission:
    """The submission in the bytes of a zip, or of a notebook. The bytes tell which one it is, and not the name."""
    if not data.startswith(ZIP) and (notebooks.looks_like_one(data) or name.endswith(notebooks.SUFFIX)):
        check_upload_size(len(data), manifest, is_notebook=True)
        return _submission(of_notebook(data, manifest, name or f"{manifest.module}{notebooks.SUFFIX}"), [])
    return read_zip(data, manifest)


def media_type(data: bytes) -> tuple[str, str]:
    """The media type of an accepted upload, and the ending of its name."""
    return ("application/zip", ".zip") if data.startswith(ZIP) else ("application/x-ipynb+json", notebooks.SUFFIX)


def of_notebook_file(path: Path, manifest: Manifest) -> Submission:
    """The submission with this notebook as its module, and with other files that the manifest names from its folder.

    On a student's machine: the notebook may be larger than an upload, because its outputs are not handed in.
    """
    try:
        if path.stat().st_size > NOTEBOOK_MB * 2**20:
            raise Refused(f"{path} is larger than {NOTEBOOK_MB} MB; clear its outputs, save it and try again")
        data = path.read_bytes()
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be read ({error.strerror}); name your notebook") from error
    own = [name.removesuffix(".py") for name in manifest.files]
    return of_extraction(notebooks.extract(data, path.name, own), path.parent, manifest, path.name)


def of_extraction(extraction: Extraction, folder: Path, manifest: Manifest, name: str = "") -> Submission:
    """The submission with a module made of cells, and the other files that the manifest names from a folder."""
    others = {other: folder / other for other in manifest.files if other != f"{manifest.module}.py"}
    missing = [other for other in others if not os.path.lexists(others[other])]
    if missing:
        raise Refused(f"{folder} holds no {join_names(missing)}; put it beside the notebook")
    files = _read_all({other: other for other in others}, others, manifest)
    return _submission(with_module(files, {name}, extraction, manifest, name), [])


def read_folder(path: Path, manifest: Manifest) -> Submission:
    """The submission in a folder: the files with the manifest's names, which must be plain files."""
    try:
        entries = {entry.name: entry.is_file(follow_symlinks=False) for entry in os.scandir(path)}
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be read ({error.strerror}); name the folder with your files") from error
    paths = {
        name: path / name for name in sorted(entries) if entries[name] or name in (*manifest.files, *manifest.optional)
    }
    has_notebook = any(name.endswith(notebooks.SUFFIX) for name in paths)
    missing = [
        name for name in manifest.files if name not in paths and not (has_notebook and name == f"{manifest.module}.py")
    ]
    if missing:
        raise Refused(f"{path} holds no {join_names(missing)}; name the folder with {join_names(manifest.files)}")
    chosen = choose(paths, manifest, list(paths), lambda selected: _read_all(selected, paths, manifest))
    extra = [name for name in paths if entries[name] and name not in chosen.paths and not LITTER.fullmatch(name)]
    return _submission(chosen, extra)


def read_below(folder: Path, manifest: Manifest) -> Submission:
    """The submission at any depth below a folder, found by the rule for zips."""
    if all(os.path.lexists(folder / name) for name in manifest.files):
        return read_folder(folder, manifest)
    return read_paths(_files_below(folder), manifest, "the folder")


def is_below(folder: Path, manifest: Manifest) -> bool:
    """Does the folder contain a notebook, or a file with a name of the manifest, at any depth?"""
    return any(
        path.rpartition("/")[2] in manifest.files or path.endswith(notebooks.SUFFIX)
        for path in _files_below(folder)
        if not LITTER.fullmatch(path)
    )


def read_paths(paths: dict[str, Path], manifest: Manifest, noun: str = "the zip") -> Submission:
    """The submission in plain files.

    paths : from a path below some folder to the file.   noun : the name of that folder in messages to students.
    """
    relevant = {name: path for name, path in paths.items() if not LITTER.fullmatch(name)}
    try:
        chosen = choose(relevant, manifest, list(relevant), lambda selected: _read_all(selected, relevant, manifest))
    except Refused as error:
        raise Refused(str(error).replace("the zip", noun)) from None
    return _submission(chosen, [name for name in relevant if name not in chosen.paths])


def _read_all(selected: dict[str, str], paths: dict[str, Path], manifest: Manifest) -> dict[str, bytes]:
    """The contents of the selected files, together at most as large as the limit."""
    files, remaining = {}, manifest.limits.upload_kb * 1024
    for name, path in selected.items():
        files[name] = _read_plain_file(paths[path], remaining)
        remaining -= len(files[name])
        if remaining < 0:
            raise Refused(f"the files are together larger than {manifest.limits.upload_kb:,} kB; make them smaller")
    return files


def _files_below(folder: Path) -> dict[str, Path]:
    """Plain files by their path below the folder, WALKED at most. No link is followed."""
    return dict(itertools.islice(_walked(folder), WALKED))


def _walked(folder: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for path in (Path(root) / name for name in sorted(names)):
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(folder).as_posix(), path


def read_zip(data: bytes, manifest: Manifest) -> Submission:
    """The submission in the bytes of a zip."""
    return _submission(*files_of_zip(data, manifest))


def pack(folder: Path, manifest: Manifest) -> bytes:
    """The zip to hand in. The same files give the same bytes."""
    return packed(read_folder(folder, manifest), manifest)


def packed(handed_in: Submission, manifest: Manifest) -> bytes:
    """The zip with the files of a submission."""
    data = zipped(handed_in.files)
    read_zip(data, manifest)  # a zip that the server would refuse is refused here
    return data


def zipped(files: dict[str, bytes], *, executable: Collection[str] = ()) -> bytes:
    """A zip of named files. It depends only on them, not on clock, owner or machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)  # dated 1980, the zip format's own zero
            member.create_system = 3  # "Unix", on Windows too
            member.external_attr = (stat.S_IFREG | (0o755 if name in executable else 0o644)) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return buffer.getvalue()


def sha256_of(files: dict[str, bytes]) -> str:
    """One hash over names and contents, independent of their order."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def _submission(chosen: Chosen, extra: list[str]) -> Submission:
    for name, content in chosen.files.items():
        if name.endswith(".py"):
            _check_text(name, content)
    notes = [*_notes(extra), *chosen.notes]
    return Submission(chosen.files, sha256_of(chosen.files), notes, chosen.left_out, chosen.places)


def _notes(extra: list[str]) -> list[str]:
    if not extra:
        return []
    more = f" and {len(extra) - NOTED_FILES} more" if len(extra) > NOTED_FILES else ""
    return [f"not handed on to the grader: {', '.join(map(printable_name, extra[:NOTED_FILES]))}{more}"]


def _check_text(name: str, content: bytes) -> None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is not UTF-8 text (byte {error.start}); save it as UTF-8 and hand it in again") from None
    if "\0" in text:
        raise Refused(f"{name} holds a NUL byte (byte {content.index(0)}); save it as UTF-8 and hand it in again")


def _read_plain_file(path: Path, limit: int) -> bytes:
    """At most `limit` + 1 bytes of a file. A link could point at a secret file, and a FIFO never ends."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Refused(f"{path} is not a plain file; put the file itself there")
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}); make it readable") from error
