"""What is named as a notebook and cannot be read as one."""

import io
import zipfile

CELLS = b'{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def make(good):
    honest = {"honest.py": good["honest.py"]}
    deep = b"[" * 40_000
    for content in (
        CELLS.replace(b"%s", deep),
        b'{"cells": [], "nbformat": 4, "metadata": {"x": ' + deep,
        CELLS.replace(b"%s", b"1, null, true"),
        CELLS.replace(b"%s", b'{"cell_type": "code", "source": 7}'),
        CELLS.replace(b"%s", b'{"cell_type": "code", "source": ["x", {"y": 1}]}'),
        CELLS.replace(b"%s", b'{"cell_type": "code", "source": "\\ud800"}'),
        CELLS.replace(b'"nbformat": 4', b'"nbformat": 1e400').replace(b"%s", b""),
        b"\xff\xfe{",
        b"",
        good["target.py"],
        zipped(good),
    ):
        yield zipped(honest | {"target.ipynb": content})
    yield zipped(honest | {"target.py": CELLS.replace(b"%s", b"")})
    yield zipped(honest | {"a.ipynb": CELLS, "b\n.ipynb": CELLS, "\u202ec.ipynb": CELLS, "c.ipynb": CELLS})
