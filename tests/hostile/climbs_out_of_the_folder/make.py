"""Names members so that they would land elsewhere."""

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
    """One zip for each way out."""
    for name in ("../target.py", "/tmp/target.py", "C:\\target.py", "a\\..\\..\\target.py", "../submission-2/target.py"):
        yield zipped([("honest.py", good["honest.py"]), (name, good["target.py"])])
