"""The folder for data, and the course's secret, from which the seeds of the hidden tests are derived.

    DEEPGRADE_SECRET               the secret itself, for a machine without a disk
    DEEPGRADE_HOME/course.secret   otherwise this file, made on first use, readable by its owner only

A lost secret changes the examples that hidden tests draw. Anyone who knows the secret can draw them beforehand.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from autograder.core.errors import DeepgradeError

BYTES = 32
LEAST_CHARACTERS = 16  # of DEEPGRADE_SECRET: a shorter one can be guessed
LEAST_DIFFERENT = 6  # different characters; 64 random hexadecimal digits have 10 or more


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """DEEPGRADE_HOME, or the folder for data of the XDG standard."""
    configured = environment.get("DEEPGRADE_HOME")
    if configured:
        return Path(configured).expanduser().absolute()
    data = environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "deepgrade"


def course_secret(environment: Mapping[str, str] = os.environ) -> bytes:
    """The secret of this machine's course. Raises DeepgradeError if it is weak or cannot be kept secret."""
    configured = environment.get("DEEPGRADE_SECRET")
    if configured is not None:
        if len(configured) < LEAST_CHARACTERS:
            raise DeepgradeError(
                f"DEEPGRADE_SECRET has {len(configured)} characters, fewer than {LEAST_CHARACTERS}; make a longer one"
            )
        if len(set(configured)) < LEAST_DIFFERENT:
            raise DeepgradeError(
                f"DEEPGRADE_SECRET is made of {len(set(configured))} different characters, which can be guessed; "
                "use what `openssl rand -hex 32` prints"
            )
        return configured.encode()
    folder = home(environment)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return load_or_make(folder / "course.secret")
    except OSError as error:
        raise DeepgradeError(
            f"{folder}: the course's secret cannot be kept there ({error.strerror}); "
            "set DEEPGRADE_HOME to a folder you may write to"
        ) from error


def load_or_make(path: Path) -> bytes:
    """The secret in a file, made on first use. Two processes that start at once get the same secret."""
    if not path.exists():
        _make(path)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise DeepgradeError(f"{path}: can be read by others (mode {mode:o}); run `chmod 600 {path}`")
    secret = path.read_bytes()
    if len(secret) != BYTES:
        raise DeepgradeError(f"{path}: holds {len(secret)} bytes, not {BYTES}; restore it from a backup or delete it")
    return secret


def _make(path: Path) -> None:
    """Write the secret to a temporary file and link it, so that no process reads a part of it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first, and its secret is used
    finally:
        draft.unlink()
