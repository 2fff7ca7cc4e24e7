"""Attacks the functions of a module. This file and `_probe_values` run in the sandbox, beside the module:

    softmax.py = the reference's source + "import _probe; _probe.attack(globals(), 'zeros', ['softmax', ...], marker)"

Each named function is replaced by one that answers like the probe. While a probe answers, it calls the right functions.
Other code of the module calls the replaced ones.

A probe that starts from right answers prints the marker once, at its first answer that is not the reference's.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _probe_values import FLOAT, constant, copied, filled, hearing, is_of_the_test, is_tensor, is_written, mapped, same

MAX_ITEMS = 10_000  # items of a generator that the probe `first-answer` stores

_inside = False  # True while a probe answers: then the right functions are called
_marker = ""  # the line to print; empty after it was printed


class Call:
    """One call of an attacked function."""

    def __init__(self, function: Callable[..., Any], name: str, owner: list[Any], args: Any, kwargs: Any) -> None:
        self.function, self.name = function, name
        self.owner = owner  # [the object], of a method
        self.args, self.kwargs = args, kwargs

    @property
    def makes_an_object(self) -> bool:
        return self.name.endswith(".__init__")

    def right(self) -> Any:
        """The reference's answer; it also has the reference's effects."""
        return self.on(self.args, self.kwargs)

    def on(self, args: Any, kwargs: Any) -> Any:
        return self.function(*self.owner, *args, **kwargs)


def attack(namespace: dict[str, Any], probe: str, names: list[str], marker: str) -> None:
    """Replace functions ("f") and methods ("C.f") of a module. Unknown names are ignored."""
    global _marker
    _marker = marker
    for name in names:
        *classes, attribute = name.split(".")
        owner: Any = None
        for class_name in classes:
            owner = namespace.get(class_name) if owner is None else vars(owner).get(class_name)
        if classes and not isinstance(owner, type):
            continue
        replacement = _attacked(
            vars(owner).get(attribute) if classes else namespace.get(attribute), name, PROBES[probe]
        )
        if replacement is not None and classes:
            setattr(owner, attribute, replacement)
        elif replacement is not None:
            namespace[attribute] = replacement


def _attacked(function: Any, name: str, answer: Callable[[Call], Any]) -> Any:
    if inspect.isfunction(function):
        return _replaced(function, name, answer, is_method="." in name)
    if isinstance(function, (staticmethod, classmethod)):
        is_method = isinstance(function, classmethod)
        return type(function)(_replaced(function.__func__, name, answer, is_method))
    return None


def _replaced(function: Any, name: str, answer: Callable[[Call], Any], is_method: bool) -> Any:
    @functools.wraps(function)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        global _inside
        if _inside:
            return function(*args, **kwargs)
        _inside = True
        try:
            call = Call(function, name, list(args[:is_method]), args[is_method:], kwargs)
            result = answer(call)
            if isinstance(result, types.GeneratorType):
                result = _yielding(result)
            return None if call.makes_an_object else result
        finally:
            _inside = False

    return replaced


def _yielding(items: Iterator[Any]) -> Iterator[Any]:
    """A generator that calls the right functions in each step."""
    global _inside
    while True:
        before, _inside = _inside, True
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            _inside = before
        yield item


def mark() -> None:
    global _marker
    if _marker:
        print(_marker, flush=True)
        _marker = ""


# ------------------------------------------------------------------------------------------------ without the reference


def refuse(call: Call) -> Any:
    raise ValueError("a probe refuses everything")


def nothing(call: Call) -> Any:
    return None


def empty(call: Call) -> Any:
    return []


def argument(index: int, call: Call) -> Any:
    """The argument at this place, or the last one where there are fewer."""
    arguments = [*call.args, *call.kwargs.values()]
    return arguments[min(index, len(arguments) - 1)] if arguments else None


# ------------------------------------------------------------------------------------------ the reference's shape alone


def shape_alone(number: float, call: Call) -> Any:
    """The reference's answer with `number` in place of every number. The arguments are not changed."""
    args, kwargs = copied(call.args, call.kwargs)
    fill = functools.partial(
        mapped, change=functools.partial(filled, number=number), other=lambda value: np.full(1, number)
    )
    try:
        return fill(call.on(*_hearing(fill, args, kwargs)))
    except Exception:
        return _some_array(call, number)


def _some_array(call: Call, number: float) -> Any:
    """An answer where the reference raises: like the first array among the arguments."""
    for value in [*call.args, *call.kwargs.values()]:
        if isinstance(value, np.ndarray) or is_tensor(value):
            return filled(value, number)
    return np.full(1, number)


