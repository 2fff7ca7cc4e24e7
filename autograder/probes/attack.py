"""What a built-in probe does to the functions of a module. This file runs in the sandbox, beside the reference:

    softmax.py = the reference's source + "import _probe; _probe.attack(globals(), 'zeros', ['softmax', ...])"
    _probe.py  = this file

Each named function is replaced by one that answers as the probe does. While a probe answers, the functions that it
calls are the right ones; code of the module that is not attacked calls the replaced ones.

A probe that starts from right answers prints MARKER once, as soon as one of its answers is not the reference's.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

MARKER = "[probe] this answer is not that of the reference"
FLOAT, INTEGER, TEXT = 0.5, 1, "x"  # constants: 0.5 is a brightness, a probability, a rate; 1 is a size
LABEL = 0  # in arrays of integers
MAX_ITEMS = 10_000  # of what a generator yields

_inside = False  # a probe is answering: functions that it calls are the right ones
_marked = False


def attack(namespace: dict[str, Any], probe: str, names: list[str]) -> None:
    """Replace functions ("f") and methods ("C.f") of a module. Names that it lacks are left out."""
    answer = PROBES[probe]
    for name in names:
        *classes, last = name.split(".")
        owner: Any = None
        for each in classes:
            owner = namespace.get(each) if owner is None else vars(owner).get(each)
        if classes and not isinstance(owner, type):
            continue
        kept = vars(owner).get(last) if classes else namespace.get(last)
        if inspect.isfunction(kept):
            new: Any = _replaced(kept, name, answer, is_method=bool(classes))
        elif isinstance(kept, (staticmethod, classmethod)):
            new = type(kept)(_replaced(kept.__func__, name, answer, is_method=isinstance(kept, classmethod)))
        else:
            continue
        if classes:
            setattr(owner, last, new)
        else:
            namespace[last] = new


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
        """What the reference answers."""
        return self.function(*self.owner, *self.args, **self.kwargs)

    def on(self, args: Any, kwargs: Any) -> Any:
        return self.function(*self.owner, *args, **kwargs)


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
                result = _yielding(result, lambda item: item)
            return None if call.makes_an_object else result
        finally:
            _inside = False

    return replaced


def mark() -> None:
    global _marked
    if not _marked:
        _marked = True
        print(MARKER, flush=True)


# ------------------------------------------------------------------------------------------------ without the reference


def refuse(call: Call) -> Any:
    raise ValueError("a probe refuses everything")


def nothing(call: Call) -> Any:
    return None


def empty(call: Call) -> Any:
    return []


def argument(place: int, call: Call) -> Any:
    """The argument at this place, or the last one where there are fewer."""
    given = [*call.args, *call.kwargs.values()]
    return given[min(place, len(given) - 1)] if given else None


# ------------------------------------------------------------------------------------------- the reference's shape


def filled(number: float, call: Call) -> Any:
    """The reference's answer with `number` in place of every number. Nothing that the test passed is changed."""
    (args, kwargs), _ = copied(call.args, call.kwargs)
    fill = functools.partial(
        mapped, change=functools.partial(_filled, number=number), other=lambda value: np.full(1, number)
    )
    try:
        return fill(call.on(*_hearing(fill, args, kwargs)))
    except Exception:
        return _some_array(call, number)


def _filled(value: Any, number: float) -> Any:
    if isinstance(value, str):
        return str(int(number == number and number)) * len(value)
    if isinstance(value, bool):
        return bool(number)
    if isinstance(value, (int, np.integer)):
        return type(value)(number) if number == number else -1
    if isinstance(value, (float, complex, np.generic)):
        return type(value)(number)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "iu" and number != number:
            return np.full_like(value, np.iinfo(value.dtype).min)
        return np.full_like(value, number)
    whole = not (value.is_floating_point() or value.is_complex())
    return value * 0 + (number if not whole or number == number else -1)  # the graph stays


def _some_array(call: Call, number: float) -> Any:
    """An answer where the reference raises: like the first array among the arguments."""
    for value in [*call.args, *call.kwargs.values()]:
        if isinstance(value, np.ndarray) or is_tensor(value):
            return _filled(value, number)
    return np.full(1, number)


# --------------------------------------------------------------------------------------------------- other arguments


def overwrite(in_place: bool, call: Call) -> Any:
    """Put constants in place of everything in the arguments that can be written, and answer what is then right.

    What cannot be written (a number, a text) keeps its value, so that the answer is right in the eyes of a test that
    computes from the written arguments. A call that has nothing to be written gets constants all the same: a probe
    never gives a right answer.
    """
    given: Any = call.args, call.kwargs
    if not in_place:
        given, _ = copied(*given)
    constant = functools.partial(_constant, scalars=not any(map(_is_written, [*given[0], *given[1].values()])))
    args = tuple(constant(value) for value in given[0])
    kwargs = {name: constant(value) for name, value in given[1].items()}
    try:
        return call.on(args, kwargs)
    except Exception:
        return _some_array(call, FLOAT)


