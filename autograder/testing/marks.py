"""What a test says about itself: its points, its problem, its limits, what it stands on; and what a mutant says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


def points(number: float, *, problem: str) -> Any:
    """This test is worth `number` points of the manifest's problem named `problem`."""
    if number < 0:
        raise ValueError(f"points must be at least 0, not {number}")
    return pytest.mark.points(number, problem=problem)


def limits(
    *,
    seconds: float | None = None,
    test_seconds: float | None = None,
    judge_seconds: float | None = None,
    judge_memory_mb: int | None = None,
) -> Any:
    """Other limits than the manifest's, for this test.

    seconds, test_seconds : wall time of one call, and of all its calls together.
    judge_seconds, judge_memory_mb : processor time and memory of the test's own work: drawing, oracles, comparisons.
        `verify` says where right answers need more than a tenth of it.
    """
    return pytest.mark.limits(
        seconds=seconds, test_seconds=test_seconds, judge_seconds=judge_seconds, judge_memory_mb=judge_memory_mb
    )


def needs(*tests: str) -> Any:
    """This test stands on functions that the named tests (of either file) judge.

    If one of those did not pass, this one is `blocked`: it says which, instead of blaming the wrong function.
    Named tests must stand earlier in the same file, or in the public tests. Of a parametrised test all cases are
    needed, or the one that is named: needs("test_x[mean]").
    """
    return pytest.mark.needs(*tests)


@dataclass(frozen=True)
class Mutant:
    target: str
    killed_by: str
    kind: str


def mutant(target: str, *, killed_by: str, kind: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A wrong answer: the decorated function or class stands in for the reference's `target`.

    Named for its mistake; `killed_by` is the test that must fail because of it. The body is put behind the reference's
    source, so it sees the reference's imports and helpers; `reference.<name>` is the right version of any of them.
    kind : one of the kinds in autograder/course/mutants.py, where the mistake is of one of them. `deepgrade
        mistakes` prints which kinds were tried in which functions.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__mutant__ = Mutant(target, killed_by, kind)  # type: ignore[attr-defined]
        return function

    return mark
