"""A collected test: its id, whether it is one of ours, and the tests that it depends on."""

from __future__ import annotations

import inspect

import pytest

ASKING = ("student", "race", "training")  # fixtures that need the student's code; only tests with one are ours


def id_of(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"


def asks_for_student(item: pytest.Item) -> bool:
    return not set(ASKING).isdisjoint(getattr(item, "fixturenames", ()))


def undrawn(item: pytest.Function) -> set[str]:
    """The names of its fixtures and parameters; hypothesis draws its other arguments."""
    return set(inspect.signature(item.function).parameters)


def needed_by(item: pytest.Item) -> list[str]:
    """The names in its `@needs`."""
    return [name for mark in item.iter_markers("needs") for name in mark.args]
