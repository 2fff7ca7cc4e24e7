"""What a test compared: of each run of a test's body, the comparison that failed.

    with watched() as watch:
        body(student)                # raises Mismatch where a comparison fails
    watch.failed                     # Comparison(place=2, kind="wrong_value", actual=.., expected=..)

Comparisons inside a comparison do not count. Outside of `watched` nothing is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from autograder.testing.mismatch import Mismatch

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Comparison:
    """One that failed."""

    place: int  # how many comparisons of this run came before it
    kind: str  # of the mismatch
    text: str  # of the mismatch
    actual: Any = None
    expected: Any = None
    has_values: bool = False  # actual and expected are values; of a `check` there are none


@dataclass
class Watch:
    count: int = 0
    failed: Comparison | None = None
    is_inside: bool = False  # of a comparison


_watch: Watch | None = None


@contextmanager
def watched() -> Iterator[Watch]:
    """Around one run of a test's body."""
    global _watch
    before, _watch = _watch, Watch()
    try:
        yield _watch
    finally:
        _watch = before


def observed(values: Callable[..., tuple[Any, Any]] | None = None) -> Callable[[Function], Function]:
    """Marks a function that compares, and raises Mismatch.

    values : from its arguments to (actual, expected).
    """

    def mark(function: Function) -> Function:
        @functools.wraps(function)
        def compare(*args: Any, **kwargs: Any) -> Any:
            watch = _watch
            if watch is None or watch.is_inside:
                return function(*args, **kwargs)
            watch.is_inside = True
            try:
                return function(*args, **kwargs)
            except Mismatch as mismatch:
                actual, expected = values(*args, **kwargs) if values else (None, None)
                watch.failed = Comparison(watch.count, mismatch.kind, str(mismatch), actual, expected, bool(values))
                raise
            finally:
                watch.is_inside = False
                watch.count += 1

        return compare  # type: ignore[return-value]

    return mark


def actual_and_expected(actual: Any, expected: Any, **options: Any) -> tuple[Any, Any]:
    """`values` of the comparisons whose first two arguments these are."""
    return actual, expected
