from hypothesis import given
from hypothesis import strategies as st

from autograder.testing import assert_close, points


@points(1, problem="negate")
@given(x=st.floats(-9, 9))
def test_negate(student, x):
    """negate(x) = -x."""
    assert_close(student.negate(x), -x)


@points(1, problem="double")
def test_double_of_three(student):
    """double(3) = 6."""
    assert_close(student.double(3.0), 6.0)
