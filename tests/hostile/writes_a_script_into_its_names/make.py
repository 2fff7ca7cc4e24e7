"""Hides scripts, formulas and commands in names and in pictures beside its answer."""

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
    """The right answer, beside files whose names and contents are made for whoever looks at them."""
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    names = ["plot.svg", "page.html", "=cmd|' C'!A0.csv", "<script>alert(1)<script>.py", "$(touch x).py", "`id`.txt", "-rf"]
    yield zipped([*good.items(), *((name, script) for name in names)])
