"""Failed tries to prove who one is, counted so that guessing stays slow and nobody else is shut out.

    with failures.attempt(key) as attempt:      raises TooMany where too many tries of this key have failed lately
        ...
        attempt.failed()                        this one has failed as well; without this word it is not counted

A key names an account *and* a place (`security.sign_in_key`), so whoever fails shuts out the tries at one account from
one place, and no other. Attempts of one key run one after the other: the count is exact however many come at once, and
an attempt that succeeds never stands in another's way.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

LIMITS = ((10, 60.0), (100, 3600.0))  # failures of one key, in so many seconds; the next try is refused unseen
MANY_KEYS = 10_000  # from so many keys on those without a recent failure are forgotten


class TooMany(Exception):
    """Too many tries of this key have failed. `seconds` until the next one is looked at."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many failed attempts; try again in {seconds:.0f} s")
        self.seconds = math.ceil(seconds)


class Attempt:
    def __init__(self) -> None:
        self.has_failed = False

    def failed(self) -> None:
        self.has_failed = True


class Failures:
    """Of one kind of try, by key, in the memory of this process."""

    def __init__(
        self, limits: Sequence[tuple[int, float]] = LIMITS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._times: dict[str, deque[float]] = {}  # of failures, the latest last

    @contextmanager
    def attempt(self, key: str) -> Iterator[Attempt]:
        with self._changed:
            self._changed.wait_for(lambda: key not in self._busy)
            self._refuse(key)
            self._busy.add(key)
        attempt = Attempt()
        try:
            yield attempt
        finally:
            with self._changed:
                self._busy.discard(key)
                if attempt.has_failed:
                    self._add(key)
                self._changed.notify_all()

    def _refuse(self, key: str) -> None:
        times, now = self._times.get(key, deque()), self._clock()
        waits = [times[-most] + seconds - now for most, seconds in self._limits if len(times) >= most]
        if (wait := max(waits, default=0.0)) > 0:
            raise TooMany(wait)

    def _add(self, key: str) -> None:
        most = max(count for count, _ in self._limits)
        self._times.setdefault(key, deque(maxlen=most)).append(self._clock())
        if len(self._times) > MANY_KEYS:
            oldest = self._clock() - max(seconds for _, seconds in self._limits)
            self._times = {name: times for name, times in self._times.items() if times[-1] > oldest}
