"""Three wrong answers for `deepgrade check`, which runs your own tests (test_own.py) against them.

Each function stands in for yours of the name in its mark; `reference` are your own functions. Good tests refuse all
three. The server has other ones.
"""

from autograder.testing import mutant


@mutant("output_size", killed_by="your tests")
def strides_of_one_too_many(size, window, stride=1, padding=0):
    """You count one window too many where the stride is above 1."""
    return reference.output_size(size, window, stride, padding) + (stride > 1)  # noqa: F821


@mutant("conv2d_forward", killed_by="your tests")
def bias_added_twice(x, w, b, stride=1, padding=0):
    """You add the bias twice."""
    return reference.conv2d_forward(x, w, 2 * b, stride, padding)  # noqa: F821


@mutant("max_pool_forward", killed_by="your tests")
def the_smallest_entry(x, window, stride):
    """You take the smallest entry of each window."""
    out, cache = reference.max_pool_forward(-x, window, stride)  # noqa: F821
    return -out, cache
