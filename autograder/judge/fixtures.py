"""What a test may ask for: `student`, `race`, `training` and `record`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autograder.core.errors import GraderError, StudentGone
from autograder.judge.recorder import Recorder
from autograder.judge.running import RUNNING, RunningTest
from autograder.judge.session import JUDGING
from autograder.judge.timing import Race
from autograder.judge.training import Training
from autograder.testing.mismatch import Mismatch


class Blocked(Exception):
    """A test that is not run, since it depends on another one that did not pass."""


class GoneOutside(Exception):
    """`__cause__` is the StudentGone that came before the test's first line, or after its last.

    Only the fixture raises it: pytest tidies up after an Exception in a fixture, and after nothing else.
    """


@pytest.fixture
def student(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The student's module, here or in a sandbox."""
    test = _checked(request)
    try:
        with test.student() as module:
            yield module
    except StudentGone as gone:
        raise GoneOutside from gone


@pytest.fixture
def race(request: pytest.FixtureRequest) -> Race:
    """The student's code against the reference, by the clock. Only a judge has both."""
    test = _checked(request)
    if JUDGING not in request.config.stash:
        pytest.skip("is timed against the reference, which only a grader has")
    if test.judging.make_reference is None:
        raise GraderError("is timed against the reference, which is not here; such a test belongs to the hidden ones")
    return Race(test.student, test.reference, test.limits.test_seconds, test.tell_ratio, test.seed("race"))


@pytest.fixture
def training(request: pytest.FixtureRequest) -> Training:
    """The student trains, and is scored here. On a laptop too, but for the pace: no reference is there."""
    return Training(_checked(request))


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Recorder:
    """Puts curves, confusion matrices, pictures and numbers into the report."""
    test = request.node.stash.get(RUNNING, None)
    return test.recorder if test is not None else Recorder()


def _checked(request: pytest.FixtureRequest) -> RunningTest:
    """The test that asks. Raises Mismatch or Blocked for one that is not to be run."""
    test: RunningTest = request.node.stash[RUNNING]
    if (why := test.judging.too_costly.get(test.id)) is not None:
        raise Mismatch(why, "too_costly")
    if test.dependence is not None and not test.dependence.run:
        test.was_not_run = True
        raise Blocked(test.dependence.sentence)
    return test
