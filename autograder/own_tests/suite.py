"""Runs a student's tests, in a process that is the student's: what it says is a claim, and data.

    look()     -> {"tests": [names], "problems": [sentences]}; no function under test is there yet
    run(ask)   -> {"refused_by": name or "", "kind": word, "text": words}

`ask` calls a function under test, which is in another process: relay.py. Tests run in the order of the file, and the
first that fails ends the run. Each test has a fixed seed. Of pytest, `parametrize` is understood.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import itertools
import random
import sys
import zlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from autograder import arguments
from autograder.testing.drawing import nobodys_constants
from autograder.testing.mismatch import Mismatch

MODULE = "test_own"
FIXTURE = "student"
EXAMPLES = 50
GENERATE = (hypothesis.Phase.explicit, hypothesis.Phase.generate)

Ask = Callable[[str, list[Any], dict[str, Any]], Any]


class Kept:
    """What a function under test returned and no test may look into: it can only be handed back."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return "<an object of the function under test>"


class UnderTestEnded(Exception):
    """The function under test took too long, or ended its process."""


class Student:
    """The fixture `student`: each attribute is a function under test."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # no function under test has such a name; hypothesis asks for `_repr_pretty_`
            raise AttributeError(name)
        return functools.partial(_call, self._ask, name)


def look() -> dict[str, Any]:
    """The tests of the file, and what is wrong with it. Raises what importing it raises."""
    tests, problems = [], []
    for name, function in _functions(_module()):
        if problem := _problem(name, function):
            problems.append(problem)
        else:
            tests.append(name)
    return {"tests": tests, "problems": problems}


def run(ask: Ask, shrinks: bool = False) -> dict[str, Any]:
    """Run all tests against a function under test.   shrinks : look for a small failing input, for people to read."""
    student = Student(ask)
    with nobodys_constants():
        return _run(student, shrinks)


def _run(student: Student, shrinks: bool) -> dict[str, Any]:
    for name, function in _functions(_module(shrinks)):
        if _problem(name, function):
            continue
        for case in _cases(function):
            try:
                _run_one(name, function, {FIXTURE: student, **case})
            except (Exception, pytest.fail.Exception) as error:
                return {"refused_by": name, "kind": _kind(error), "text": str(error)[:2000]}
            except pytest.skip.Exception:
                continue
    return {"refused_by": "", "kind": "", "text": ""}


def _module(shrinks: bool = False) -> ModuleType:
    # Before the import, since `settings(max_examples=..)` in the file inherits from it.
    hypothesis.settings.register_profile(
        "own_tests",
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[*GENERATE, hypothesis.Phase.shrink] if shrinks else GENERATE,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("own_tests")
    if (initialization := sys.modules.get("_hypothesis_globals")) is not None:
        initialization.in_initialization = 0  # type: ignore[attr-defined]  # or it warns of every draw, since its plugin for pytest is imported
    _seed_global_generators()
    return importlib.import_module(MODULE)


def _functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(module).items()):
        if name.startswith("test_") and inspect.isfunction(value):
            yield name, value


def _problem(name: str, function: Any) -> str:
    """Why a test cannot be run; "" if it can."""
    asked = set(inspect.signature(function).parameters)
    if FIXTURE not in asked:
        return f"{name} is left out: it has no argument `student`, so it tests no function"
    unknown = sorted(asked - {FIXTURE} - set(_cases(function)[0] if _cases(function) else ()))
    if unknown:
        return f"{name} is left out: it asks for {', '.join(unknown)}, and only `student` and drawn values are there"
    return ""


def _cases(function: Any) -> list[dict[str, Any]]:
    """The arguments of each case of a parametrised test; one empty case of any other."""
    tables = []
    for mark in getattr(function, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args[:2]
            names = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
            tables.append([_row(names, value) for value in values])
    return [dict(itertools.chain(*map(dict.items, rows))) for rows in itertools.product(*tables)]


def _row(names: list[str], value: Any) -> dict[str, Any]:
    if hasattr(value, "values") and hasattr(value, "marks"):  # of pytest.param
        items = value.values
    else:
        items = value if len(names) > 1 else (value,)
    return dict(zip(names, items, strict=True))


def _run_one(name: str, function: Any, given: dict[str, Any]) -> None:
    _seed_global_generators()
    arguments.forget()
    handle = getattr(function, "hypothesis", None)
    if handle is not None:
        hypothesis.seed(zlib.crc32(name.encode()))(function)
        handle.inner_test = _forgetting(handle.inner_test)
    function(**given)


def _forgetting(inner: Any) -> Any:
    inner = getattr(inner, "__wrapped_by_us__", inner)

    @functools.wraps(inner)
    def run(*args: Any, **kwargs: Any) -> None:
        arguments.forget()
        inner(*args, **kwargs)

    run.__wrapped_by_us__ = inner  # type: ignore[attr-defined]
    return run


def _seed_global_generators() -> None:
    random.seed(0)
    np.random.seed(0)


def _call(ask: Ask, name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Ask the function under test. What it did to its arguments is kept for `assert_unchanged`."""
    given = [*args, *kwargs.values()]
    answer = ask(name, [_outward(value) for value in args], {key: _outward(value) for key, value in kwargs.items()})
    kind, value, left = answer
    for place, now in left:
        arguments.keep_apart(given[place], now, set())
    if kind == "raised":
        raise _exception(value)(f"{name} raised it")
    if kind == "ended":
        raise UnderTestEnded(f"{name} {value}")
    if kind == "items":
        return tuple(_inward(item) for item in value)
    return _inward((kind, value))


def _outward(value: Any) -> tuple[str, Any]:
    if isinstance(value, arguments.Mutable):
        raise TypeError("`mutable` is not for tests of your own: the function under test gets copies")
    return ("kept", value.number) if isinstance(value, Kept) else ("value", value)


def _inward(pair: Any) -> Any:
    kind, value = pair
    return Kept(value) if kind == "kept" else value


def _exception(name: str) -> type[Exception]:
    found = getattr(builtins, name, Exception)
    plain = isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, UnicodeError)
    return found if plain else Exception


def _kind(error: BaseException) -> str:
    """A word for a failure: a kind of mismatch, or the nearest built-in class of an exception."""
    if isinstance(error, Mismatch):
        return str(error.kind)
    if isinstance(error, UnderTestEnded):
        return "ended"
    return next((base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"), "Exception")
