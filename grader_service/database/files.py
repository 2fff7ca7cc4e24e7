"""The bytes that students hand in, by their hash: small files in the database, larger ones in a store.

    database    a row's own bytes; with no DEEPGRADE_FILES all of them
    file://     FOLDER/ab/abcd...: written beside the target, flushed to the disk, then named
    s3:// ...   any store that fsspec supports

They are stored before the row that names them commits, so a receipt is true. Bytes without a row only cost space. The
bytes of a read must have the expected hash.

Bytes are deleted with the last person who handed them in. At the same time another person may hand in the same bytes:

    hand in   keep the bytes ──> lock (shared): submission, are the bytes still there? else once more ──> commit
    forget                       lock: does no submission name them? then out of the store, and row   ──> commit
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core import own_wheels
from autograder.core.errors import DeepgradeError, GraderError
from grader_service.core.settings import Settings
from grader_service.database.models import Submission, Upload
from grader_service.database.session import one_at_a_time

UPLOADS = "uploads"  # a lock: shared to add rows of uploads, exclusive to delete them
IN_STORE = sa.and_(Upload.size > 0, sa.func.length(Upload.data) == 0)  # where an upload's bytes lie


class StoreError(GraderError):
    """The store cannot be written or read, or it returns other bytes than the stored ones."""


class Store(Protocol):
    def put(self, sha256: str, data: bytes) -> None: ...

    def get(self, sha256: str) -> bytes: ...

    def has(self, sha256: str) -> bool: ...

    def remove(self, sha256: str) -> None: ...

    def look(self) -> None:
        """Fails if the store cannot be used."""


class Files:
    def __init__(self, settings: Settings) -> None:
        """Raises DeepgradeError for an address that is not valid."""
        self._store = _store(settings.files) if settings.files else None
        self._inline = settings.inline_kb * 1024

    def problems(self) -> list[str]:
        """At the start: a sentence if the store cannot be used; uploads up to DEEPGRADE_INLINE_KB need no store."""
        try:
            if self._store is not None:
                self._store.look()
        except Exception as error:  # each kind of store has errors of its own
            return [
                f"the file store of DEEPGRADE_FILES cannot be used ({_words(error)}), so uploads larger than "
                "DEEPGRADE_INLINE_KB are refused; repair it, or correct the address"
            ]
        return []

    def keep(self, data: bytes) -> Upload:
        """Store bytes and return the row to add. Raises StoreError if that fails."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self._store is None or len(data) <= self._inline:
            return Upload(sha256=sha256, data=data, size=len(data))
        self.put(sha256, data)
        return Upload(sha256=sha256, data=b"", size=len(data))

    def put(self, sha256: str, data: bytes) -> None:
        """Store the bytes of an upload that has a row. Raises StoreError if that fails."""
        assert self._store is not None
        try:
            self._store.put(sha256, data)
        except Exception as error:  # each kind of store has errors of its own
            raise StoreError(f"the file store cannot be written ({_words(error)})") from error

    def keep_still(self, upload: Upload, data: bytes) -> None:
        """Call it in the transaction that adds the row of `keep`: stores bytes again that were deleted since.
        Raises StoreError if that fails."""
        if upload.data or not upload.size:
            return
        assert self._store is not None
        try:
            is_stored = self._store.has(upload.sha256)
        except Exception as error:
            raise StoreError(f"the file store cannot be read ({_words(error)})") from error
        if not is_stored:
            self.put(upload.sha256, data)

    def read(self, session: Session, sha256: str) -> bytes:
        """Raises StoreError if the bytes are missing or are not the stored ones."""
        data, size = session.execute(sa.select(Upload.data, Upload.size).where(Upload.sha256 == sha256)).one()
        if not data and size:
            if self._store is None:
                raise StoreError("this upload is in a file store; set DEEPGRADE_FILES to its address")
            try:
                data = self._store.get(sha256)
            except Exception as error:
                raise StoreError(f"the file store cannot be read ({_words(error)})") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(f"the file stored as {sha256} has another hash; it was changed or is damaged")
        return data

    def forget(self, session: Session, sha256: str) -> None:
        """Delete bytes from the store, and their row, in a writing transaction of their own, unless a submission names
        them again: until it ends, nobody adds one. The bytes may be missing already. Raises StoreError if that
        fails; then the row stays, so that they can be deleted later."""
        if self._store is None:
            return
        one_at_a_time(session, UPLOADS)
        if session.scalar(sa.select(Submission.id).where(Submission.sha256 == sha256).limit(1)) is not None:
            return  # another person has handed in the same bytes since
        try:
            self._store.remove(sha256)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise StoreError(f"the file store cannot be written ({_words(error)})") from error
        session.execute(sa.delete(Upload).where(Upload.sha256 == sha256))


def _store(address: str) -> Store:
    kind = urlsplit(address).scheme
    if kind == "file":
        return Folder(Path(unquote(urlsplit(address).path)))
    if not kind:
        raise DeepgradeError(f"DEEPGRADE_FILES is {address!r}; write it like file:///folder or s3://bucket/prefix")
    return Remote(address)


class Folder:
    """Files below one folder, which may be shared by all hosts."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def look(self) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self._root, os.W_OK | os.X_OK):
            raise PermissionError(f"{self._root} cannot be written")

    def put(self, sha256: str, data: bytes) -> None:
        path = self._path(sha256)
        if not path.exists():
            self._write(path, data)
        # A name is on the disk only after its folder is flushed. This is done also if the file exists: the process that
        # wrote it may have been killed before.
        for folder in (path.parent, self._root):
            _sync(folder)

    def _write(self, path: Path, data: bytes) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def get(self, sha256: str) -> bytes:
        return self._path(sha256).read_bytes()

    def has(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def remove(self, sha256: str) -> None:
        self._path(sha256).unlink()

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256


class Remote:
    """An object store: it keeps the bytes once it has answered."""

    def __init__(self, address: str) -> None:
        try:
            import fsspec

            self._system, self._root = fsspec.url_to_fs(address)
        except ImportError as error:
            raise DeepgradeError(
                f"DEEPGRADE_FILES is {address!r}, but the library for it is not installed ({error}); for s3:// "
                f"{own_wheels.how_to_install('s3')}; each other kind of store needs its own library"
            ) from error
        except ValueError as error:
            raise DeepgradeError(f"DEEPGRADE_FILES is {address!r}: {error}") from error

    def look(self) -> None:
        self._system.exists(self._path("0" * 64))

    def put(self, sha256: str, data: bytes) -> None:
        self._system.pipe_file(self._path(sha256), data)

    def get(self, sha256: str) -> bytes:
        data: bytes = self._system.cat_file(self._path(sha256))
        return data

    def has(self, sha256: str) -> bool:
        return bool(self._system.exists(self._path(sha256)))

    def remove(self, sha256: str) -> None:
        self._system.rm_file(self._path(sha256))

    def _path(self, sha256: str) -> str:
        return f"{self._root.rstrip('/')}/{sha256[:2]}/{sha256}"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
