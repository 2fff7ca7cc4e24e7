"""Unpacks to gigabytes, to a million members, or to more than its headers say."""

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
    """A high ratio, a million members (fewer, with as much to parse), and a size that lies."""
    yield zipped([("target.py", b" " * 2**28), ("honest.py", b"")])
    yield zipped([*good.items(), *((f"{number}.txt", b"") for number in range(5000))])
    bomb = zipped([("target.py", b"# " + b"a" * 2**20), ("honest.py", good["honest.py"])])
    yield bomb.replace((2**20 + 2).to_bytes(4, "little"), (100).to_bytes(4, "little"))