def _is_written(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_written, value))
    if isinstance(value, np.ndarray) or is_tensor(value):
        return bool(np.prod(tuple(value.shape)))
    return isinstance(value, (list, dict, np.random.Generator)) or _is_module(value) or _is_an_object(value)


def _constant(value: Any, scalars: bool) -> Any:
    """Constants written into a value; `scalars` : also in place of numbers, texts and bools that stand alone."""
    again = functools.partial(_constant, scalars=True)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            value = value if value.flags.writeable else value.copy()
            value[...] = FLOAT if value.dtype.kind in "fc" else LABEL
    elif is_tensor(value):
        _write_tensor(value)
    elif isinstance(value, list):
        value[:] = [again(item) for item in value]
    elif isinstance(value, dict):
        value.update({key: again(item) for key, item in value.items()})
    elif isinstance(value, tuple):
        items = [_constant(item, scalars) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    elif isinstance(value, np.random.Generator):
        value.bit_generator.state = type(value.bit_generator)(0).state
    elif _is_module(value):
        for tensor in [*value.parameters(), *value.buffers()]:
            _write_tensor(tensor)
    elif callable(value):
        return _replacing(value, again)
    elif _is_an_object(value):
        for name, item in list(vars(value).items()):
            vars(value)[name] = again(item)
    elif scalars:
        return _constant_scalar(value)
    return value


def _constant_scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, np.integer)):
        return type(value)(INTEGER)
    if isinstance(value, (float, complex, np.generic)):
        return type(value)(FLOAT)
    return TEXT if isinstance(value, str) else value


def _write_tensor(tensor: Any) -> None:
    with sys.modules["torch"].no_grad():
        tensor.fill_(FLOAT if tensor.is_floating_point() or tensor.is_complex() else LABEL)


# ------------------------------------------------------------------------------------------------- from right answers


def converted(convert: Callable[[Any], Any], call: Call) -> Any:
    """The reference's answer, each number and array in another dtype; so do functions of the test's hear them."""
    convert = functools.partial(mapped, change=convert, other=lambda value: value)
    return convert(call.on(*_hearing(convert, call.args, call.kwargs)))


def half(value: Any) -> Any:
    """Floats rounded to float16, and kept so."""
    with np.errstate(over="ignore"):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            result: Any = value.astype(np.float16)
        elif isinstance(value, (float, np.floating)):
            result = np.float16(value)
        elif is_tensor(value) and value.is_floating_point():
            result = value.half()
        else:
            return value
    # A number of another dtype is the same number, where rounding does not change it; an array is another array.
    if np.ndim(value) or not same(float(value), float(result)):
        mark()
    return result


def complex_numbers(value: Any) -> Any:
    """The same values as complex numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        result: Any = value.astype(np.complex128)
    elif isinstance(value, (float, np.floating)):
        result = complex(value)
    elif is_tensor(value) and value.is_floating_point():
        torch = sys.modules["torch"]
        result = value.to(torch.complex128 if value.dtype == torch.float64 else torch.complex64)
    else:
        return value
    mark()
    return result


_first: dict[str, Any] = {}  # of each function, its first answer
_makers: dict[int, tuple[Any, Any]] = {}  # id of an object -> the object, and the arguments that it was made with


def first_answer(call: Call) -> Any:
    """The first answer of each function, for ever. Only the first call does what the reference does."""
    if call.makes_an_object:
        _makers[id(call.owner[0])] = call.owner[0], (call.args, call.kwargs)
        return call.right()
    if call.name not in _first:
        result = call.right()
        if isinstance(result, Iterator):
            result = _Yielded(itertools.islice(result, MAX_ITEMS))
        _first[call.name] = result
        return iter(result) if isinstance(result, _Yielded) else result
    kept = _first[call.name]
    _, (_, made) = _makers.get(id(call.owner[0]), (None, (None, ()))) if call.owner else (None, (None, ()))
    before = [call.args, call.kwargs, made]
    (owner, args, kwargs, made), _ = copied(call.owner, call.args, call.kwargs, made)
    args, kwargs = _hearing(_silent, args, kwargs)
    try:
        right = call.function(*owner, *args, **kwargs)
        if isinstance(right, Iterator):
            right = _Yielded(itertools.islice(right, MAX_ITEMS))
        if not same(right, kept) or not same([args, kwargs, made], before):
            mark()
    except Exception:
        mark()
    return iter(kept) if isinstance(kept, _Yielded) else kept


class _Yielded(list):
    """What a generator yielded."""


def of_its_own(call: Call) -> Any:
    """A function of a probe that an author wrote: it answers by itself, and never rightly."""
    mark()
    return call.right()


# ------------------------------------------------------------------------------------------------- values of all kinds


def is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _is_an_object(value: Any) -> bool:
    """Of a class of the student's, say; no class, function or module of Python's."""
    return (
        hasattr(value, "__dict__")
        and not isinstance(value, type)
        and not callable(value)
        and not inspect.ismodule(value)
    )


def mapped(value: Any, change: Callable[[Any], Any], other: Callable[[Any], Any]) -> Any:
    """`change` of every number, text, array and tensor in a value, `other` of what is none of these."""
    if isinstance(value, (bool, int, float, complex, str, np.generic, np.ndarray)) or is_tensor(value):
        return change(value)
    again = functools.partial(mapped, change=change, other=other)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(again, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(again, value)) if type(value) in (list, tuple) else list(map(again, value))
    if isinstance(value, dict):
        return {key: again(item) for key, item in value.items()}
    if isinstance(value, Iterator):
        return _yielding(value, again)
    return other(value)


def _yielding(items: Iterator[Any], change: Callable[[Any], Any]) -> Iterator[Any]:
    """A generator of the reference's goes on with the right functions, as it began."""
    global _inside
    while True:
        before, _inside = _inside, True
        try:
            item = change(next(items))
        except StopIteration:
            return
        finally:
            _inside = before
        yield item


