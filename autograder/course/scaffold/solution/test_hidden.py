"""Hidden tests of NAME: laws, whose docstrings are the sentences that students see."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autograder.testing import assert_close, assert_gradient, assert_unchanged, float_arrays, points, snapshot


@st.composite
def pairs(draw):
    """Predictions and targets of one length."""
    n = draw(st.integers(1, 6))
    return draw(float_arrays((n,))), draw(float_arrays((n,)))


def error_of(p, y):
    """L(p, y), by the formula."""
    return float(np.sum((p - y) ** 2) / len(p))


@points(1, problem="loss")
@given(pair=pairs())
def test_error_is_the_mean_of_squares(student, pair):
    """L(p, y) = (1/n) sum_i (p[i] - y[i])^2."""
    expected, n = error_of(*pair), len(pair[0])  # before the student's code has had the arrays
    assert_close(student.mean_squared_error(*pair), expected, terms=n)


@points(1, problem="loss")
@given(pair=pairs())
def test_error_leaves_its_inputs(student, pair):
    """mean_squared_error leaves p and y as they are, and answers rightly."""
    before, expected, n = snapshot(*pair), error_of(*pair), len(pair[0])
    error = student.mean_squared_error(*pair)
    assert_unchanged(pair, before, what="an argument")
    assert_close(error, expected, terms=n)  # else an answer that knows nothing would get this law's point


@points(2, problem="gradient")
@given(pair=pairs())
def test_gradient_is_that_of_the_error(student, pair):
    """mean_squared_error_grad(p, y) = dL/dp, by central differences of the formula."""
    p, y = snapshot(*pair)
    assert_gradient(lambda p: np.mean((p - y) ** 2), p, student.mean_squared_error_grad(*pair))
