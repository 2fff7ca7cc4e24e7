"""Wrong answers to NAME, each named for its mistake and naming the test that kills it."""

import numpy as np

from autograder.testing import mutant


@mutant("mean_squared_error", killed_by="test_error_of_a_small_example")
def sum_for_mean(p, y):
    return np.sum((p - y) ** 2)


@mutant("mean_squared_error", killed_by="test_error_is_the_mean_of_squares")
def divides_by_two(p, y):
    return np.sum((p - y) ** 2) / 2


@mutant("mean_squared_error", killed_by="test_error_leaves_its_inputs")
def changes_its_input(p, y):
    p -= y
    return np.mean(p**2)


@mutant("mean_squared_error_grad", killed_by="test_gradient_is_that_of_the_error")
def forgets_to_divide_by_n(p, y):
    return 2 * (p - y)


@mutant("mean_squared_error_grad", killed_by="test_gradient_vanishes_at_the_target")
def gradient_of_a_constant(p, y):
    return np.ones_like(p)
