"""Between a suite and the function under test: hands on data, within the wire's bounds, and nothing else.

    suite ── ("softmax", [("value", z)], {}) ──> Relay ── softmax(z) ──> function under test
          <── ("value", p, [(place, what an argument became)]) ──

A suite can call the declared functions alone. Of an exception it learns the built-in kind, not the text, which could
tell one source from another. What is no data, and the caches of functions in `keeps`, stay with the judge; the suite
has a number for each, and can hand it back. That number counts what was kept, and says nothing else.
"""

from __future__ import annotations

from typing import Any

from autograder import arguments, wire
from autograder.core.errors import GraderError, NotImplementedYet, StudentGone
from autograder.course.own_tests import OwnTests
from autograder.student.exceptions import BUILTIN

MAX_KEPT = 10_000  # objects in one run; past it the call is refused

Answer = tuple[str, Any, list[tuple[int, Any]]]
ENDED = {
    "timed_out": "took longer than the time limit",
    "out_of_memory": "used more memory than the limit",
    "died": "ended its process",
}


class Relay:
    """One function under test for one run of a suite."""

    def __init__(self, under_test: Any, declared: OwnTests) -> None:
        """under_test : a `student.link.Student`."""
        self._under_test, self._declared = under_test, declared
        self._kept: list[Any] = []
        self._ended = ""  # why it answers no more

    def ask(self, name: Any, args: Any, kwargs: Any) -> Answer:
        """Everything in a question may be a lie. Raises GraderError for a fault of ours."""
        if self._ended:
            return "ended", self._ended, []
        if name not in self._declared.functions:
            return "raised", "AttributeError", []
        try:
            given = [self._argument(pair) for pair in args]
            named = {str(key): self._argument(pair) for key, pair in kwargs.items()}
        except (wire.WireError, TypeError, ValueError, KeyError, IndexError, AttributeError):
            return "raised", "TypeError", []
        arguments.forget()
        return self._call(name, given, named)

    def _call(self, name: str, given: list[Any], named: dict[str, Any]) -> Answer:
        try:
            value = getattr(self._under_test, name)(*given, **named)
        except GraderError:
            raise
        except NotImplementedYet:
            return "raised", "NotImplementedError", []
        except StudentGone as gone:
            self._ended = ENDED.get(gone.verdict, ENDED["died"])
            return "ended", self._ended, []
        except Exception as error:
            kind = next((base.__name__ for base in type(error).__mro__ if base.__name__ in BUILTIN), "Exception")
            return "raised", kind, self._left(given, named)
        if name in self._declared.keeps and type(value) in (tuple, list) and len(value) == 2:
            return "items", [self._shown(value[0]), self._keep(value[1])], self._left(given, named)
        return *self._shown(value), self._left(given, named)

    def _argument(self, pair: Any) -> Any:
        kind, value = pair
        if kind == "kept":
            if type(value) is not int or not 0 <= value < len(self._kept):
                raise ValueError("nothing was kept under this number")
            return self._kept[value]
        wire.Encoder().value(value)  # an object of the suite's is no data, and raises WireError
        return value

    def _shown(self, value: Any) -> tuple[str, Any]:
        return ("value", value) if _is_data(value) else self._keep(value)

    def _keep(self, value: Any) -> tuple[str, Any]:
        if len(self._kept) >= MAX_KEPT:
            return "value", None
        self._kept.append(value)
        return "kept", len(self._kept) - 1

    def _left(self, given: list[Any], named: dict[str, Any]) -> list[tuple[int, Any]]:
        """What the function made of its copies of the arguments, where that is data."""
        changed = []
        for place, value in enumerate([*given, *named.values()]):
            now = arguments.as_left(value)
            if now is not value and _is_data(now):
                changed.append((place, now))
        return changed


def _is_data(value: Any) -> bool:
    try:
        wire.Encoder().value(value)
    except wire.WireError:
        return False
    return True
