"""Public tests of target."""

import numpy as np

from autograder.testing import assert_close, points


@points(1, problem="arithmetic")
def test_double_of_three_numbers(student):
    """double([1, 2, 3]) = [2, 4, 6]."""
    assert_close(student.double(np.array([1.0, 2.0, 3.0])), np.array([2.0, 4.0, 6.0]))
