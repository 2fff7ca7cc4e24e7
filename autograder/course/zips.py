"""Reads named files from the bytes of a zip, in memory.

No name becomes a path. A member that the manifest does not name is never decompressed; its name is noted, and it is not
a reason to refuse the upload. Bytes are counted while they are decompressed, because a header may lie about them.
"""

from __future__ import annotations

import io
import stat
import zipfile

from autograder.core.errors import Refused
from autograder.course.locating import HELP, LITTER, join_names, key_of, path_of, printable_name, root_of
from autograder.course.manifest import Manifest

MEMBERS = 1000  # in one zip, folders included; past it the upload is refused
PIECE = 64 * 1024  # bytes decompressed at a time
CENTRAL_HEADER = b"PK\x01\x02"
OTHER_ARCHIVES = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7z archive", b"\x1f\x8b": "a gzip file"}
ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags: encrypted, strongly encrypted, with masked headers


def files_of_zip(data: bytes, manifest: Manifest) -> tuple[dict[str, bytes], list[str]]:
    """The manifest's files, and the names of the other members. Raises Refused."""
    check_upload_size(len(data), manifest)
    with _opened(data) as archive:
        members = archive.infolist()
        relevant = [member for member in members if not LITTER.fullmatch(member.orig_filename)]
        selected, extra = _select(relevant, manifest)
        _check_selected(selected, members)
        _check_places(members, len(data))
        if sum(member.file_size for member in selected.values()) > manifest.limits.upload_kb * 1024:
            raise _too_large(manifest)
        files, remaining = {}, manifest.limits.upload_kb * 1024
        for name, member in selected.items():
            files[name] = _decompressed(archive, member, remaining, manifest)
            remaining -= len(files[name])
    return files, extra


def check_upload_size(size: int, manifest: Manifest) -> None:
    if size == 0:
        raise Refused(f"the upload is empty (0 bytes); hand in a zip with {join_names(manifest.files)}")
    if size > manifest.limits.upload_kb * 1024:
        raise Refused(
            f"the upload has {-(-size // 1024):,} kB, the limit is {manifest.limits.upload_kb:,} kB; "
            f"hand in a zip with {join_names(manifest.files)} alone; {HELP}"
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


def _check_selected(selected: dict[str, zipfile.ZipInfo], members: list[zipfile.ZipInfo]) -> None:
    """Each selected file must have a unique name, a plain type, and no password."""
    keys: dict[str, list[str]] = {}
    for member in members:
        keys.setdefault(key_of(member.orig_filename), []).append(member.orig_filename)
    for member in selected.values():
        name = member.orig_filename
        _check_type(member)
        if member.flag_bits & ENCRYPTED:
            raise Refused(f"{printable_name(name)} is encrypted; make the zip without a password; {HELP}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Other methods can allocate gigabytes of memory for their dictionaries.
            raise Refused(f"{printable_name(name)} is compressed in an unusual way; use plain zip (deflate); {HELP}")
        first, *others = keys[key_of(name)]
        if others:
            duplicate = "twice" if first == others[0] else f"and {printable_name(first)}, which count as one name"
            raise Refused(f"the zip holds {printable_name(others[0])} {duplicate}; keep one of them; {HELP}")


def _check_type(member: zipfile.ZipInfo) -> None:
    mode = member.external_attr >> 16  # zero in zips made on Windows
    kind, name = stat.S_IFMT(mode), member.orig_filename
    if name.endswith("/") and kind in (0, stat.S_IFDIR):
        return  # a folder with any bits: no folder is created
    if kind == stat.S_IFLNK:
        raise Refused(f"{printable_name(name)} is a link; put the file itself into the zip; {HELP}")
    if kind not in (0, stat.S_IFREG):
        raise Refused(f"{printable_name(name)} is not a plain file; put plain files into the zip; {HELP}")
    if mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise Refused(f"{printable_name(name)} has a setuid, setgid or sticky bit; take it away with chmod; {HELP}")


def _check_places(members: list[zipfile.ZipInfo], end: int) -> None:
    """No two members share bytes."""
    free_from = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        # A member takes at least its local header (30 bytes and the name) and its data.
        stop = member.header_offset + 30 + len(member.orig_filename) + member.compress_size
        if member.header_offset < free_from or stop > end:
            raise Refused(
                f"the zip is malformed: {printable_name(member.orig_filename)} shares bytes with another; {HELP}"
            )
        free_from = stop


def _too_large(manifest: Manifest) -> Refused:
    return Refused(
        f"the zip unpacks to more than {manifest.limits.upload_kb:,} kB; "
        f"hand in a zip with {join_names(manifest.files)} alone; {HELP}"
    )


def _select(members: list[zipfile.ZipInfo], manifest: Manifest) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
    """The members of the named files, and the names of the others. Raises Refused if a file is missing."""
    files = [member for member in members if not member.orig_filename.endswith(("/", "\\"))]
    by_path: dict[str, zipfile.ZipInfo] = {}
    for member in files:
        if (path := path_of(member.orig_filename)) is not None:
            by_path.setdefault(path, member)
    root = root_of(by_path, manifest.files, [member.orig_filename for member in files])
    names = [*manifest.files, *(name for name in manifest.optional if root + name in by_path)]
    selected = {name: by_path[root + name] for name in names}
    taken = {member.header_offset for member in selected.values()}
    return selected, [member.orig_filename for member in files if member.header_offset not in taken]


def _decompressed(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, manifest: Manifest) -> bytes:
    """The bytes of one member, at most `limit`, counted while they are decompressed."""
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
    return Refused(f"{printable_name(member.orig_filename)} is damaged in the zip; make the zip again; {HELP}")
