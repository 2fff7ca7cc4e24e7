"""A submission: the files that the manifest names, taken out of a zip or a folder, and nothing else.

    upload ──> small enough? ──> few members? ──> where are the named files? ──> plain, small? ──> in memory

Nothing is written to disk, no name ever becomes a path, and a member that the manifest does not name is never even
decompressed: whatever it is, and whatever its name, it is noted, and no reason to refuse. Bytes are counted while they
stream out, because a header may lie about them. What is wrong with a named file raises `Refused` with one sentence that
tells the student what to do; an upload that is refused uses no attempt.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.core.errors import DeepgradeError, Refused
from autograder.course.manifest import Manifest

MEMBERS = 1000  # in one zip, folders included; past it the upload is refused
NAME_CHARACTERS = 512  # of one member's name, folders included; past it the upload is refused
PIECE = 64 * 1024  # bytes decompressed at a time
NOTED_FILES = 8  # extra files that a note names; of more it says how many

# What operating systems put beside a student's files without being asked: passed over in silence.
LITTER = re.compile(r"__MACOSX/.*|(.*/)?(\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini)", re.DOTALL)
HIDDEN = re.compile(r"/(\.|__MACOSX|__pycache__)")  # folders in which nobody has put what they hand in
WALKED = 10_000  # files of a folder that are looked at
CENTRAL_HEADER = b"PK\x01\x02"
OTHER_ARCHIVES = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7z archive", b"\x1f\x8b": "a gzip file"}
ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags: encrypted, strongly encrypted, with masked headers
HELP = "`deepgrade pack` makes a right one"


@dataclass(frozen=True)
class Submission:
    """What is graded. `files` has the manifest's names in the manifest's order."""

    files: dict[str, bytes]
    sha256: str  # of the files' names and contents: the same for a zip and for the folder it was made of
    notes: list[str] = field(default_factory=list)  # what the student should hear although nothing is wrong


def read(path: Path, manifest: Manifest) -> Submission:
    """The submission in a zip file or a folder, or in a folder below it."""
    if path.is_dir():
        return read_below(path, manifest)
    limit = manifest.limits.upload_kb * 1024
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be read ({error.strerror}); name a zip or a folder") from error
    _check_upload_size(max(size, len(data)), manifest)
    return read_zip(data, manifest)


def read_folder(path: Path, manifest: Manifest) -> Submission:
    """The submission in a folder: its files of the manifest's names, which must be plain files."""
    try:
        beside = sorted(entry.name for entry in os.scandir(path) if entry.is_file(follow_symlinks=False))
    except OSError as error:
        raise DeepgradeError(f"{path}: cannot be read ({error.strerror}); name the folder with your files") from error
    missing = [name for name in manifest.files if not os.path.lexists(path / name)]
    if missing:
        raise Refused(f"{path} holds no {_listed(missing)}; name the folder with {_listed(manifest.files)}")
    files, left = {}, manifest.limits.upload_kb * 1024
    for name in manifest.files:
        files[name] = _read_plain_file(path / name, left)
        left -= len(files[name])
        if left < 0:
            raise Refused(f"the files are together larger than {manifest.limits.upload_kb:,} kB; make them smaller")
    return _submission(files, [name for name in beside if name not in files and not LITTER.fullmatch(name)])


def read_below(folder: Path, manifest: Manifest) -> Submission:
    """The submission somewhere below a folder, found by the rule for zips."""
    if all(os.path.lexists(folder / name) for name in manifest.files):
        return read_folder(folder, manifest)
    return read_found(_files_below(folder), manifest, "the folder")


def is_below(folder: Path, manifest: Manifest) -> bool:
    """Is there a file of the manifest's, in a plain folder or in one below it?"""
    return any(path.rpartition("/")[2] in manifest.files for path in _files_below(folder) if not LITTER.fullmatch(path))


def read_found(found: dict[str, Path], manifest: Manifest, noun: str = "the zip") -> Submission:
    """The submission in plain files.

    found : a path below some folder -> where the file is.   noun : what students know that folder as.
    """
    real = {name: path for name, path in found.items() if not LITTER.fullmatch(name)}
    try:
        root = _root(real, manifest.files, list(real))
    except Refused as error:
        raise Refused(str(error).replace("the zip", noun)) from None
    files, left = {}, manifest.limits.upload_kb * 1024
    for name in manifest.files:
        files[name] = _read_plain_file(real[root + name], left)
        left -= len(files[name])
        if left < 0:
            raise Refused(f"the files are together larger than {manifest.limits.upload_kb:,} kB; make them smaller")
    return _submission(files, [name for name in real if name.removeprefix(root) not in files])


def _files_below(folder: Path) -> dict[str, Path]:
    """Plain files by their path below the folder, WALKED at most. No link is followed."""
    return dict(itertools.islice(_walked(folder), WALKED))


