"""Wrong answers to NAME, each named for its mistake and naming the test that kills it."""

import numpy as np

from autograder.testing import mutant


@mutant("mean_squared_error", killed_by="test_error_of_a_small_example")
def sum_for_mean(p, y):
    """You return the sum of the squares and not their mean."""
    return np.sum((p - y) ** 2)


@mutant("mean_squared_error", killed_by="test_error_is_the_mean_of_squares")
def divides_by_two(p, y):
    """You divide the mean by two."""
    return np.sum((p - y) ** 2) / 2


@mutant("mean_squared_error", killed_by="test_error_leaves_its_inputs")
def changes_its_input(p, y):
    """You change the array p that you are given."""
    p -= y
    return np.mean(p**2)


@mutant("mean_squared_error_grad", killed_by="test_gradient_is_that_of_the_error")
def forgets_to_divide_by_n(p, y):
    """You do not divide the gradient by the number of entries."""
    return 2 * (p - y)


@mutant("mean_squared_error_grad", killed_by="test_gradient_vanishes_at_the_target")
def gradient_of_a_constant(p, y):
    """Your gradient does not depend on p."""
    return np.ones_like(p)
