"""Brings modules and settings that would be read instead of the grader's."""

import io
import zipfile


def zipped(members):
    """A zip of (name or ZipInfo, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


EVIL = b"import os\nos._exit(0)\n"
NAMES = """conftest.py pytest.ini sitecustomize.py usercustomize.py evil.pth evil-1.0.dist-info/entry_points.txt numpy.py
random.py msgspec.py autograder/__init__.py autograder/wire.py __pycache__/target.cpython-311.pyc target.so honest.so
.hypothesis/examples/0 .git/hooks/post-checkout setup.py tox.ini test_hidden.py test_public.py assignment.toml""".split()


def make(good):
    """The right answer, and every file that Python, pytest or the grader might pick up by itself."""
    yield zipped([*good.items(), *((name, EVIL) for name in NAMES)])
