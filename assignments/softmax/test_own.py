"""Tests of your own, for a bonus: they call `softmax`, `log_softmax`, `cross_entropy` and `cross_entropy_grad`.

Good tests refuse every wrong answer and accept every right one. The section "Tests of your own" of the handout says how
to find them. Write functions whose names begin with `test_`; their first argument is `student`, whose attributes are
the functions under test. `deepgrade check` runs them.
"""

import numpy as np  # noqa: F401
from hypothesis import given  # noqa: F401
from hypothesis import strategies as st  # noqa: F401

from autograder.testing import assert_close, assert_raises, assert_unchanged, snapshot  # noqa: F401
