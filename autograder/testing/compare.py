"""Comparisons in which NaN fails, and type, shape and dtype are compared before values.

`np.testing.assert_allclose` broadcasts scalars, ignores dtype and lets NaN equal NaN; a student's wrong answer passes
through each of the three holes. Every failure is a `Mismatch`, whose `kind` is all that a student hears of a hidden
test, and whose text says what was found, where, and what was expected.
"""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from autograder.arguments import as_left

Kind = Literal[
    "wrong_value",
    "wrong_shape",
    "wrong_dtype",
    "wrong_type",
    "not_finite",
    "changed_input",
    "no_error",
    "unstable",
    "too_slow",
    "too_costly",
    "below_bar",
    "above_chance",
]

# Room for a right answer that sums in another order. One rounding error is eps / 2; sixty-four of them, times the
# root of the number of terms (errors of random sign add up so), never failed a right answer and is far below any bug.
SHOWN_WHOLE = 12  # entries of an array; of a larger one a failure shows the first that differs
ROUNDINGS = 64


class Mismatch(AssertionError):
    """What came back is not what the law demands."""

    def __init__(self, message: str, kind: Kind = "wrong_value", advice: str = "", measured: str = "") -> None:
        """Students read these two of hidden tests, too, so they must hold nothing hidden and few digits:

        advice : what to look at next.   measured : a number beside its bar, behind the sentence of the kind.
        """
        super().__init__(message)
        self.kind, self.advice, self.measured = kind, advice, measured


def check(condition: object, message: str, kind: Kind = "wrong_value") -> None:
    """Fail with `message` unless `condition` holds; `message` says what was found and what was expected."""
    if not (isinstance(condition, (bool, np.bool_)) and bool(condition)):
        raise Mismatch(message, kind)


def tolerance(dtype: Any, terms: int = 1) -> float:
    """Relative tolerance for a value that sums `terms` products in `dtype`:  64 eps sqrt(terms)."""
    return float(ROUNDINGS * np.finfo(dtype).eps * np.sqrt(max(1, terms)))


def assert_close(
    actual: Any,
    expected: Any,
    *,
    what: str = "the result",
    terms: int = 1,
    rtol: float | None = None,
    atol: float | None = None,
    any_float: bool = False,
) -> None:
    """|actual - expected| <= atol + rtol |expected|, entry by entry, after type, shape and dtype.

    expected : a number (then a Python or numpy number, or a 0-d array or tensor, is right), an array (then exactly an
        `np.ndarray` of its shape and dtype), a torch tensor (then exactly such a one, on any device), or a list, tuple
        or dict of those (lists and tuples are alike).
    terms : how many products one entry sums up; widens the tolerance as its square root.
    rtol : overrides 64 eps(dtype) sqrt(terms).   atol : overrides rtol max|expected|.
    any_float : any floating dtype is right.
    Infinities must agree exactly; NaN never agrees. Raises Mismatch.
    """
    if isinstance(expected, (list, tuple, dict)):
        _assert_structure(actual, expected, what)
        pairs = expected.items() if isinstance(expected, dict) else enumerate(expected)
        for key, item in pairs:
            assert_close(
                actual[key],
                item,
                what=f"{what}[{key!r}]",
                terms=terms,
                rtol=rtol,
                atol=atol,
                any_float=any_float,
            )
        return
    if is_tensor(expected):
        actual, expected = _both_arrays(actual, expected, what, any_float)
        any_float = True
    found, wanted = _comparable(actual, expected, what, any_float)
    if wanted.dtype.kind != "f":
        _assert_same_entries(found, wanted, what, "exact comparison")
        return
    if rtol is None:
        rtol = tolerance(_coarser(found.dtype, wanted.dtype), terms)
    finite = wanted[np.isfinite(wanted)]
    if atol is None:
        atol = rtol * float(np.max(np.abs(finite), initial=0.0))
    with np.errstate(invalid="ignore", over="ignore"):
        wide_found, wide_wanted = found.astype(np.float64), wanted.astype(np.float64)
        bound = atol + rtol * np.abs(wide_wanted)
        near = np.abs(wide_found - wide_wanted) <= bound
        ok = np.where(np.isfinite(wide_wanted), near, wide_found == wide_wanted)
    _report(ok, found, wanted, what, f"tolerance {rtol:.2g} relative + {atol:.2g}")


