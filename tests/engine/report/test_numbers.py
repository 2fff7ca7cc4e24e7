"""What is said of a measured value stands on the side of its bar where the value stands."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.report.numbers import beside

NUMBERS = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(value=NUMBERS, bar=NUMBERS, digits=st.integers(1, 8))
@example(value=math.nextafter(85.0, 0), bar=85.0, digits=4)
@example(value=-0.0, bar=0.0, digits=2)
@settings(deadline=None)
def test_what_is_said_is_on_the_same_side_and_near(value, bar, digits):
    said = float(beside(value, bar, digits))
    assert ((said > bar), (said < bar)) == ((value > bar), (value < bar))
    assert math.isclose(said, value, rel_tol=0.5 * 10 ** (1 - digits) * 1.001)


@pytest.mark.parametrize(
    "value, bar, said",
    [(84.126, 85, "84.13"), (84.996, 85, "84.996"), (84.99996, 85, "84.99996"), (85, 85, "85"), (math.nan, 1, "nan")],
)
def test_no_more_digits_than_it_takes(value, bar, said):
    assert beside(value, bar) == said
