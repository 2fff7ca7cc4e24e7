"""Changes and compares values of all kinds: numbers, texts, arrays, tensors, containers, objects."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

FLOAT, INTEGER, TEXT = 0.5, 1, "x"  # constants: 0.5 is a brightness, a probability, a rate; 1 is a size
LABEL = 0  # the constant in arrays of integers


def is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_network(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def is_object(value: Any) -> bool:
    """Is it an object with attributes, such as one of a student's class, but not a class, function or module?"""
    is_code = isinstance(value, type) or callable(value) or inspect.ismodule(value)
    return hasattr(value, "__dict__") and not is_code


def mapped(value: Any, change: Callable[[Any], Any], other: Callable[[Any], Any]) -> Any:
    """The value with `change` applied to every number, text, array and tensor, and `other` to everything else."""
    if isinstance(value, (bool, int, float, complex, str, np.generic, np.ndarray)) or is_tensor(value):
        return change(value)
    recurse = functools.partial(mapped, change=change, other=other)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(recurse, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(recurse, value)) if type(value) in (list, tuple) else list(map(recurse, value))
    if isinstance(value, dict):
        return {key: recurse(item) for key, item in value.items()}
    if isinstance(value, Iterator):
        return (recurse(item) for item in value)
    return other(value)


def filled(value: Any, number: float) -> Any:
    """The value with `number` in place of each number. If it is NaN, integers become negative or the minimum."""
    is_nan = number != number
    if isinstance(value, str):
        return ("0" if is_nan else str(int(number))) * len(value)
    if isinstance(value, bool):
        return bool(number)
    if isinstance(value, (int, np.integer)):
        return type(value)(-1 if is_nan and np.dtype(type(value)).kind != "u" else 0 if is_nan else number)
    if isinstance(value, (float, complex, np.generic)):
        return type(value)(number)
    if isinstance(value, np.ndarray):
        lowest = is_nan and value.dtype.kind in "iu"
        return np.full_like(value, np.iinfo(value.dtype).min if lowest else number)
    is_real = value.is_floating_point() or value.is_complex()
    return value * 0 + (-1 if is_nan and not is_real else number)  # so the graph stays


def is_written(value: Any) -> bool:
    """Can something in the value be overwritten?"""
    if isinstance(value, tuple):
        return any(map(is_written, value))
    if isinstance(value, np.ndarray) or is_tensor(value):
        return bool(np.prod(tuple(value.shape)))
    return isinstance(value, (list, dict, np.random.Generator)) or is_network(value) or is_object(value)


def constant(value: Any, *, scalars: bool) -> Any:
    """The value overwritten with constants.   scalars : replace single numbers, texts and bools, too."""
    recurse = functools.partial(constant, scalars=True)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            value = value if value.flags.writeable else value.copy()
            value[...] = FLOAT if value.dtype.kind in "fc" else LABEL
    elif is_tensor(value):
        _write_tensor(value)
    elif isinstance(value, list):
        value[:] = [recurse(item) for item in value]
    elif isinstance(value, dict):
        value.update({key: recurse(item) for key, item in value.items()})
    elif isinstance(value, tuple):
        items = [constant(item, scalars=scalars) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    elif isinstance(value, np.random.Generator):
        value.bit_generator.state = type(value.bit_generator)(0).state
    elif is_network(value):
        for tensor in [*value.parameters(), *value.buffers()]:
            _write_tensor(tensor)
    elif callable(value):
        return hearing(value, recurse)
    elif is_object(value):
        for name, item in list(vars(value).items()):
            vars(value)[name] = recurse(item)
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


def hearing(function: Any, change: Callable[[Any], Any]) -> Any:
    """A function of the test with changed arguments. Other values are returned unchanged."""
    if not is_of_the_test(function):
        return function

    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*[change(item) for item in args], **{name: change(item) for name, item in kwargs.items()})

    return called


def is_of_the_test(function: Any) -> bool:
    """Is it a function that a test passed, and not a class, function or network of the student?"""
    is_code = isinstance(function, type) or is_network(function) or inspect.isroutine(function)
    return callable(function) and not is_code


def copied(*values: Any) -> list[Any]:
    """Copies of all values. Parts that the values share are shared by the copies."""
    memo: dict[int, Any] = {}
    for value in values:
        _keep(value, memo)
    copies = []
    for value in values:
        try:
            copies.append(copy.deepcopy(value, memo))
        except Exception:  # something in it cannot be copied
            copies.append(value)
    return copies


def _keep(value: Any, memo: dict[int, Any]) -> None:
    """Functions are not copied. A tensor with a gradient gets a copy in its graph."""
    if is_tensor(value):
        if value.requires_grad and not isinstance(value, sys.modules["torch"].nn.Parameter):
            memo[id(value)] = value.clone()
    elif isinstance(value, (list, tuple)):
        for item in value:
            _keep(item, memo)
    elif isinstance(value, dict):
        for item in value.values():
            _keep(item, memo)
    elif callable(value) and not is_network(value):
        memo[id(value)] = value


def same(first: Any, second: Any) -> bool:
    """Are the values equal to the last bit? Networks are compared by their layers only, since weights are drawn.
    Objects of unknown kinds count as equal."""
    if type(first) is not type(second):
        return False
    if isinstance(first, (np.ndarray, np.generic)):
        equal: bool = (
            first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()
        )
        return equal
    if is_tensor(first):
        same_form = first.dtype == second.dtype and first.shape == second.shape
        return same_form and bool(((first == second) | ((first != first) & (second != second))).all())
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, np.random.Generator):
        return repr(first.bit_generator.state) == repr(second.bit_generator.state)
    if isinstance(first, (bool, int, float, complex, str, bytes)):
        return first == second or (first != first and second != second)
    if is_network(first):
        return str(first) == str(second)
    if is_object(first):
        return same(vars(first), vars(second))
    return True
