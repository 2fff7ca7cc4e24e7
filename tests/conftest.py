"""What tests of the engine and the service share: a small course of their own, and the command line as a process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cases
import pytest

from autograder.course import scaffold
from autograder.course.course import Course

REPOSITORY = Path(__file__).resolve().parent.parent

Deepgrade = Callable[..., subprocess.CompletedProcess[str]]


# Files of minutes, the longest first.
LONGEST = (
    "test_four_ways.py",
    "test_assignments.py",
    "test_chaos.py",
    "test_hostile_training.py",
    "test_hostile.py",
    "test_batch.py",
    "test_otter.py",
    "test_processes.py",
    "test_packaging.py",
    "test_browser.py",
)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of what a shell starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # else the programs that tests interrupt inherit it
    config.addinivalue_line("markers", "threat(*rows, tried=''): tries these rows of tests/threats.toml")
    config.addinivalue_line("markers", "some_cases(count): `make test` runs so many of its cases (support/cases.py)")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: the long files often wait, for a lease to run out, a restart, a page."""
    return max(1, 3 * (os.cpu_count() or 1) // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files begin, so that no core waits for one at the end. Some cases are left out (support/cases.py).

    And what a test tries travels with its reports, from whichever process runs it, to `tests/support/threats.py`.
    """
    cases.leave_out(config, items, REPOSITORY)
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    for item in items:
        for mark in item.iter_markers("threat"):
            item.user_properties.append(("threat", [list(mark.args), mark.kwargs.get("tried", "")]))


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """What serves or grades sets its umask for good; the next test of this process starts with ours again."""
    ours = os.umask(0o022)
    yield
    os.umask(ours)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def _course_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    (root / "assignments").mkdir()
    scaffold.create(Course(root), "tiny")
    return root


@pytest.fixture
def course_folder(_course_template: Path, tmp_path: Path) -> Path:
    """A course of one small assignment, `tiny`, which a test may change."""
    return Path(shutil.copytree(_course_template, tmp_path / "course"))


@pytest.fixture
def tiny(course_folder: Path):
    """The assignment of that course."""
    return Course(course_folder)["tiny"]


@pytest.fixture
def deepgrade(course_folder: Path, tmp_path: Path) -> Deepgrade:
    """`deepgrade ARGS...` as a process of its own, on that course, with a data folder of its own."""
    home = tmp_path / "home"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")},
        "DEEPGRADE_COURSE": str(course_folder),
        "DEEPGRADE_HOME": str(home),
        "DEEPGRADE_CACHE": str(tmp_path / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "120",
    }

    def run(*arguments: object, cwd: Path = tmp_path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autograder.cli", *map(str, arguments)],
            cwd=cwd,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
