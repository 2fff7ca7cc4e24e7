"""What hypothesis draws, and what is kept of a failure.

The same examples for every student: the seed of a test is HMAC(course secret, test id), and neither a database nor the
wall clock decides anything. The input of the last failing run is kept, which after shrinking is the smallest.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import hmac
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import hypothesis
import numpy as np
import pytest

from autograder import arguments
from autograder.judge.items import undrawn
from autograder.judge.playing import Play
from autograder.judge.recording import Tape

PUBLIC_SECRET = b"deepgrade public examples"  # a student's laptop and the server draw the same public examples
SHRINK_RUNS = 200  # runs of a test after its first failure; then the smallest input so far is shown
FIXTURES = ("student", "record", "race", "training")  # no inputs that a report would show
SHOWN_CHARACTERS = 2000  # of one input; the rest is cut

hypothesis.settings.register_profile(
    "deepgrade",
    max_examples=50,
    database=None,
    deadline=None,
    # Not "explain": it runs a failing test under a tracer to guess which inputs matter, and takes seconds.
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink],
    report_multiple_bugs=False,
    print_blob=False,
    suppress_health_check=list(hypothesis.HealthCheck),
)


class ShrinkingDone(BaseException):
    """Ends a failing test whose input has been made small for long enough. No Exception: see errors.StudentGone."""


@dataclass
class Failure:
    """The failing run with the smallest input so far."""

    error: BaseException | None = None
    example: str = ""
    runs: int = 0
    done: bool = False  # no more runs are allowed; hypothesis calls that flaky where a body draws from `st.data()`
    entered: bool = False  # the test's first line was reached, so that what a student answered may be the cause


def seed(secret: bytes, test_id: str) -> int:
    return int.from_bytes(hmac.new(secret, test_id.encode(), hashlib.sha256).digest()[:8], "big")


def prepare(
    item: pytest.Function,
    secret: bytes,
    shrink_runs: int = SHRINK_RUNS,
    tape: Tape | None = None,
    play: Play | None = None,
) -> Failure:
    """Fix the examples of a test, and watch it for its smallest failing input.

    tape : records the examples.   play : plays the test, and nothing is watched.
    """
    failure = Failure()
    function = item.obj
    handle = getattr(function, "hypothesis", None)
    if handle is None:
        return failure
    hypothesis.seed(seed(secret, f"{item.path.name}::{item.name}"))(getattr(function, "__func__", function))
    if play is not None:
        handle.inner_test = play.around(getattr(handle.inner_test, "__watched__", handle.inner_test))
        return failure
    fixtures = set(FIXTURES) & undrawn(item)  # a test may draw a value of such a name
    handle.inner_test = _watched(handle.inner_test, failure, shrink_runs, tape, fixtures)
    return failure


def _watched(inner: Any, failure: Failure, shrink_runs: int, tape: Tape | None, fixtures: Collection[str]) -> Any:
    """fixtures : arguments that no report shows."""
    inner = getattr(inner, "__watched__", inner)

    @functools.wraps(inner)
    def run(*args: Any, **kwargs: Any) -> None:
        if failure.error is not None:
            failure.runs += 1
            if failure.runs > shrink_runs:
                failure.done = True
                raise ShrinkingDone
        arguments.forget()
        given = {name: value for name, value in kwargs.items() if name not in fixtures}
        try:
            drawn = copy.deepcopy(given)  # a student's function may change its inputs
        except Exception:
            drawn = given
        failure.entered = True
        try:
            with tape.example(kwargs) if tape else nullcontext(kwargs) as kwargs:
                inner(*args, **kwargs)
        except hypothesis.errors.UnsatisfiedAssumption:
            raise
        except (hypothesis.errors.HypothesisException, hypothesis.errors.StopTest):
            raise
        except BaseException as error:
            if not _is_control(error):
                failure.error, failure.example = error, show_inputs(drawn)
            raise

    run.__watched__ = inner  # type: ignore[attr-defined]
    return run


def _is_control(error: BaseException) -> bool:
    """Hypothesis's and pytest's own ways to steer a run are no failures."""
    if isinstance(error, pytest.fail.Exception):
        return False  # what `pytest.raises` says of a call that returned
    return isinstance(error, (KeyboardInterrupt, ShrinkingDone)) or type(error).__module__.startswith(
        ("hypothesis.", "_pytest.outcomes")
    )


def show_inputs(values: dict[str, Any]) -> str:
    """`z = array([[0., 1.]])`, a line each, in numpy's own repr so that it can be pasted."""
    return "\n".join(f"{name} = {show(value)}" for name, value in values.items())


def show(value: Any) -> str:
    if isinstance(value, np.random.Generator):
        return "numpy.random.default_rng(...)"
    with np.printoptions(threshold=60, edgeitems=3, linewidth=100, floatmode="unique"):
        text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " ..."
