"""How importing the student's module went, over all tests of one run.

Every test imports it anew, in a fresh process, and pays for it. Once two tests in a row were told the same failure (it
raised, it took too long, it died), no further one asks: it gets that answer at once. A test that gives an import more
time than the one that took too long asks all the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from autograder.core.errors import GraderError, StudentGone, TimedOut
from autograder.course.manifest import Limits

PATIENCE = 2  # equal failures in a row, after which no test asks again


class Imports:
    def __init__(self, module: str) -> None:
        self._module = module
        self.seconds = 0.0  # the longest that one took which succeeded
        self._failure: BaseException | None = None
        self._count = 0  # how often in a row it was this one
        self._limit = 0.0  # seconds, under which it happened

    def check(self, limits: Limits) -> None:
        """Before there is a process for it: raises the failure that is known."""
        if self._is_known(limits):
            assert self._failure is not None
            raise self._failure.with_traceback(None)

    @contextmanager
    def watched(self, limits: Limits) -> Iterator[None]:
        """Around one import. Raises what it raises, and TimedOut where it took longer than a call may: on a laptop
        nobody interrupts it.
        """
        began = time.monotonic()
        try:
            yield
            seconds = time.monotonic() - began
            if seconds > limits.seconds:
                raise TimedOut(f"importing {self._module}.py took longer than {limits.seconds:g} s")
        except (StudentGone, Exception) as error:
            if not isinstance(error, GraderError):
                self._remember(error, limits.seconds)
            raise
        self._failure, self._count = None, 0
        self.seconds = max(self.seconds, seconds)

    def _is_known(self, limits: Limits) -> bool:
        if self._count < PATIENCE:
            return False
        return not isinstance(self._failure, TimedOut) or limits.seconds <= self._limit

    def _remember(self, error: BaseException, limit: float) -> None:
        same = type(error) is type(self._failure) and str(error) == str(self._failure)
        self._count = self._count + 1 if same else 1
        self._failure, self._limit = error, limit
