"""Writes that are on the disk when a function returns, and sentences for errors of a disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import OperationalError

from autograder.core.errors import DeepgradeError

CHUNK = 2**20  # bytes of one read


def write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def sentences(path: str) -> Iterator[None]:
    """Turns an error of a disk or a database into a sentence."""
    try:
        yield
    except OSError as error:
        raise DeepgradeError(
            f"{error.filename or path}: {error.strerror or error}; all partial results were removed"
        ) from error
    except (sqlite3.Error, OperationalError) as error:
        words = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise DeepgradeError(
            f"the database cannot be read or written ({words}); all partial results were removed"
        ) from error
