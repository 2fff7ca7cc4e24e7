"""Hands in what is encrypted, cut short, empty, no zip, or without the file to grade."""

import io
import zipfile


def zipped(members):
    """A zip of (name or ZipInfo, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def make(good):
    """One upload for each way to hand in nothing."""
    whole = zipped(good.items())
    yield b""
    yield b"def double(x):\n    return 2 * x\n"
    yield whole[: len(whole) // 2]
    yield whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]
    yield zipped([("notes.txt", b"")])
    at = whole.index(b"PK\x01\x02") + 8
    yield whole[:at] + b"\x01" + whole[at + 1 :]
