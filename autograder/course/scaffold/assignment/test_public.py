"""Public tests of NAME: run them with `deepgrade check`. The server runs these, and hidden ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autograder.testing import assert_close, float_arrays, needs, points


@points(1, problem="loss")
@given(a=st.floats(-10, 10), b=st.floats(-10, 10))
def test_error_of_a_small_example(student, a, b):
    """L([a, 2], [0, b]) = (a^2 + (2 - b)^2) / 2."""
    assert_close(student.mean_squared_error(np.array([a, 2.0]), np.array([0.0, b])), (a**2 + (2 - b) ** 2) / 2)


@points(1, problem="gradient")
@needs("test_error_of_a_small_example")
@given(y=float_arrays(st.tuples(st.integers(1, 6))))
def test_gradient_vanishes_at_the_target(student, y):
    """dL/dp = 0 where p = y, and 2/n where p = y + 1."""
    at_the_target, beside_it = np.zeros_like(y), np.full(len(y), 2 / len(y))
    assert_close(student.mean_squared_error_grad(y.copy(), y), at_the_target)
    assert_close(student.mean_squared_error_grad(y + 1, y), beside_it)
