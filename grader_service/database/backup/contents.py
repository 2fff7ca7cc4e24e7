"""What a backup contains, by `backup.json`, and whether every byte of it is there."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import msgspec

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import DeepgradeError
from grader_service.database.backup.disk import CHUNK, sentences

CONTENTS = "backup.json"
SQLITE, POSTGRESQL = "deepgrade.sqlite3", "deepgrade.dump"
SECRETS = ("session.key", "course.secret", "lti.keys")
FORMAT = 1


class Kept(msgspec.Struct, frozen=True):
    """A file of the backup."""

    size: int  # bytes
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """`backup.json`."""

    format: int
    made_at: str  # ISO 8601, UTC
    deepgrade: str
    database: str  # "sqlite" or "postgresql"
    revision: str  # of the tables
    secret: str  # a hash that tells the course's secret from another, and from which it cannot be had
    files: dict[str, Kept]
    missing: list[str] = []  # uploads whose bytes the store did not give, or not whole

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(one.size for one in self.files.values())


_CONTENTS: TypedDecoder[Contents] = TypedDecoder(Contents)


def check(folder: Path) -> Contents:
    """What is in a backup. Raises DeepgradeError where it is none, or a byte of it is not what it was."""
    path = folder / CONTENTS
    try:
        contents = _CONTENTS.json(path.read_bytes())
    except OSError as error:
        raise DeepgradeError(f"{folder}: is not a backup: {CONTENTS} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DeepgradeError(f"{path}: was not written by `deepgrade backup` ({error})") from error
    if contents.format != FORMAT:
        raise DeepgradeError(
            f"{path}: has format {contents.format}, but this deepgrade reads format {FORMAT}; install a newer deepgrade"
        )
    if wrong := [name for name in contents.files if not _is_inside(name)]:
        raise DeepgradeError(f"{path}: names {wrong[0]!r}, which is not a file of a backup")
    with sentences(str(folder)):
        for name, kept in contents.files.items():
            if not (folder / name).is_file():
                raise DeepgradeError(f"{folder / name}: is missing; use another backup")
            if look(folder / name) != kept:
                raise DeepgradeError(
                    f"{folder / name}: differs from what was backed up (its checksum is wrong); use another backup"
                )
    return contents


def look(path: Path) -> Kept:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Kept(size, digest.hexdigest())


def fingerprint(secret: bytes) -> str:
    return hmac.new(secret, b"deepgrade backup", hashlib.sha256).hexdigest()[:16]


def _is_inside(name: str) -> bool:
    """`backup.json` comes from a disk that others may have had: no name in it leads out of the folder."""
    if name in (SQLITE, POSTGRESQL, *SECRETS):
        return True
    parts = name.split("/")
    return (
        len(parts) == 3
        and parts[0] == "files"
        and len(parts[2]) == 64
        and set(parts[2]) <= set("0123456789abcdef")
        and parts[1] == parts[2][:2]
    )
