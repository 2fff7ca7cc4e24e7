"""A submission: the files that the manifest names, taken out of a zip or a folder, and nothing else.

    upload ──> small enough? ──> few members? ──> every name, type and size harmless? ──> the named files, in memory

Nothing is written to disk, no name ever becomes a path, and a member that the manifest does not name is never even
decompressed. Bytes are counted while they stream out, because a header may lie about them. Whatever is wrong raises
`Refused` with one sentence that tells the student what to do; an upload that is refused uses no attempt.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import DeepgradeError, Refused
from autograder.manifest import Manifest

MEMBERS = 1000  # in one zip, folders included; past it the upload is refused
NAME_CHARACTERS = 512  # of one member's name, folders included; past it the upload is refused
PIECE = 64 * 1024  # bytes decompressed at a time
NOTED_FILES = 8  # extra files that a note names; of more it says how many

# What operating systems put beside a student's files without being asked: passed over in silence.
LITTER = re.compile(r"__MACOSX/.*|(.*/)?(\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini)", re.DOTALL)
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
    """The submission in a zip file or a folder."""
    if path.is_dir():
        return read_folder(path, manifest)
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


def read_zip(data: bytes, manifest: Manifest) -> Submission:
    """The submission in the bytes of a zip."""
    _check_upload_size(len(data), manifest)
    with _opened(data) as archive:
        members = archive.infolist()
        _check_members(members)
        _check_sizes(members, len(data), manifest)
        real = [member for member in members if not LITTER.fullmatch(member.orig_filename)]
        chosen, extra = _choose(real, manifest.files)
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


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Every member, handed on or not, has a harmless name that no other has, a plain type, and no password."""
    seen: dict[str, str] = {}
    for member in members:
        name = member.orig_filename  # `filename` ends at a NUL and has separators replaced
        _check_name(name)
        _check_type(member)
        if member.flag_bits & ENCRYPTED:
            raise Refused(f"{_shown(name)} is encrypted; make the zip without a password; {HELP}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # The others can be told to take gigabytes of memory for their dictionaries.
            raise Refused(f"{_shown(name)} is compressed in an unusual way; use plain zip (deflate); {HELP}")
        key = unicodedata.normalize("NFKC", name.rstrip("/")).casefold()
        if key in seen:
            other = "twice" if seen[key] == name else f"and {_shown(seen[key])}, which count as one name"
            raise Refused(f"the zip holds {_shown(name)} {other}; keep one of them; {HELP}")
        seen[key] = name


def _check_name(name: str) -> None:
    parts = name.removesuffix("/").split("/")
    if len(name) > NAME_CHARACTERS:
        why = f"is longer than {NAME_CHARACTERS} characters"
    elif any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name):
        why = "holds a control character"
    elif "\\" in name:
        why = "holds a backslash"
    elif name.startswith("/") or re.match(r"[A-Za-z]:", name):
        why = "is an absolute path"
    elif any(part in ("", ".", "..") for part in parts):
        why = "points out of its folder"
    else:
        return
    raise Refused(f"the zip holds a name that {why}: {_shown(name)}; {HELP}")


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


def _check_sizes(members: list[zipfile.ZipInfo], end: int, manifest: Manifest) -> None:
    """No two members share bytes, and together they do not claim to unpack to more than the limit."""
    free_from = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        # A member takes at least its local header (30 bytes and the name) and its data.
        stop = member.header_offset + 30 + len(member.orig_filename) + member.compress_size
        if member.header_offset < free_from or stop > end:
            raise Refused(f"the zip is malformed: {_shown(member.orig_filename)} shares bytes with another; {HELP}")
        free_from = stop
    if sum(member.file_size for member in members) > manifest.limits.upload_kb * 1024:
        raise _too_large(manifest)


def _too_large(manifest: Manifest) -> Refused:
    return Refused(
        f"the zip unpacks to more than {manifest.limits.upload_kb:,} kB; "
        f"hand in a zip with {_listed(manifest.files)} alone; {HELP}"
    )


def _choose(members: list[zipfile.ZipInfo], names: list[str]) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """The members of the named files, at the top or in one folder around everything; and the names of the others."""
    files = {member.orig_filename: member for member in members if not member.orig_filename.endswith("/")}
    tops = {name.split("/")[0] for name in files}
    wrapped = len(tops) == 1 and all("/" in name for name in files)
    root = f"{tops.pop()}/" if wrapped else ""
    missing = [name for name in names if root + name not in files]
    if missing:
        raise Refused(_why_missing(missing, root, list(files)))
    chosen = {name: files[root + name] for name in names}
    return chosen, [name for name in files if name.removeprefix(root) not in chosen]


def _why_missing(missing: list[str], root: str, found: list[str]) -> str:
    for name in missing:
        for other in found:
            path, _, last = other.rpartition("/")
            if last == name:
                return f"{name} lies too deep, in {_shown(path)}; put it at the top of the zip; {HELP}"
            if last.casefold() == name.casefold():
                return f"the zip holds {_shown(other)}, which must be named {name} exactly; rename it; {HELP}"
    return f"the zip holds no {_listed(missing)}; put {'it' if len(missing) == 1 else 'them'} in; {HELP}"


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
