"""How hypothesis draws where a verdict depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis.internal.conjecture import providers


@contextmanager
def nobodys_constants() -> Iterator[None]:
    """Draw no numbers that stand in whatever code happens to be imported.

    Hypothesis reads them out of every module that is not installed: of a student's own file on a laptop, of ours in
    a checkout and not in a wheel. Examples would differ between students, and between laptop and server.
    """
    internals: Any = providers  # hypothesis promises nothing of what is in it
    kept = getattr(internals, "_get_local_constants", None)
    if kept is None:  # a hypothesis that does not do so
        yield
        return
    nothing = internals.Constants()
    internals._get_local_constants = lambda: nothing
    internals.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        internals._get_local_constants = kept
        internals.CONSTANTS_CACHE.cache.clear()