def _coarser(found: np.dtype, wanted: np.dtype) -> np.dtype:
    """The dtype that decides how near is near: a float32 answer cannot be held to float64.

    But whoever answers in float16 where nobody asked for it is held to float32, or 6 % off would be near.
    """
    if found.kind != "f" or found.itemsize >= wanted.itemsize:
        return wanted
    return found if found.itemsize >= np.dtype(np.float32).itemsize else np.dtype(np.float32)


def assert_equal(actual: Any, expected: Any, *, what: str = "the result") -> None:
    """Exactly equal: numbers, strings, arrays (type, shape, dtype kind and every entry), and containers of those."""
    if isinstance(expected, (list, tuple, dict)):
        _assert_structure(actual, expected, what)
        pairs = expected.items() if isinstance(expected, dict) else enumerate(expected)
        for key, item in pairs:
            assert_equal(actual[key], item, what=f"{what}[{key!r}]")
        return
    if expected is None or isinstance(expected, (str, bytes)):
        check(type(actual) is type(expected), f"{what} is {describe(actual)}, expected {expected!r}", "wrong_type")
        check(actual == expected, f"{what} is {actual!r}, expected {expected!r}")
        return
    if is_tensor(expected):
        actual, expected = _both_arrays(actual, expected, what, any_float=True)
    found, wanted = _comparable(actual, expected, what, any_float=True)
    _assert_same_entries(found, wanted, what, "exact comparison")


def values_of(actual: Any, expected: Any) -> Any:
    """`actual` in the shape of `expected`, where the two shapes differ by axes of length 1 alone; else as it is.

    For laws about values, where another law holds the shape: whoever answers (1, n) for (n,), or (n, 1), or a number in
    an array, loses the points for the shape once, and not in every law. Containers are looked at item by item.
    """
    if isinstance(expected, (list, tuple, dict)):
        if isinstance(expected, dict) and isinstance(actual, dict):
            return {key: values_of(item, expected[key]) if key in expected else item for key, item in actual.items()}
        if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)) and len(actual) == len(expected):
            return [values_of(item, wanted) for item, wanted in zip(actual, expected, strict=True)]
        return actual
    if not (isinstance(actual, np.ndarray) or is_tensor(actual)):
        return actual
    shape = tuple(np.shape(expected) if not is_tensor(expected) else expected.shape)
    if tuple(actual.shape) == shape or _long_axes(actual.shape) != _long_axes(shape):
        return actual
    return actual.reshape(shape)


def _long_axes(shape: Any) -> list[int]:
    return [side for side in shape if side != 1]


def assert_shaped_like(actual: Any, expected: Any, *, what: str = "the result") -> None:
    """`actual` has the structure and shapes of `expected`, float for float, and all its entries are finite.

    expected : as in `assert_close`; its values do not matter, nor does the width of its floats. For what a student
    trained and the judge then computes with. Raises Mismatch.
    """
    if isinstance(expected, (list, tuple, dict)):
        _assert_structure(actual, expected, what)
        for key, item in expected.items() if isinstance(expected, dict) else enumerate(expected):
            assert_shaped_like(actual[key], item, what=f"{what}[{key!r}]")
        return
    if is_tensor(expected):
        actual, expected = _both_arrays(actual, expected, what, any_float=True)
    found, wanted = _comparable(actual, expected, what, any_float=True)
    wide = found.dtype.kind != "f" or found.itemsize >= min(wanted.itemsize, np.dtype(np.float32).itemsize)
    check(wide, f"{what} has dtype {found.dtype}, expected {wanted.dtype}", "wrong_dtype")
    check(bool(np.isfinite(found).all()), f"{what} holds infinity or NaN", "not_finite")