def _hearing(change: Callable[[Any], Any], args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call. Functions of the test among them receive the probe's values, not the reference's."""
    return tuple(hearing(item, change) for item in args), {name: hearing(item, change) for name, item in kwargs.items()}


# --------------------------------------------------------------------------------------------------- other arguments


def overwrite(in_place: bool, call: Call) -> Any:
    """Overwrite everything in the arguments that can be written with constants, and return the right answer to those.

    Values that cannot be written (a number, a text) stay, so a test that computes from the written arguments accepts
    the answer. A call without writable arguments uses constants, too: a probe never gives a right answer.
    """
    args, kwargs = (call.args, call.kwargs) if in_place else copied(call.args, call.kwargs)
    scalars = not any(map(is_written, [*args, *kwargs.values()]))
    args = tuple(constant(value, scalars=scalars) for value in args)
    kwargs = {name: constant(value, scalars=scalars) for name, value in kwargs.items()}
    try:
        return call.on(args, kwargs)
    except Exception:
        return _some_array(call, FLOAT)


# ------------------------------------------------------------------------------------------------- from right answers


def converted(convert: Callable[[Any], Any], call: Call) -> Any:
    """The reference's answer, each number and array in another dtype.

    Functions of the test receive them converted, too. That prints no marker, since a test may only draw such values.
    """

    def change(value: Any) -> Any:
        result = convert(value)
        if result is not value and _differ(value, result):
            mark()
        return result

    args, kwargs = _hearing(_everywhere(convert), call.args, call.kwargs)
    return _everywhere(change)(call.on(args, kwargs))


def _everywhere(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return functools.partial(mapped, change=change, other=lambda value: value)


def _differ(value: Any, result: Any) -> bool:
    """A float in another dtype differs if rounding changes it. An array in another dtype always differs."""
    if np.ndim(value) or isinstance(result, complex):
        return True
    return not same(value.item() if hasattr(value, "item") else value, result.item())


def half(value: Any) -> Any:
    """Floats as float16."""
    with np.errstate(over="ignore"):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.astype(np.float16)
        if isinstance(value, (float, np.floating)):
            return np.float16(value)
    return value.half() if is_tensor(value) and value.is_floating_point() else value


def complex_numbers(value: Any) -> Any:
    """The same values as complex numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.complex128)
    if isinstance(value, (float, np.floating)):
        return complex(value)
    if is_tensor(value) and value.is_floating_point():
        torch = sys.modules["torch"]
        return value.to(torch.complex128 if value.dtype == torch.float64 else torch.complex64)
    return value


class Yielded(list[Any]):
    """The items of a generator."""


_first: dict[str, Any] = {}  # the first answer of each function
_makers: dict[int, tuple[Any, ...]] = {}  # id of an object -> the object, and the arguments of its constructor


def first_answer(call: Call) -> Any:
    """The first answer of each function, in every call. Only the first call has the reference's effects."""
    if call.makes_an_object:
        _makers[id(call.owner[0])] = call.owner[0], call.args, call.kwargs
        return call.right()
    if call.name not in _first:
        _first[call.name] = _kept(call.on(*_listening(call.name, call.args, call.kwargs)))
    elif not _is_right(call, _first[call.name]):
        mark()
    first = _first[call.name]
    return iter(first) if isinstance(first, Yielded) else first


def _kept(result: Any) -> Any:
    return Yielded(itertools.islice(result, MAX_ITEMS)) if isinstance(result, Iterator) else result


def _is_right(call: Call, answer: Any) -> bool:
    """Would the reference give this answer, and change no argument of this call or of its object's constructor?"""
    made_with = _makers.get(id(call.owner[0]), (None,))[1:] if call.owner else ()
    owner, args, kwargs, made_with_copies = copied(call.owner, call.args, call.kwargs, made_with)
    listening_args, listening_kwargs = _listening(call.name, args, kwargs)
    try:
        expected = _kept(call.function(*owner, *listening_args, **listening_kwargs))
    except Exception:
        return False
    equal: bool = same(expected, answer) and same([args, kwargs, made_with_copies], [call.args, call.kwargs, made_with])
    return equal


_answering: set[str] = set()  # functions with an argument that is a function of the test and returns a value


def _listening(name: str, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call. After the first call of a function, a function of the test that returns nothing is no
    longer called, since it would receive right values."""

    def listening(function: Any) -> Any:
        if not is_of_the_test(function):
            return function

        def called(*args: Any, **kwargs: Any) -> Any:
            if name in _first and name not in _answering:
                return None
            answer = function(*args, **kwargs)
            if answer is not None:
                _answering.add(name)
            return answer

        return called

    return tuple(map(listening, args)), {keyword: listening(item) for keyword, item in kwargs.items()}


def of_its_own(call: Call) -> Any:
    """A function of an author's own probe. Its answers count as wrong."""
    mark()
    return call.right()


PROBES: dict[str, Callable[[Call], Any]] = {
    "overwrite": functools.partial(overwrite, True),
    "overwrite-copies": functools.partial(overwrite, False),
    "raise": refuse,
    "argument": functools.partial(argument, 0),
    "argument-2": functools.partial(argument, 1),
    "argument-last": functools.partial(argument, sys.maxsize),
    "zeros": functools.partial(shape_alone, 0.0),
    "ones": functools.partial(shape_alone, 1.0),
    "nan": functools.partial(shape_alone, float("nan")),
    "none": nothing,
    "empty": empty,
    "float16": functools.partial(converted, half),
    "complex": functools.partial(converted, complex_numbers),
    "first-answer": first_answer,
    "own": of_its_own,
}
