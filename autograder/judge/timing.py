"""The fixture `race`: the student's code against the reference, as a ratio of wall times taken in one job.

    round 1   fresh process, the student's     one call to warm up, one timed call
              fresh process, the reference's   the same
    round 2   ...

The clock is the judge's: it starts with the question and stops when the whole answer has arrived, so work that goes on
in a thread after an early return gains nothing, and neither does a patched clock. Every round draws new inputs and
asks new processes, so there is nothing to remember. The two never live at the same time, so neither can slow the
other down. Noise only ever adds time, so the shortest times are compared; and who seems too slow gets more rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from autograder.core.errors import GraderError, StudentGone
from autograder.student import StudentRaised
from autograder.testing.compare import assert_close
from autograder.testing.mismatch import Mismatch

PATIENCE = 4  # times as many rounds for who seems too slow
HOPELESS = 3  # times the limit; no noise does that, so there is no patience with it

Open = Callable[[], AbstractContextManager[Any]]  # a fresh process; leaving the context ends it


def same_values(actual: Any, expected: Any) -> None:
    """What is timed must also be right: to six digits, in whatever order the sums were taken."""
    assert_close(actual, expected, what="the timed answer", rtol=1e-6, atol=1e-6)


class Race:
    """A student and a reference, each behind a function that opens a fresh process with it."""

    def __init__(
        self,
        student: Open,
        reference: Open,
        seconds: float,
        tell: Callable[[float, float], None],
        seed: Callable[[str], int],
    ) -> None:
        """seed : from a purpose to a seed under the course's secret, so that nobody knows what will be asked.
        seconds : of wall time for all rounds together; past it no further round begins.
        tell : called with the ratio and its limit.
        """
        self._student, self._reference, self._seconds, self._tell = student, reference, seconds, tell
        self._seed = seed

    def within(
        self,
        limit: float,
        work: Callable[..., Any],
        inputs: Callable[[int], tuple[Any, ...]],
        *,
        rounds: int = 3,
        agree: Callable[[Any, Any], None] = same_values,
    ) -> float:
        """The student is right, and takes at most `limit` times as long as the reference. Returns the ratio.

        work : what is timed: `work(module, *inputs)`, with calls to the module's functions; its result is compared.
        inputs : from a seed to inputs, other ones for another seed. The same seed must give the same.
        agree : raises Mismatch unless the student's result is as good as the reference's.
        Raises Mismatch ("too_slow"), what `agree` raises, and whatever the student's code ends with.
        """
        began = time.perf_counter()
        students, references = [], []
        ratio = float("inf")
        for number in range(rounds * PATIENCE):
            seconds, answer = self._timed(self._student, work, inputs, number)
            reference_seconds, expected = self._timed_reference(work, inputs, number)
            agree(answer, expected)
            students.append(seconds)
            references.append(reference_seconds)
            ratio = min(students) / min(references)
            if number + 1 >= rounds and not limit < ratio <= HOPELESS * limit:
                break
            if time.perf_counter() - began > self._seconds:
                break
        self._tell(ratio, limit)
        if not ratio <= limit:
            # Without the ratio itself, which another run would not repeat: the report keeps it with the times.
            raise Mismatch(f"took more than {limit:g} times as long as the reference", "too_slow")
        return ratio

    def _timed(self, open_: Open, work: Callable[..., Any], inputs: Any, number: int) -> tuple[float, Any]:
        with open_() as module:
            work(module, *inputs(self._seed(f"to warm up, {number}")))
            fresh = inputs(self._seed(f"to be timed, {number}"))
            began = time.perf_counter()
            answer = work(module, *fresh)
            return time.perf_counter() - began, answer

    def _timed_reference(self, work: Callable[..., Any], inputs: Any, number: int) -> tuple[float, Any]:
        try:
            return self._timed(self._reference, work, inputs, number)
        except (StudentGone, StudentRaised) as error:
            raise GraderError(f"the reference failed in a race: {type(error).__name__}: {error}") from error
