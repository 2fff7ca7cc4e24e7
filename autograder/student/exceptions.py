"""An exception of the student's code, as the judge sees it.

It is raised as a subclass of the builtin exception that it was over there, so that `assert_raises(ValueError)` holds
on both ends. Only builtin names are ever shown: a class can be named after a hidden input.
"""

from __future__ import annotations

import builtins
from functools import cache


class StudentRaised(Exception):
    """Base of all exceptions that come from a student's code."""

    kind: str = "Exception"  # the nearest builtin class
    traceback_text: str = ""


def _buildable() -> dict[str, type[Exception]]:
    found = {}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and issubclass(value, Exception) and value.__name__ == name:
            try:
                value("text")
            except TypeError:  # UnicodeDecodeError and its like want five arguments
                continue
            found[name] = value
    return found


BUILTIN = _buildable()


@cache
def _twin(kind: str) -> type[StudentRaised]:
    base = BUILTIN[kind]
    if base is Exception:
        return StudentRaised
    return type(f"Student{kind}", (StudentRaised, base), {})


def printable(text: str) -> str:
    """A student's text with control characters escaped: it ends on terminals and pages of other people."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def student_raised(lineage: list[str], message: str, traceback_text: str) -> StudentRaised:
    """The judge's version of an exception whose class and bases are named `lineage`, nearest first."""
    kind = next((name for name in lineage if name in BUILTIN), "Exception")
    error = _twin(kind)(message)
    error.kind, error.traceback_text = kind, traceback_text
    return error


class HandleInCallback(AttributeError, TypeError):
    """A function that a test passes to the student looked at an object that is in the student's process.

    That process waits for the function's answer and can tell nothing. So the object is what it is to every test: a
    value of the wrong type, without attributes, that cannot be called or iterated over.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: an object in the student's process tells nothing while a function of the test runs")
