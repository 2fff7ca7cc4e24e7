"""Files that are there whole or not at all, and those that are for their owner's eyes alone.

What holds the course's secret, hidden tests, or what they asked (an autograder.zip, a bundle, reports for staff) is
SECRET, also where a file of its name was there before, for all to read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

SECRET = 0o600
SECRET_FOLDER = 0o700


def whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file, or leave what was there. Raises OSError."""
    with draft(path, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def draft(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A file to be written, which takes its place when the context is left, and is gone if something goes wrong.

    mode : its permissions; None leaves them to the umask, or as they were.
    """
    target = path.resolve()  # a link stays one
    place = target.with_name(f".{target.name}.{os.getpid()}")
    after = mode
    if mode is None and target.is_file():
        after = target.stat().st_mode & 0o777
    place.unlink(missing_ok=True)  # of a process that was killed, and had our number
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(place, flags, 0o666 if mode is None else mode), "wb") as file:
            yield file
        if after is not None:
            place.chmod(after)
        place.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            place.unlink()
        raise