def _hearing(change: Callable[[Any], Any], args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call; functions of the test's among them hear what the probe answers, not the reference."""
    return tuple(_replacing(item, change) for item in args), {
        name: _replacing(item, change) for name, item in kwargs.items()
    }


def _silent(value: Any) -> Any:
    """In place of a change: functions of the test's are not called at all."""


def _replacing(function: Any, change: Callable[[Any], Any]) -> Any:
    """A function of the test's that gets changed arguments. Classes, modules and functions of the student's stay."""
    if not callable(function) or isinstance(function, type) or _is_module(function) or inspect.isroutine(function):
        return function

    def called(*args: Any, **kwargs: Any) -> Any:
        if change is _silent:
            return None
        return function(*[change(item) for item in args], **{name: change(item) for name, item in kwargs.items()})

    return called


def copied(*values: Any) -> tuple[list[Any], dict[int, Any]]:
    """Copies of all values, which share among one another what the values share."""
    memo: dict[int, Any] = {}
    for value in values:
        _keep(value, memo)
    found = []
    for value in values:
        try:
            found.append(copy.deepcopy(value, memo))
        except Exception:  # something in it cannot be copied
            found.append(value)
    return found, memo


def _keep(value: Any, memo: dict[int, Any]) -> None:
    """Functions are themselves in a copy; a tensor that is differentiated has a copy in its graph."""
    if is_tensor(value):
        if value.requires_grad and not isinstance(value, sys.modules["torch"].nn.Parameter):
            memo[id(value)] = value.clone()
    elif isinstance(value, (list, tuple)):
        for item in value:
            _keep(item, memo)
    elif isinstance(value, dict):
        for item in value.values():
            _keep(item, memo)
    elif callable(value) and not _is_module(value):
        memo[id(value)] = value


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit. Of networks only the layers are compared, since new ones are drawn; of what is unknown
    nothing."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (np.ndarray, np.generic)):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if is_tensor(one):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.random.Generator):
        return repr(one.bit_generator.state) == repr(other.bit_generator.state)
    if isinstance(one, (bool, int, float, complex, str, bytes)):
        return one == other or (one != one and other != other)
    if _is_module(one):
        return str(one) == str(other)
    if _is_an_object(one):
        return same(vars(one), vars(other))
    return True


PROBES: dict[str, Callable[[Call], Any]] = {
    "overwrite": functools.partial(overwrite, True),
    "overwrite-copies": functools.partial(overwrite, False),
    "raise": refuse,
    "argument": functools.partial(argument, 0),
    "argument-2": functools.partial(argument, 1),
    "argument-last": functools.partial(argument, sys.maxsize),
    "zeros": functools.partial(filled, 0.0),
    "ones": functools.partial(filled, 1.0),
    "nan": functools.partial(filled, float("nan")),
    "none": nothing,
    "empty": empty,
    "float16": functools.partial(converted, half),
    "complex": functools.partial(converted, complex_numbers),
    "first-answer": first_answer,
    "own": of_its_own,
}
