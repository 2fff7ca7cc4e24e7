"""Public tests of trainee."""

import torch

from autograder.testing import assert_close, points


@points(1, problem="functions")
def test_penalty_of_two_numbers(student):
    """The penalty of 0 and 0 is log 2."""
    assert_close(student.penalty(torch.zeros(2)), torch.tensor(2.0).log())
