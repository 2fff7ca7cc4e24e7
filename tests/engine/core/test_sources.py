"""Python sources are parsed by one thread at a time."""

from __future__ import annotations

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from architecture import REPOSITORY, python_files

from autograder.core import sources


class Lingering:
    """Garbage whose finalizer lets other threads run, wherever it is collected."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(1e-4)


@pytest.fixture
def _eager():
    """Garbage is collected often, and threads change often."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(200)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


def failures(parse) -> int:
    """How often it raises SystemError, in eight threads."""
    text = (REPOSITORY / "autograder" / "judge" / "plugin.py").read_bytes()

    def one(_: int) -> int:
        for _ in range(3):
            Lingering()
        try:
            parse(text)
        except SystemError:
            return 1
        return 0

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(one, range(200)))


@pytest.mark.usefixtures("_eager")
def test_many_threads_may_parse():
    assert failures(sources.tree_of) == 0


def test_nobody_else_parses():
    found = []
    for path in python_files("autograder") + python_files("grader_service"):
        if "ast.parse(" in path.read_text(encoding="utf-8") and path.name != "sources.py":
            found.append(path.relative_to(REPOSITORY).as_posix())
    assert found == []
