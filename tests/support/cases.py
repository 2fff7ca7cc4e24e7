"""Which cases of a long test `make test` runs: `@pytest.mark.some_cases(2)`. `make nightly` runs all of them,
and so does a run of tests that are named (`pytest FILE::test`).

The cases are chosen by the commit, so that all of them are tried as a branch grows, and a run can be repeated. Tests of
one file choose the same cases.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

ALL = "DEEPGRADE_ALL_CASES"  # this variable of the environment is set by `make nightly`


def chosen(ids: Iterable[str], count: int, seed: str) -> set[str]:
    """count of these ids."""
    return set(in_order(ids, seed)[:count])


def in_order(ids: Iterable[str], seed: str) -> list[str]:
    """The ids, each once, in an order by chance that the seed fixes."""
    return sorted(set(ids), key=lambda id: hashlib.sha256(f"{seed} {id}".encode()).digest())


def commit(repository: Path) -> str:
    """Its hash; nothing where this is no checkout."""
    command = ["git", "-C", str(repository), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def split(items: list[pytest.Item], seed: str) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """(the tests to run, those that are left out)"""
    marked: dict[tuple[Path, str], list[pytest.Function]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("some_cases"):
            marked[item.path, item.originalname].append(item)
    left_out: set[str] = set()
    for (path, _), cases in marked.items():
        mark = cases[0].get_closest_marker("some_cases")
        assert mark is not None
        kept = chosen([case.callspec.id for case in cases], mark.args[0], f"{seed} {path.name}")
        left_out |= {case.nodeid for case in cases if case.callspec.id not in kept}
    return [item for item in items if item.nodeid not in left_out], [item for item in items if item.nodeid in left_out]


def leave_out(config: pytest.Config, items: list[pytest.Item], repository: Path) -> None:
    if os.environ.get(ALL) or any("::" in argument for argument in config.args):
        return  # whoever names a test wants all of it
    items[:], left_out = split(items, commit(repository))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