def _walked(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for path in (Path(place) / name for name in sorted(names)):
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(folder).as_posix(), path


def read_zip(data: bytes, manifest: Manifest) -> Submission:
    """The submission in the bytes of a zip."""
    _check_upload_size(len(data), manifest)
    with _opened(data) as archive:
        members = archive.infolist()
        real = [member for member in members if not LITTER.fullmatch(member.orig_filename)]
        chosen, extra = _choose(real, manifest.files)
        _check_chosen(chosen, members)
        _check_places(members, len(data))
        if sum(member.file_size for member in chosen.values()) > manifest.limits.upload_kb * 1024:
            raise _too_large(manifest)
        files, left = {}, manifest.limits.upload_kb * 1024
        for name, member in chosen.items():
            files[name] = _decompressed(archive, member, left, manifest)
            left -= len(files[name])
    return _submission(files, extra)


def pack(folder: Path, manifest: Manifest) -> bytes:
    """The zip to hand in. The same files give the same bytes."""
    data = zipped(read_folder(folder, manifest).files)
    read_zip(data, manifest)  # a zip that would be refused is refused here, before it is handed in
    return data


def zipped(files: dict[str, bytes], *, executable: Collection[str] = ()) -> bytes:
    """A zip of named files that depends on nothing but them: no clock, no owner, no machine."""
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
    """One hash over names and contents, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def _submission(files: dict[str, bytes], extra: list[str]) -> Submission:
    for name, content in files.items():
        if name.endswith(".py"):
            _check_text(name, content)
    return Submission(files, sha256_of(files), _notes(extra))


def _notes(extra: list[str]) -> list[str]:
    if not extra:
        return []
    more = f" and {len(extra) - NOTED_FILES} more" if len(extra) > NOTED_FILES else ""
    return [f"not handed on to the grader: {', '.join(map(_shown, extra[:NOTED_FILES]))}{more}"]


def _check_text(name: str, content: bytes) -> None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is not UTF-8 text (byte {error.start}); save it as UTF-8 and hand it in again") from None
    if "\0" in text:
        raise Refused(f"{name} holds a NUL byte (byte {content.index(0)}); save it as UTF-8 and hand it in again")


def _check_upload_size(size: int, manifest: Manifest) -> None:
    if size == 0:
        raise Refused(f"the upload is empty (0 bytes); hand in a zip with {_listed(manifest.files)}")
    if size > manifest.limits.upload_kb * 1024:
        raise Refused(
            f"the upload has {-(-size // 1024):,} kB, the limit is {manifest.limits.upload_kb:,} kB; "
            f"hand in a zip with {_listed(manifest.files)} alone; {HELP}"
        )


def _opened(data: bytes) -> zipfile.ZipFile:
    for magic, kind in OTHER_ARCHIVES.items():
        if data.startswith(magic):
            raise Refused(f"the upload is {kind}, not a zip; {HELP}")
    # Every member has a header in the central directory, so this bounds what zipfile builds objects for.
    if data.count(CENTRAL_HEADER) > MEMBERS:
        raise Refused(f"the zip has more than {MEMBERS:,} members; hand in the named files alone; {HELP}")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # zipfile answers broken bytes with a dozen kinds of exception
        if b"PK\x03\x04" not in data[:4]:
            raise Refused(f"the upload is not a zip; {HELP}") from error
        raise Refused(f"the zip is damaged or was cut short; make it again and hand it in again; {HELP}") from error


def _check_chosen(chosen: dict[str, zipfile.ZipInfo], members: list[zipfile.ZipInfo]) -> None:
    """Each file that is handed on has a name that no other member has, a plain type, and no password."""
    keys: dict[str, list[str]] = {}
    for member in members:
        keys.setdefault(_key(member.orig_filename), []).append(member.orig_filename)
    for member in chosen.values():
        name = member.orig_filename
        _check_type(member)
        if member.flag_bits & ENCRYPTED:
            raise Refused(f"{_shown(name)} is encrypted; make the zip without a password; {HELP}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # The others can be told to take gigabytes of memory for their dictionaries.
            raise Refused(f"{_shown(name)} is compressed in an unusual way; use plain zip (deflate); {HELP}")
        first, *others = keys[_key(name)]
        if others:
            other = "twice" if first == others[0] else f"and {_shown(first)}, which count as one name"
            raise Refused(f"the zip holds {_shown(others[0])} {other}; keep one of them; {HELP}")


def _key(name: str) -> str:
    """Equal for two names that some file system takes for one."""
    return unicodedata.normalize("NFKC", _path(name) or name).casefold()


def _path(name: str) -> str | None:
    """A member's name as a path below the zip's top; None where it names no place there.

    PowerShell 5 writes backslashes between folders, and some tools a `./` before them.
    """
    return None if _why_odd(name) else "/".join(_parts(name))


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _why_odd(name: str) -> str:
    if len(name) > NAME_CHARACTERS:
        return f"is longer than {NAME_CHARACTERS} characters"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name):
        return "holds a control character"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in _parts(name):
        return "points out of its folder"
    return ""


def _check_type(member: zipfile.ZipInfo) -> None:
    mode = member.external_attr >> 16  # zero in zips made on Windows
    kind, name = stat.S_IFMT(mode), member.orig_filename
    if name.endswith("/") and kind in (0, stat.S_IFDIR):
        return  # a folder, whatever its bits: nothing is made of it
    if kind == stat.S_IFLNK:
        raise Refused(f"{_shown(name)} is a link; put the file itself into the zip; {HELP}")
    if kind not in (0, stat.S_IFREG):
        raise Refused(f"{_shown(name)} is not a plain file; put plain files into the zip; {HELP}")
    if mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise Refused(f"{_shown(name)} has a setuid, setgid or sticky bit; take it away with chmod; {HELP}")


def _check_places(members: list[zipfile.ZipInfo], end: int) -> None:
    """No two members share bytes."""
    free_from = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        # A member takes at least its local header (30 bytes and the name) and its data.
        stop = member.header_offset + 30 + len(member.orig_filename) + member.compress_size
        if member.header_offset < free_from or stop > end:
            raise Refused(f"the zip is malformed: {_shown(member.orig_filename)} shares bytes with another; {HELP}")
        free_from = stop


def _too_large(manifest: Manifest) -> Refused:
    return Refused(
        f"the zip unpacks to more than {manifest.limits.upload_kb:,} kB; "
        f"hand in a zip with {_listed(manifest.files)} alone; {HELP}"
    )


def _choose(members: list[zipfile.ZipInfo], names: list[str]) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """The members of the named files, and the names of the others. Raises Refused where a file is missing."""
    files = [member for member in members if not member.orig_filename.endswith(("/", "\\"))]
    by_path: dict[str, zipfile.ZipInfo] = {}
    for member in files:
        if (path := _path(member.orig_filename)) is not None:
            by_path.setdefault(path, member)
    root = _root(by_path, names, [member.orig_filename for member in files])
    chosen = {name: by_path[root + name] for name in names}
    taken = {member.header_offset for member in chosen.values()}
    return chosen, [member.orig_filename for member in files if member.header_offset not in taken]


def _root(paths: Collection[str], names: list[str], all_names: list[str]) -> str:
    """The folder that holds all named files, nearest to the top: "", or `hw1/src/`.

    Zips, folders and what other systems have unpacked are all looked through by this rule, so that a submission is
    found by all of them or by none. Raises Refused where there is none, or where there are two as near.
    """
    ends = [path.removesuffix(names[0]) for path in paths if path.rpartition("/")[2] == names[0]]
    roots = [root for root in ends if all(root + name in paths for name in names) and not HIDDEN.search(f"/{root}")]
    if not roots:
        raise Refused(_why_missing(names, list(paths), all_names))
    depth = min(root.count("/") for root in roots)
    nearest = [root for root in roots if root.count("/") == depth]
    if len(nearest) > 1:
        places = " and in ".join(_shown(root.rstrip("/")) for root in sorted(nearest)[:2])
        raise Refused(f"{_listed(names)} can be found twice, in {places}; keep one of them; {HELP}")
    return nearest[0]


def _why_missing(names: list[str], paths: list[str], all_names: list[str]) -> str:
    missing = [name for name in names if not any(path.rpartition("/")[2] == name for path in paths)]
    for name in missing:
        for other in all_names:
            last = (_parts(other) or [""])[-1]
            if last == name:
                return f"the zip holds a name that {_why_odd(other)}: {_shown(other)}; {HELP}"
            if last.casefold() == name.casefold():
                return f"the zip holds {_shown(other)}, which must be named {name} exactly; rename it; {HELP}"
    if missing:
        return f"the zip holds no {_listed(missing)}; put {'it' if len(missing) == 1 else 'them'} in; {HELP}"
    visible = [path for path in paths if not HIDDEN.search(f"/{path}")]
    if not all(any(path.rpartition("/")[2] == name for path in visible) for name in names):
        lie, them = ("lies", "it") if len(names) == 1 else ("lie", "them")
        return f"{_listed(names)} {lie} in a hidden folder; put {them} at the top; {HELP}"
    return f"{_listed(names)} lie in different folders; put them into one; {HELP}"


def _decompressed(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, manifest: Manifest) -> bytes:
    """The bytes of one member, at most `limit` of them: counted as they come, whatever the header says."""
    pieces, size = [], 0
    try:
        with archive.open(member) as file:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > limit:
                    raise _too_large(manifest)
                pieces.append(piece)
    except Refused:
        raise
    except Exception as error:  # zipfile and zlib answer broken bytes with a dozen kinds of exception
        raise _damaged(member) from error
    if size != member.file_size:
        raise _damaged(member)
    return b"".join(pieces)


def _damaged(member: zipfile.ZipInfo) -> Refused:
    return Refused(f"{_shown(member.orig_filename)} is damaged in the zip; make the zip again; {HELP}")


def _read_plain_file(path: Path, limit: int) -> bytes:
    """At most one byte more than `limit`. A link could point at what its owner must not see, and a FIFO never ends."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Refused(f"{path} is not a plain file; put the file itself there")
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}); make it readable") from error


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _shown(name: str) -> str:
    """A name as one harmless line: escaped where it is not printable, cut where it is long."""
    text = name if len(name) <= 60 else f"{name[:60]}..."
    return text if re.fullmatch(r"[\w./ +-]+", text, re.ASCII) else repr(text)
