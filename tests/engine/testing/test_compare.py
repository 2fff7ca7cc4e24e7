"""Comparisons: each hole that `np.testing.assert_allclose` leaves open is shut; a failure says of what kind it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from autograder.testing import (
    Mismatch,
    assert_adjoint,
    assert_close,
    assert_equal,
    assert_gradient,
    assert_not_narrow,
    assert_shaped_like,
    assert_unchanged,
    check,
    numerical_gradient,
    snapshot,
    values_of,
)
from autograder.testing.compare import tolerance

nan, inf = float("nan"), float("inf")
ones = np.ones((2, 3))


class Sub(np.ndarray):
    pass


class Shy:
    _remote_type = "Tensor"

    def __str__(self) -> str:  # no address: tests that run side by side must have the same names
        return "a shy tensor"


RIGHT = [
    (1.0, 1.0),
    (np.float64(1), 1.0),
    (np.array(1.0), 1.0),
    (1, 1.0),
    (1.0, np.float64(1)),
    (np.float32(0.1), 0.1),
    (True, True),
    (3, np.int64(3)),
    (inf, inf),
    (np.array([inf, -inf, 1]), np.array([inf, -inf, 1])),
    (np.zeros((0, 3)), np.zeros((0, 3))),
    (np.array([1, 2], np.int32), np.array([1, 2], np.int64)),
    ([1.0, ones], (1.0, ones)),
    ({"w": ones, "b": [1.0]}, {"b": (1.0,), "w": ones}),
]


@pytest.mark.parametrize("actual, expected", RIGHT, ids=str)
def test_what_is_right_passes(actual, expected):
    assert_close(actual, expected)


WRONG = [
    ("wrong_value", 1.0, 2.0),
    ("wrong_value", ones * 1.001, ones),
    ("wrong_value", inf, -inf),
    ("wrong_value", 1.0, inf),
    ("wrong_value", -inf * ones, inf * ones),
    ("wrong_value", ones, nan * ones),  # nothing is close to NaN
    ("wrong_value", nan, nan),
    ("wrong_value", np.array([0, 2]), np.array([0, 1])),
    ("wrong_value", False, True),
    ("not_finite", nan, 1.0),
    ("not_finite", np.array([1.0, nan]), np.array([1.0, 1.0])),
    ("not_finite", inf, 1.0),
    ("wrong_type", 1.0, ones),  # a number does not broadcast
    ("wrong_shape", np.ones((1, 3)), ones),  # nor does a row
    ("wrong_shape", np.ones((3, 2)), ones),
    ("wrong_shape", np.ones((2, 3, 1)), ones),
    ("wrong_shape", np.ones(1), 1.0),
    ("wrong_shape", np.ones(0), ones),
    ("wrong_dtype", ones.astype(np.float32), ones),
    ("wrong_dtype", ones.astype(int), ones),
    ("wrong_dtype", ones.astype(complex), ones),
    ("wrong_dtype", ones, ones.astype(int)),
    ("wrong_dtype", ones, ones.astype(bool)),
    ("wrong_dtype", 1, True),
    ("wrong_dtype", 1.0, 1),
    ("wrong_dtype", True, 1.0),
    ("wrong_dtype", 10**30, 1.0),
    ("wrong_type", None, ones),
    ("wrong_type", None, 1.0),
    ("wrong_type", "1.0", 1.0),
    ("wrong_type", ones.tolist(), ones),
    ("wrong_type", ones.view(Sub), ones),
    ("wrong_type", Shy(), ones),
    ("wrong_type", 1j, 1.0),
    ("wrong_type", 1.0, [1.0]),
    ("wrong_type", ones, [1.0, 2.0]),
    ("wrong_shape", [1.0], [1.0, 2.0]),
    ("wrong_type", [1.0], {"a": 1.0}),
    ("wrong_shape", {"a": 1.0}, {"b": 1.0}),
    ("wrong_shape", {"a": 1.0, "b": 1.0}, {"a": 1.0}),
    ("wrong_value", {"a": [1.0, 2.0]}, {"a": [1.0, 3.0]}),
]


@pytest.mark.parametrize("kind, actual, expected", WRONG, ids=str)
def test_what_is_wrong_is_a_mismatch_of_its_kind(kind, actual, expected):
    with pytest.raises(Mismatch) as found:
        assert_close(actual, expected)
    assert found.value.kind == kind


# Equality is of values: any width of a float is right.
UNEQUAL = [case for case in WRONG if not isinstance(case[1], np.ndarray) or case[1].dtype != np.float32]


@pytest.mark.parametrize("kind, actual, expected", UNEQUAL, ids=str)
def test_what_is_not_close_is_not_equal_either(kind, actual, expected):
    with pytest.raises(Mismatch) as found:
        assert_equal(actual, expected)
    assert found.value.kind == kind


def test_a_failure_says_what_was_found_where_and_what_was_expected():
    found = np.full((2, 2), 0.25)
    found[1, 0] = 0.5
    with pytest.raises(
        Mismatch, match=r"^the gradient is 0\.5 at \[1, 0\], expected 0\.25 \(1 of 4 entries differ; tol"
    ):
        assert_close(found, np.full((2, 2), 0.25), what="the gradient")


def test_a_failure_in_a_container_says_where_in_it():
    with pytest.raises(Mismatch, match=r"the result\['w'\]\[1\] is 3\.0, expected 2\.0"):
        assert_close({"w": [1.0, 3.0]}, {"w": [1.0, 2.0]})


def test_an_object_over_there_is_named_by_its_class_over_there():
    with pytest.raises(Mismatch, match="is a Tensor, expected a numpy array of shape"):
        assert_close(Shy(), ones)


def test_any_float_accepts_other_floats_but_no_integers():
    assert_close(ones.astype(np.float32), ones, any_float=True)
    with pytest.raises(Mismatch):
        assert_close(ones.astype(int), ones, any_float=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tolerance_is_that_of_the_dtype_and_grows_with_the_root_of_the_terms(dtype):
    expected = np.ones(3, dtype)
    error = 100 * np.finfo(dtype).eps
    with pytest.raises(Mismatch):
        assert_close((expected + error).astype(dtype), expected, atol=0)
    assert_close((expected + error).astype(dtype), expected, atol=0, terms=4)
    assert tolerance(dtype, 4) == 2 * tolerance(dtype)


@pytest.mark.threat(51)
@pytest.mark.parametrize("expected", [1 / 3, np.float64(1 / 3), np.float32(1 / 3)])
def test_a_number_in_float16_that_nobody_asked_for_widens_no_tolerance(expected):
    """3 % off, or only rounded to float16: either is wrong. Where the dtype holds the number exactly, it is right."""
    for answer in (np.float16(0.343), np.float16(expected), np.array(1 / 3, np.float16)):
        with pytest.raises(Mismatch):
            assert_close(answer, expected)
    with pytest.raises(Mismatch):
        assert_close(np.full(2, 1 / 3, np.float16), np.full(2, 1 / 3), any_float=True)
    assert_close(np.float16(0.5), 0.5)
    assert_close(np.float32(1 / 3), expected)
    assert_close(np.float16(0.343), np.float16(0.34), rtol=None)


def test_absolute_tolerance_is_relative_to_the_largest_entry():
    expected = np.array([0.0, 1e6])
    assert_close(expected + 1e-9, expected)
    with pytest.raises(Mismatch):
        assert_close(np.array([1e-9, 0.0]), np.array([0.0, 0.0]))


def test_entries_that_overflow_a_short_float_are_compared_without_a_warning():
    big = np.full(2, np.finfo(np.float32).max, np.float32)
    assert_close(big, big)
    with pytest.raises(Mismatch):
        assert_close(-big, big)


@settings(max_examples=50, deadline=None, database=None)
@given(array=hnp.arrays(np.float64, hnp.array_shapes(max_side=3), elements={"allow_nan": False}))
def test_every_array_without_nan_is_close_to_itself(array):
    assert_close(array, array)
    assert_equal(array, array)


def test_check_needs_a_truth_value_and_nothing_that_looks_like_one():
    check(np.bool_(True), "fine")
    for value in (1, "yes", [1], ones, None):
        with pytest.raises(Mismatch):
            check(value, "no")


@pytest.mark.parametrize("value", ["text", b"bytes", None], ids=str)
def test_texts_and_none_are_equal_to_themselves_alone(value):
    assert_equal(value, value)
    for other in ("other", b"other", 0, ones):
        with pytest.raises(Mismatch):
            assert_equal(other, value)


def test_a_changed_argument_is_a_mismatch_of_its_own_kind():
    x = np.ones(3)
    before = snapshot(x, [1])
    assert_unchanged((x, [1]), before)
    x[1] = 2
    with pytest.raises(Mismatch, match="the input was changed by the call") as found:
        assert_unchanged((x, [1]), before)
    assert found.value.kind == "changed_input"


def test_an_input_that_holds_nan_and_stays_is_unchanged():
    x = np.array([nan, 1.0])
    before = snapshot(x)
    assert_unchanged(x, before)
    x[1] = nan
    with pytest.raises(Mismatch):
        assert_unchanged(x, before)


def test_numerical_gradient_is_that_of_the_formula_and_leaves_x():
    x = np.array([[1.0, -2.0], [0.0, 10.0]])
    kept = x.copy()
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**3).sum(), x), 3 * x**2, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(x, kept)


x = np.linspace(-1, 2, 6).reshape(2, 3)


def test_a_right_gradient_passes():
    assert_gradient(lambda x: np.sum(np.exp(x)), x, np.exp(x))


@pytest.mark.parametrize(
    "gradient, kind",
    [
        (np.exp(x) * 1.001, "wrong_value"),
        (-np.exp(x), "wrong_value"),
        (np.exp(x) / 2, "wrong_value"),
        (np.exp(x).T, "wrong_shape"),
        (np.exp(x).sum(), "wrong_type"),
        (np.exp(x).astype(np.float32), "wrong_dtype"),
        (np.exp(x) * nan, "not_finite"),
        (None, "wrong_type"),
    ],
    ids=str,
)
def test_a_wrong_gradient_is_a_mismatch_of_its_kind(gradient, kind):
    with pytest.raises(Mismatch) as found:
        assert_gradient(lambda x: np.sum(np.exp(x)), x, gradient)
    assert found.value.kind == kind


def test_a_gradient_that_is_zero_must_be_zero():
    assert_gradient(lambda x: 1.0, x, np.zeros_like(x))
    with pytest.raises(Mismatch):
        assert_gradient(lambda x: 1.0, x, np.full_like(x, 1e-3))


matrix = np.arange(12.0).reshape(3, 4)


def test_the_transpose_is_the_adjoint():
    assert_adjoint(lambda v: matrix @ v, lambda w: matrix.T @ w, np.arange(4.0), np.arange(3.0))


@pytest.mark.parametrize(
    "back, kind",
    [
        (lambda w: matrix.T @ w * 2, "wrong_value"),
        (lambda w: -matrix.T @ w, "wrong_value"),
        (lambda w: matrix.T @ w * nan, "wrong_value"),
        (lambda w: matrix @ np.ones(4), "wrong_shape"),
    ],
    ids=["twice", "negative", "nan", "shape"],
)
def test_what_is_no_adjoint_is_a_mismatch(back, kind):
    with pytest.raises(Mismatch) as found:
        assert_adjoint(lambda v: matrix @ v, back, np.arange(1.0, 5), np.arange(1.0, 4))
    assert found.value.kind == kind


# --- a wrong shape is charged once ---

SAME_VALUES = [
    (np.arange(3.0)[None], np.arange(3.0)),
    (np.arange(3.0)[:, None], np.arange(3.0)),
    (np.arange(3.0), np.arange(3.0)[None]),
    (np.array([2.0]), 2.0),
    (np.array([[2.0]]), np.float64(2.0)),
    (2.0, 2.0),
    (np.zeros((1, 0, 2)), np.zeros((0, 2))),
    ([np.ones((1, 2)), 1.0], (np.ones(2), 1.0)),
    ({"b": np.ones((2, 1))}, {"b": np.ones(2)}),
]


@pytest.mark.parametrize("actual, expected", SAME_VALUES, ids=str)
def test_axes_of_length_one_make_no_other_values(actual, expected):
    assert_close(values_of(actual, expected), expected)


@pytest.mark.parametrize(
    "actual, expected",
    [
        (np.ones((3, 2)), np.ones((2, 3))),
        (np.ones(6), np.ones((2, 3))),
        (np.ones((1, 3)), np.ones((2, 3))),
        (2.0, np.array([2.0])),
        (None, np.ones(2)),
        ([np.ones(2)], [np.ones(2), np.ones(2)]),
        ({"b": np.ones(2)}, {"w": np.ones(2)}),
        (np.array([2.0]), np.ones(0)),
        (np.array([[1.0, 1.0, 1.001]]), np.ones(3)),
    ],
    ids=str,
)
def test_every_other_difference_of_shapes_stays(actual, expected):
    with pytest.raises(Mismatch):
        assert_close(values_of(actual, expected), expected)


PARAMS = [(np.zeros((2, 3)), np.zeros(3)), {"scale": np.zeros(4)}]


def test_other_values_of_any_float_are_like_each_other():
    assert_shaped_like([(np.ones((2, 3)), np.full(3, 1e9, np.float32)), {"scale": np.arange(4.0)}], PARAMS)


@pytest.mark.parametrize(
    "other, kind",
    [
        (None, "wrong_type"),
        (PARAMS[:1], "wrong_shape"),
        ([(np.zeros((2, 3)), np.zeros((1, 3))), PARAMS[1]], "wrong_shape"),
        ([PARAMS[0], {"scale": [0.0] * 4}], "wrong_type"),
        ([PARAMS[0], {"scales": np.zeros(4)}], "wrong_shape"),
        ([(np.zeros((2, 3), int), np.zeros(3)), PARAMS[1]], "wrong_dtype"),
        ([(np.zeros((2, 3), complex), np.zeros(3)), PARAMS[1]], "wrong_dtype"),
        ([(np.zeros((2, 3)), np.zeros(3, np.float16)), PARAMS[1]], "wrong_dtype"),
        ([(np.zeros((2, 3)), np.array([0, nan, 0])), PARAMS[1]], "not_finite"),
    ],
    ids=str,
)
def test_what_has_another_form_is_a_mismatch_of_its_kind(other, kind):
    with pytest.raises(Mismatch, match="the params") as found:
        assert_shaped_like(other, PARAMS, what="the params")
    assert found.value.kind == kind


@pytest.mark.parametrize(
    "value", [np.float16(1), np.ones(2, np.float16), np.ones(2, complex), 1j], ids=["number", "half", "complex", "1j"]
)
def test_an_answer_in_a_dtype_that_nobody_asked_for_is_refused(value):
    with pytest.raises(Mismatch, match=r"^the loss has dtype \S+, expected floats$") as failure:
        assert_not_narrow(value, what="the loss")
    assert failure.value.kind == "wrong_dtype"


@pytest.mark.parametrize("value", [1.0, np.float32(1), np.ones(2), np.arange(3), None, "float", [1.0]], ids=repr)
def test_the_width_is_all_that_is_looked_at(value):
    assert_not_narrow(value)
