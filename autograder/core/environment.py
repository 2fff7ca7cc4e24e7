"""Which of the caller's variables reach the processes that run tests: those that say where things are, and no others.

PYTEST_ADDOPTS=-x, PYTHONOPTIMIZE=1 (which takes every `assert` out of a test), CI, PYTHONPATH, HYPOTHESIS_*:
each could choose what is graded, or change the last digit of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Where things are, how a terminal looks, what Windows needs for any program, and one GPU's number.
KEPT = set(
    """
    PATH HOME USER LOGNAME TMPDIR TMP TEMP LANG VIRTUAL_ENV LD_LIBRARY_PATH TERM COLORTERM COLUMNS LINES NO_COLOR
    FORCE_COLOR SYSTEMROOT WINDIR COMSPEC PATHEXT SYSTEMDRIVE USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA
    CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES PYTHONDONTWRITEBYTECODE PYTHONIOENCODING PYTHONUTF8
    """.split()
)
PREFIXES = ("DEEPGRADE_", "LC_", "XDG_")
HERE = str(Path(__file__).resolve().parents[2])  # where this package was found


def clean(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Of these variables, what a process that runs tests may have. Sets are in the same order in each of them."""
    kept = {name: value for name, value in environment.items() if name.upper() in KEPT or name.startswith(PREFIXES)}
    # A folder that comes before what is installed: only the one that holds this very package.
    if HERE in environment.get("PYTHONPATH", "").split(os.pathsep):
        kept["PYTHONPATH"] = HERE
    return kept | {"PYTHONHASHSEED": "0"}


@contextmanager
def cleaned(**more: str) -> Iterator[None]:
    """The same in this process, with these besides, until the context is left."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(clean(before) | more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
