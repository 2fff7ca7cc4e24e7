"""After a grading, the failed tests are played once more: each with all its examples.

A grading stops at the first example that fails. What came of each example is kept as a few numbers
(mistakes/records.py), which are compared with those of known mistakes. No verdict depends on it: the results have been
told before. Tests that train or time are not played.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable
from typing import Any

import hypothesis
import pytest

from autograder import arguments
from autograder.core.errors import StudentGone
from autograder.judge.items import undrawn
from autograder.judge.recording import Example, NotReplayable, replay
from autograder.judge.verdicts import SENTENCES
from autograder.mistakes import records
from autograder.mistakes.records import HOLDS, Record
from autograder.report.schema import TestResult
from autograder.student.exceptions import BUILTIN, StudentRaised
from autograder.testing import observation
from autograder.testing.mismatch import Mismatch

TOO_COSTLY = SENTENCES["too_costly"]
UNPLAYED = ("race", "training")  # fixtures
EXAMPLES = 200  # of one test; what comes behind them is not kept


class Ended(BaseException):
    """The student's process is gone in the middle of a test. No Exception, so that nothing goes on after it."""


class Play:
    """All examples of one test, as they come."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    @property
    def failed(self) -> bool:
        return any(not record.held for record in self.records)

    def around(self, body: Callable[..., Any]) -> Callable[..., None]:
        """The body, which raises no failure any more."""

        @functools.wraps(body)
        def play(*args: Any, **kwargs: Any) -> None:
            arguments.forget()
            with observation.watched() as watch:
                try:
                    body(*args, **kwargs)
                    record = HOLDS
                except (hypothesis.errors.HypothesisException, hypothesis.errors.StopTest):
                    raise
                except StudentGone as gone:
                    self.records.append(Record(f"gone {gone.verdict}", watch.count))
                    raise Ended from None
                except (Exception, pytest.fail.Exception) as error:
                    record = _record(error, watch)
            if len(self.records) < EXAMPLES:
                self.records.append(record)

        play.__watched__ = getattr(body, "__watched__", body)  # type: ignore[attr-defined]
        return play


def failed_tests(results: Iterable[TestResult]) -> list[str]:
    """The names of tests that say something of the student's code: not those that were not run, ran out of time or
    memory, or depend on another one that failed."""
    told = [result for result in results if result.verdict in ("failed", "raised")]
    return [result.name for result in told if result.failure != TOO_COSTLY]


def is_playable(item: pytest.Item) -> bool:
    is_plain = isinstance(item, pytest.Function) and item.cls is None
    return is_plain and set(UNPLAYED).isdisjoint(getattr(item, "fixturenames", ()))


def run(item: pytest.Function, play: Play, examples: list[Example] | None) -> None:
    """Play a test. `examples` are recorded ones; without them hypothesis draws, unless the test draws nothing.

    The test has been prepared: what hypothesis calls is `play.around(body)`.
    """
    fixtures = {name: item.funcargs[name] for name in undrawn(item)}
    with contextlib.suppress(Ended):
        if not hasattr(item.obj, "hypothesis"):
            play.around(item.obj)(**fixtures)
        elif examples is None:
            item.obj(**fixtures)
        else:
            try:
                replay(item, examples)
            except NotReplayable:
                play.records.clear()
                item.obj(**fixtures)


def _record(error: BaseException, watch: observation.Watch) -> Record:
    failed = watch.failed
    if failed is not None and isinstance(error, AssertionError) and failed.text == str(error):
        if failed.has_values:
            return records.of_value(failed.kind, failed.place, failed.actual)
        return records.of_text(failed.kind, failed.place, failed.text)
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        kind = error.kind if isinstance(error, Mismatch) else records.VALUE
        return records.of_text(kind, watch.count, str(error))
    if isinstance(error, StudentRaised):
        return Record(f"raised {error.kind}", watch.count)
    kind = next((base.__name__ for base in type(error).__mro__ if base.__name__ in BUILTIN), "Exception")
    return Record(f"raised {kind}", watch.count)
