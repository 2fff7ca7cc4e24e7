"""Tests that depend on others: `@needs("test_softmax_is_its_formula")`.

A test whose needed test did not pass is run all the same. If it passes, it has its points; if it fails, its verdict is
`blocked`, which names the law that it depends on and blames nobody twice. It is not run

    where the needed test was not implemented, ran out of time or memory, or ended its process: this one would, too,
    and takes the time of all the others;
    where the needed test was not run itself;
    after SECONDS of such tests in one submission.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.judge.job import Finished

HOPELESS = ("not_implemented", "timed_out", "out_of_memory", "died")
SECONDS = 120.0  # of wall time of all tests of a submission that are run although they depend on one that did not pass


@dataclass(frozen=True)
class Dependence:
    """A test depends on one that did not pass."""

    law: str  # of that one: a student sees no names of hidden tests, but all laws
    run: bool

    @property
    def sentence(self) -> str:
        """For everybody, when the test is `blocked`."""
        if self.run:
            return f"did not pass, and depends on a test that did not pass: {self.law}"
        return f"was not run, because it depends on a test that did not pass: {self.law}"


def dependence(names: Iterable[str], finished: Iterable[Finished], seconds: float) -> Dependence | None:
    """The first of the needed tests that did not pass, hopeless ones before others.

    finished : the tests before this one.   seconds : spent so far on tests that depend on one that did not pass.
    """
    # Of a parametrised test, `test_x[1]` and the others, all must have passed.
    fallen = [one for one in finished if one.result.verdict != "passed"]
    needed = [one for name in names for one in fallen if name in (one.result.name, one.result.name.partition("[")[0])]
    if not needed:
        return None
    for one in needed:
        if one.result.verdict in HOPELESS or one.not_run:
            return Dependence(one.result.law, run=False)
    return Dependence(needed[0].result.law, run=seconds < SECONDS)
