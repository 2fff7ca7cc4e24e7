"""The vocabulary of tests: what a public or hidden test file imports, and nothing else of ours.

from hypothesis import given, strategies as st
from autograder.testing import assert_close, logits, points

@points(2, problem="softmax")
@given(z=logits(), c=st.floats(-50, 50))
def test_softmax_is_shift_invariant(student, z, c):
    '''softmax(z + c) = softmax(z) for every constant c.'''
    assert_close(student.softmax(z + c), student.softmax(z))
"""

from autograder.arguments import mutable
from autograder.testing.answers import Heard, items_of
from autograder.testing.comparable import describe
from autograder.testing.compare import (
    assert_close,
    assert_equal,
    assert_not_narrow,
    assert_raises,
    assert_shaped_like,
    assert_unchanged,
    snapshot,
    values_of,
)
from autograder.testing.gradients import assert_adjoint, assert_gradient, numerical_gradient
from autograder.testing.marks import limits, mutant, needs, points
from autograder.testing.mismatch import Mismatch, check
from autograder.testing.strategies import (
    float_arrays,
    images,
    labelled_logits,
    labels,
    logits,
    probabilities,
    rngs,
    sizes,
)
from autograder.testing.torch import lend, module_of, value_and_gradients

__all__ = [
    "Heard",
    "Mismatch",
    "assert_adjoint",
    "assert_close",
    "assert_equal",
    "assert_gradient",
    "assert_not_narrow",
    "assert_raises",
    "assert_shaped_like",
    "assert_unchanged",
    "check",
    "describe",
    "float_arrays",
    "images",
    "items_of",
    "labelled_logits",
    "labels",
    "lend",
    "limits",
    "logits",
    "module_of",
    "mutable",
    "mutant",
    "needs",
    "numerical_gradient",
    "points",
    "probabilities",
    "rngs",
    "sizes",
    "snapshot",
    "value_and_gradients",
    "values_of",
]
