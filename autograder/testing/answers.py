"""What came back is looked at before it is used: a test that takes a None apart says so in words of its own.

out, cache = items_of(student.conv2d_forward(x, w, b), "out", "cache")

heard = Heard("loss", "accuracy")
student.train(x, y, params, epochs=3, log=heard.log)
for loss, accuracy in heard.epochs(3): ...
"""

from __future__ import annotations

from typing import Any

from autograder.testing.comparable import describe
from autograder.testing.compare import assert_close, assert_equal
from autograder.testing.mismatch import check

MAX_CALLS = 10_000  # of `log`, that are kept


def items_of(answer: Any, *names: str, what: str = "the answer") -> list[Any]:
    """The items of a tuple or list that has one for each name. Raises Mismatch for everything else."""
    promised = f"expected a tuple ({', '.join(names)})"
    check(isinstance(answer, (list, tuple)), f"{what} is {describe(answer)}, {promised}", "wrong_type")
    check(len(answer) == len(names), f"{what} has length {len(answer)}, {promised}", "wrong_shape")
    return list(answer)


class Heard:
    """What a student's training told `log`, which is called after every epoch."""

    def __init__(self, *names: str, objects: tuple[str, ...] = ()) -> None:
        """names : of the numbers that `log` is called with, behind `epoch`, which comes first.
        objects : names of what comes behind the numbers and is none, as a model or samples: the test looks at it.
        """
        self._names = ("epoch", *names, *objects)
        self._objects = objects
        self._calls: list[dict[str, Any]] = []
        self._count = 0

    def log(self, *values: Any, **named: Any) -> None:
        """To be handed in. It answers nothing and never raises."""
        self._count += 1
        if len(self._calls) < MAX_CALLS:
            self._calls.append({**dict(zip(self._names, values, strict=False)), **named})

    def epochs(self, count: int) -> list[tuple[Any, ...]]:
        """What was told after each epoch, in the order of the names. Raises Mismatch unless `log` was called `count`
        times, with all names, with the epochs 1, 2, ..., count, and with numbers that are not NaN; objects
        are as they came."""
        check(self._count == count, f"log was called {self._count} times in {count} epochs", "wrong_shape")
        told = []
        for number, call in enumerate(self._calls, 1):
            missing = [name for name in self._names if name not in call]
            check(not missing, f"log was called without {' and '.join(missing)}", "wrong_type")
            assert_equal(call["epoch"], number, what="the epoch that log was told")
            for name in self._names[1:]:
                if name not in self._objects:
                    a_number = f"the {name} of epoch {number} that log was told"
                    assert_close(call[name], 0.0, what=a_number, rtol=0.0, atol=float("inf"), any_float=True)
                    call[name] = float(call[name])
            told.append(tuple(call[name] for name in self._names[1:]))
        return told

    def so_far(self) -> list[tuple[float, ...]]:
        """The numbers of all complete calls, for a curve in the report: nothing is checked."""
        told = [tuple(call.get(name) for name in self._names) for call in self._calls]
        return [row for row in told if all(isinstance(value, (int, float)) for value in row)]  # type: ignore[misc]
