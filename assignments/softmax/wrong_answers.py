"""Three wrong answers for `deepgrade check`, which runs your own tests (test_own.py) against them.

Each function stands in for yours of the name in its mark; `reference` are your own functions. Good tests refuse all
three. The server has other ones.
"""

import numpy as np

from autograder.testing import mutant


@mutant("softmax", killed_by="your tests")
def classes_in_reverse(z):
    """You give the probabilities in the reverse order of the classes."""
    return reference.softmax(z[:, ::-1])  # noqa: F821


@mutant("cross_entropy", killed_by="your tests")
def without_the_first_example(z, y):
    """You leave out the first example of a batch of two or more."""
    return reference.cross_entropy(z[1:], y[1:]) if len(y) > 1 else reference.cross_entropy(z, y)  # noqa: F821


@mutant("cross_entropy_grad", killed_by="your tests")
def labels_of_other_rows(z, y):
    """You use the label of the row before for each row."""
    return reference.cross_entropy_grad(z, np.roll(y, 1))  # noqa: F821
