"""Gives two members one name, up to case."""

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
    """One zip for each ambiguous name."""
    yield zipped([*good.items(), ("Target.py", b"x = 1\n")])
    yield zipped([*good.items(), ("targes.py", b"x = 1\n")]).replace(b"targes.py", b"target.py")