def assert_not_narrow(value: Any, *, what: str = "the result") -> None:
    """`value` is neither complex nor made of floats of 16 bits; whatever else it is, is not looked at.

    For laws about something else, which must not pass with an answer in a dtype that nobody asked for. Raises Mismatch.
    """
    dtype = str(getattr(value, "dtype", type(value).__name__))
    narrow = "complex" in dtype or "float16" in dtype
    check(not narrow, f"{what} has dtype {dtype}, expected floats", "wrong_dtype")


def snapshot(*values: Any) -> Any:
    """A deep copy to compare with later: `before = snapshot(z, y)`."""
    return copy.deepcopy(values if len(values) != 1 else values[0])


def assert_unchanged(now: Any, before: Any, *, what: str = "the input") -> None:
    """The function left `what` as it was; `before` is its `snapshot`.

    now : the test's own objects, as they were passed. They never change themselves, unless they were passed as
        `mutable`: what is compared is what the student's copies of them became.
    """
    now = as_left(now)
    try:
        if not _same_bits(now, before):
            assert_equal(now, before, what=what)
    except Mismatch as mismatch:
        raise Mismatch(f"{what} was changed by the call: {mismatch}", "changed_input") from None


@contextlib.contextmanager
def assert_raises(kind: type[Exception], *, what: str = "the call") -> Iterator[None]:
    """The block must raise `kind` (or a subclass of it)."""
    try:
        yield
    except kind:
        return
    raise Mismatch(f"{what} returned, expected it to raise {kind.__name__}", "no_error")


def describe(value: Any) -> str:
    """What a value is, in few words, without showing it."""
    if isinstance(value, np.ndarray):
        name = "an array" if type(value) is np.ndarray else f"a {type(value).__name__}"
        return f"{name} of shape {value.shape} and dtype {value.dtype}"
    if is_tensor(value):
        return f"a tensor of shape {tuple(value.shape)} and dtype {_dtype_of(value)}"
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
    return (tensor.float() if _dtype_of(tensor) == "bfloat16" else tensor).numpy()


def _dtype_of(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _both_arrays(actual: Any, expected: Any, what: str, any_float: bool) -> tuple[Any, np.ndarray]:
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
    check(same, f"{what} has dtype {_dtype_of(actual)}, expected {_dtype_of(expected)}", "wrong_dtype")
    return found_array, wanted


def _comparable(actual: Any, expected: Any, what: str, any_float: bool) -> tuple[np.ndarray, np.ndarray]:
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


def _assert_structure(actual: Any, expected: Any, what: str) -> None:
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


def _same_bits(now: Any, before: Any) -> bool:
    """Equal to the last bit, so that a NaN that was there before has not changed."""
    if type(now) is not type(before):
        return False
    if isinstance(now, (np.ndarray, np.generic)):
        return now.dtype == before.dtype and now.shape == before.shape and now.tobytes() == before.tobytes()
    if is_tensor(now):
        alike = now.dtype == before.dtype and now.shape == before.shape
        return alike and to_array(now).tobytes() == to_array(before).tobytes()
    if isinstance(now, (list, tuple)):
        return len(now) == len(before) and all(map(_same_bits, now, before))
    if isinstance(now, dict):
        return now.keys() == before.keys() and all(_same_bits(now[key], before[key]) for key in now)
    return bool(now == before) or bool(now != now and before != before)  # NaN has not changed into NaN


def _assert_same_entries(found: np.ndarray, wanted: np.ndarray, what: str, rule: str) -> None:
    _report(found == wanted, found, wanted, what, rule)


def _report(ok: np.ndarray, found: np.ndarray, wanted: np.ndarray, what: str, rule: str) -> None:
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
