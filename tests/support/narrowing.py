"""For the type checker: what a test knows to be there."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def not_none(value: T | None) -> T:
    """The value; a test that meets None here has failed."""
    assert value is not None
    return value
