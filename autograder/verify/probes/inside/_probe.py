"""What a probe does to the functions of a module. This file and `_probe_values` run in the sandbox, beside the module:

    softmax.py = the reference's source + "import _probe; _probe.attack(globals(), 'zeros', ['softmax', ...], marker)"

Each named function is replaced by one that answers as the probe does. While a probe answers, the functions that it
calls are the right ones; code of the module that is not attacked calls the replaced ones.

A probe that starts from right answers prints the marker once, as soon as one of its answers is not the reference's.
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

MAX_ITEMS = 10_000  # of what a generator yields, that the probe `first-answer` keeps

_inside = False  # a probe is answering: functions that it calls are the right ones
_marker = ""  # to be printed; empty once it was


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
        """What the reference answers, and does."""
        return self.on(self.args, self.kwargs)

    def on(self, args: Any, kwargs: Any) -> Any:
        return self.function(*self.owner, *args, **kwargs)


def attack(namespace: dict[str, Any], probe: str, names: list[str], marker: str) -> None:
    """Replace functions ("f") and methods ("C.f") of a module. Names that it lacks are left out."""
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
    """A generator goes on with the right functions, as it began."""
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
    """The reference's answer with `number` in place of every number. Nothing that the test passed is changed."""
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
    """The arguments of a call; functions of the test's among them hear what the probe says, not the reference."""
    return tuple(hearing(item, change) for item in args), {name: hearing(item, change) for name, item in kwargs.items()}


# --------------------------------------------------------------------------------------------------- other arguments


def overwrite(in_place: bool, call: Call) -> Any:
    """Put constants in place of everything in the arguments that can be written, and answer what is then right.

    What cannot be written (a number, a text) keeps its value, so that the answer is right in the eyes of a test that
    computes from the written arguments. A call that has nothing to be written gets constants all the same: a probe
    never gives a right answer.
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

    Functions of the test's hear them so, too. That marks nothing: what `log` is told may be judged, or only drawn.
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
    """A float in another dtype is the same number, where rounding does not change it; an array is another array."""
    if np.ndim(value) or isinstance(result, complex):
        return True
    return not same(value.item() if hasattr(value, "item") else value, result.item())


def half(value: Any) -> Any:
    """Floats rounded to float16, and kept so."""
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
    """What a generator yielded."""


_first: dict[str, Any] = {}  # of each function, its first answer
_makers: dict[int, tuple[Any, ...]] = {}  # id of an object -> the object, and the arguments that it was made with


def first_answer(call: Call) -> Any:
    """The first answer of each function, for ever. Only the first call does what the reference does."""
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
    """Would the reference answer so, and change no argument: of this call, nor of the one that made its object?"""
    made_with = _makers.get(id(call.owner[0]), (None,))[1:] if call.owner else ()
    owner, args, kwargs, made_with_copies = copied(call.owner, call.args, call.kwargs, made_with)
    listening_args, listening_kwargs = _listening(call.name, args, kwargs)
    try:
        expected = _kept(call.function(*owner, *listening_args, **listening_kwargs))
    except Exception:
        return False
    equal: bool = same(expected, answer) and same([args, kwargs, made_with_copies], [call.args, call.kwargs, made_with])
    return equal


_answering: set[str] = set()  # functions whose arguments hold a function of the test's that answers something


def _listening(name: str, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call. After the first call of a function, one of the test's is called no more if all that it
    does is to listen: what it heard then would be right."""

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
    """A function of a probe that an author wrote: it answers by itself, and never rightly."""
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
