"""Two values made comparable: type, shape and dtype are checked here, before any value is."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from autograder.testing.mismatch import Kind, Mismatch, check

SHOWN_WHOLE = 12  # entries of an array; of a larger one a failure shows the first that differs


def describe(value: Any) -> str:
    """What a value is, in few words, without showing it."""
    if isinstance(value, np.ndarray):
        name = "an array" if type(value) is np.ndarray else f"a {type(value).__name__}"
        return f"{name} of shape {value.shape} and dtype {value.dtype}"
    if is_tensor(value):
        return f"a tensor of shape {tuple(value.shape)} and dtype {dtype_of(value)}"
    if value is None:
        return "None"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of length {len(value)}"
    # An object that stayed in the student's process is named by its class over there.
    return f"a {getattr(value, '_remote_type', type(value).__name__)}"


def is_tensor(value: Any) -> bool:
    """A plain torch.Tensor: no subclass of it, and none that is sparse."""
    torch = sys.modules.get("torch")
    return torch is not None and type(value) is torch.Tensor and value.layout is torch.strided


def to_array(tensor: Any) -> np.ndarray:
    """A tensor's numbers, from any device, without its graph; bfloat16, which numpy does not have, as float32."""
    tensor = tensor.detach().cpu()
    numbers: np.ndarray = (tensor.float() if dtype_of(tensor) == "bfloat16" else tensor).numpy()
    return numbers


def dtype_of(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def both_arrays(actual: Any, expected: Any, what: str, any_float: bool) -> tuple[Any, np.ndarray]:
    """Two tensors as arrays; of a 0-d tensor, a number will do. Type and dtype are checked here, shapes are not."""
    wanted = to_array(expected)
    if not is_tensor(actual):
        numbers = not wanted.ndim and (type(actual) in (bool, int, float) or isinstance(actual, np.generic))
        found = f"{what} is {describe(actual)}"
        check(numbers, f"{found}, expected a torch tensor of shape {tuple(expected.shape)}", "wrong_type")
        return actual, wanted
    same = actual.dtype == expected.dtype or (any_float and actual.is_floating_point() and wanted.dtype.kind == "f")
    found_array = to_array(actual)
    same = same or (found_array.dtype.kind in "iu" and wanted.dtype.kind in "iu")
    check(same, f"{what} has dtype {dtype_of(actual)}, expected {dtype_of(expected)}", "wrong_dtype")
    return found_array, wanted


def comparable(actual: Any, expected: Any, what: str, any_float: bool) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays of one shape, after the checks of type, shape and dtype."""
    wanted = np.asarray(expected)
    if isinstance(expected, np.ndarray) and expected.ndim > 0:
        check(
            type(actual) is np.ndarray,
            f"{what} is {describe(actual)}, expected a numpy array of shape {wanted.shape}",
            "wrong_type",
        )
        check(actual.shape == wanted.shape, f"{what} has shape {actual.shape}, expected {wanted.shape}", "wrong_shape")
        same = actual.dtype == wanted.dtype or (any_float and actual.dtype.kind == wanted.dtype.kind == "f")
        # Labels and counts may be any width of integer, on every platform.
        same = same or (actual.dtype.kind in "iu" and wanted.dtype.kind in "iu")
        check(same, f"{what} has dtype {actual.dtype}, expected {wanted.dtype}", "wrong_dtype")
        return actual, wanted
    # A number: Python's, numpy's, or an array or tensor without axes.
    if is_tensor(actual):
        actual = to_array(actual)
    kinds = {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}.get(wanted.dtype.kind, "")
    if type(actual) is np.ndarray:
        check(actual.shape == (), f"{what} has shape {actual.shape}, expected one number", "wrong_shape")
        found = actual
    else:
        ok = type(actual) in (bool, int, float) or isinstance(actual, np.generic)
        check(ok, f"{what} is {describe(actual)}, expected a number", "wrong_type")
        found = np.asarray(actual)
    check(found.dtype.kind in kinds, f"{what} is a {found.dtype}, expected a {wanted.dtype} number", "wrong_dtype")
    return found, wanted


def assert_structure(actual: Any, expected: Any, what: str) -> None:
    if isinstance(expected, dict):
        check(isinstance(actual, dict), f"{what} is {describe(actual)}, expected a dict", "wrong_type")
        missing, extra = expected.keys() - actual.keys(), actual.keys() - expected.keys()
        check(
            not missing and not extra,
            f"{what} has the keys {sorted(map(str, actual))}, expected {sorted(map(str, expected))}",
            "wrong_shape",
        )
        return
    check(
        isinstance(actual, (list, tuple)),
        f"{what} is {describe(actual)}, expected a {type(expected).__name__} of length {len(expected)}",
        "wrong_type",
    )
    check(len(actual) == len(expected), f"{what} has length {len(actual)}, expected {len(expected)}", "wrong_shape")


def same_bits(now: Any, before: Any) -> bool:
    """Equal to the last bit, so that a NaN that was there before has not changed."""
    if type(now) is not type(before):
        return False
    if isinstance(now, (np.ndarray, np.generic)):
        equal: bool = now.dtype == before.dtype and now.shape == before.shape and now.tobytes() == before.tobytes()
        return equal
    if is_tensor(now):
        alike = now.dtype == before.dtype and now.shape == before.shape
        return alike and to_array(now).tobytes() == to_array(before).tobytes()
    if isinstance(now, (list, tuple)):
        return len(now) == len(before) and all(map(same_bits, now, before))
    if isinstance(now, dict):
        return now.keys() == before.keys() and all(same_bits(now[key], before[key]) for key in now)
    return bool(now == before) or bool(now != now and before != before)  # NaN has not changed into NaN


def assert_same_entries(found: np.ndarray, wanted: np.ndarray, what: str, rule: str) -> None:
    report(found == wanted, found, wanted, what, rule)


def report(ok: np.ndarray, found: np.ndarray, wanted: np.ndarray, what: str, rule: str) -> None:
    """Raise for the first entry that is not ok, and say how many are not."""
    ok = np.asarray(ok)
    if bool(ok.all()):
        return
    where = tuple(int(i) for i in np.argwhere(~ok)[0]) if ok.ndim else ()
    place = f" at {list(where)}" if where else ""
    count = f"{int((~ok).sum())} of {ok.size} entries differ; " if ok.ndim else ""
    value, target = found[where], wanted[where]
    kind: Kind = "wrong_value"
    if found.dtype.kind == "f" and not np.isfinite(value) and np.isfinite(target):
        kind = "not_finite"
    text = f"{what} is {value!s}{place}, expected {target!s} ({count}{rule})"
    if 1 < ok.size <= SHOWN_WHOLE:
        text += f"\nfound     {_in_words(found, 10)}\nexpected  {_in_words(wanted, 10)}"
    raise Mismatch(text, kind)


def _in_words(array: np.ndarray, indent: int) -> str:
    """All entries, rows below each other."""
    return np.array2string(array, separator=", ", threshold=SHOWN_WHOLE + 1, prefix=" " * indent)
