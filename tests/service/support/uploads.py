"""Uploads that are unlike all earlier ones: a service takes the results of equal files from an earlier grading."""

from __future__ import annotations

import hashlib
import io
import itertools
import zipfile

_numbers = itertools.count(1)
_handed_in: set[tuple[str, bytes]] = set()  # address of a service, hash of a Python file


def unlike_earlier(data: bytes, address: str) -> bytes:
    """The zip as it is, if its first Python file is new to a service. Otherwise with a new comment at the file's end.

    address : of the service, with its port. Data that is not a zip stays as it is.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        return data
    first = next((member for member in archive.infolist() if member.filename.endswith(".py")), None)
    if first is None:
        return data
    file = address, hashlib.sha256(archive.read(first)).digest()
    if file not in _handed_in:
        _handed_in.add(file)
        return data
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as changed:
        for member in archive.infolist():
            comment = f"\n# {next(_numbers)}\n".encode() if member is first else b""
            changed.writestr(member, archive.read(member) + comment)
    return buffer.getvalue()
