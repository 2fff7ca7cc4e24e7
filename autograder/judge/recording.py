"""Recordings: the examples that hypothesis has drawn for a test, kept as data and replayed for every submission.

    the first submission    hypothesis draws examples and runs the test's body with each
    before the second one   the reference answers, in a process of its own, and the examples are recorded
    from then on            the body is run with copies of the recorded examples, in their order; hypothesis draws again
                            only where one of them fails and a smaller one is wanted

A recording is of one assignment's tests, one reference and one course secret (prepared.py); it is never written to a
disk. Its values are pickled by a process of ours that no student's code has entered, and unpickled by others. Not
recorded, and drawn for every submission:

    tests that draw after they have asked the student, since such a draw may depend on the answer
    examples that cannot be pickled
    races and training checks, which draw nothing
    what is past LIMIT_BYTES
"""

from __future__ import annotations

import contextlib
import pickle
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis.strategies import DataObject

from autograder.judge.items import undrawn
from autograder.student.link import questions

LIMIT_BYTES = 256 * 2**20  # of all examples of one recording
UNRECORDED = ("race", "training")  # fixtures whose tests are about time, and draw nothing


@dataclass(frozen=True)
class Example:
    """One run of a test's body: its drawn arguments, and what it drew itself through `st.data()`, in order."""

    arguments: bytes  # pickled
    draws: tuple[bytes, ...]  # each pickled

    def copy(self) -> dict[str, Any]:
        """The arguments anew, by name: a student's function may change them."""
        arguments: dict[str, Any] = unpacked(self.arguments)
        for name, value in arguments.items():
            if isinstance(value, _Placeholder):
                arguments[name] = _Replayed(self.draws)
        return arguments


class Recording:
    """The examples of the tests of an assignment; each test has some under each secret that it is run with."""

    def __init__(self) -> None:
        self._examples: dict[tuple[str, bytes], list[Example]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """How many tests it has examples of, under any secret."""
        return len({test for test, _ in self._examples})

    def examples(self, test: str, secret: bytes) -> list[Example] | None:
        """In the order in which they were drawn; None where hypothesis draws them."""
        return self._examples.get((test, secret))

    def add(self, test: str, secret: bytes, examples: list[Example]) -> None:
        size = sum(len(part) for example in examples for part in (example.arguments, *example.draws))
        if self._bytes + size <= LIMIT_BYTES:
            self._bytes += size
            self._examples[test, secret] = examples


def packed(value: Any) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpacked(content: bytes) -> Any:
    """Only of what `packed` has returned in a process of ours."""
    return pickle.loads(content)


def is_recordable(item: pytest.Item) -> bool:
    """May its examples be recorded? Only hypothesis draws any."""
    return (
        isinstance(item, pytest.Function)
        and hasattr(item.obj, "hypothesis")
        and item.cls is None
        and set(UNRECORDED).isdisjoint(item.fixturenames)
    )


class NotReplayable(Exception):
    """A body drew otherwise than it did when it was recorded."""


class Tape:
    """Takes the examples of one test that is recordable, while the reference runs it."""

    def __init__(self, item: pytest.Function) -> None:
        self._fixed = undrawn(item)
        self._examples: list[Example] = []
        self._draws: list[bytes] = []
        self._questions = 0
        self._student: Any = None
        self._is_recordable = True  # until something turns up that is not

    @property
    def examples(self) -> list[Example] | None:
        """Of all runs that came to their end; None where they cannot be replayed."""
        return self._examples if self._is_recordable and self._examples else None

    @contextlib.contextmanager
    def example(self, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Around one run: yields the arguments to run it with. A run that raises is not kept."""
        self._student = arguments.get("student")
        self._questions, self._draws = self._asked(), []
        kept: dict[str, Any] = {}
        for name, value in arguments.items():
            if name not in self._fixed:
                kept[name] = _Placeholder() if isinstance(value, DataObject) else value
        pickled = self._pickled(kept)
        try:
            yield {
                name: _Recorded(value, self) if isinstance(value, DataObject) else value
                for name, value in arguments.items()
            }
        except hypothesis.errors.UnsatisfiedAssumption:
            if self._asked() != self._questions:  # what the student prints in such a run would be missing
                self._is_recordable = False
            raise
        self._examples.append(Example(pickled, tuple(self._draws)))

    def add_draw(self, value: Any) -> None:
        if self._asked() != self._questions:
            self._is_recordable = False
        self._draws.append(self._pickled(value))

    def _asked(self) -> int:
        return questions(self._student) if self._student is not None else 0

    def _pickled(self, value: Any) -> bytes:
        try:
            return packed(value) if self._is_recordable else b""
        except Exception:  # pickle raises whatever the value's own methods raise
            self._is_recordable = False
            return b""


class _Placeholder:
    """Stands for `st.data()` in recorded arguments."""


class _Recorded:
    """`st.data()` while a test is recorded."""

    def __init__(self, data: DataObject, tape: Tape) -> None:
        self._data, self._tape = data, tape

    def draw(self, strategy: Any, label: Any = None) -> Any:
        value = self._data.draw(strategy, label)
        self._tape.add_draw(value)
        return value


class _Replayed:
    """`st.data()` while a test is replayed."""

    def __init__(self, draws: tuple[bytes, ...]) -> None:
        self._draws = iter(draws)

    def draw(self, strategy: Any, label: Any = None) -> Any:
        pickled = next(self._draws, None)
        if pickled is None:
            raise NotReplayable
        return unpacked(pickled)


def replay(item: pytest.Function, examples: list[Example]) -> None:
    """Run the body of a test with each example. Raises what the body raises first, and NotReplayable."""
    body = item.obj.hypothesis.inner_test
    fixtures = {name: item.funcargs[name] for name in undrawn(item)}
    with warnings.catch_warnings():
        # `assume` warns where no run of hypothesis is around it; one that fails here ends the replay.
        warnings.simplefilter("ignore", hypothesis.errors.HypothesisDeprecationWarning)
        for example in examples:
            _seed_global_generators()
            try:
                body(**fixtures, **example.copy())
            except hypothesis.errors.HypothesisException as error:
                raise NotReplayable from error


def _seed_global_generators() -> None:
    """As hypothesis does before each example."""
    random.seed(0)
    np.random.seed(0)
