"""The checks of CS231n's notebook on the softmax classifier (Stanford, assignment 1), in this course's interface.

Written from their description: a sanity check of the loss with small random weights, and numerical gradients at some
random entries. `deepgrade judge-tests FILE --assignment softmax` scores them.
"""

import numpy as np


def batch(seed, n=20, d=30, k=10):
    """(x w, y) with weights of 0.0001, as the notebook draws them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x @ (1e-4 * rng.normal(size=(d, k))), rng.integers(0, k, n)


def test_the_loss_is_close_to_minus_log_of_a_tenth(student):
    """ "As a rough sanity check, our loss should be something close to -log(0.1)." """
    z, y = batch(0)
    assert abs(float(student.cross_entropy(z, y)) + np.log(0.1)) < 0.05


def test_numerical_and_analytic_gradient_agree_at_random_entries(student):
    """The sparse gradient check: ten entries, steps of 1e-5, relative errors below 1e-6."""
    z, y = batch(1)
    z = z * 1e4  # logits of some size, as with weights that were trained
    analytic = student.cross_entropy_grad(z, y)
    rng = np.random.default_rng(2)
    for _ in range(10):
        i, j = rng.integers(0, z.shape[0]), rng.integers(0, z.shape[1])
        above, below = z.copy(), z.copy()
        above[i, j] += 1e-5
        below[i, j] -= 1e-5
        numerical = (float(student.cross_entropy(above, y)) - float(student.cross_entropy(below, y))) / 2e-5
        found = float(analytic[i, j])
        assert abs(numerical - found) <= 1e-6 * max(1e-3, abs(numerical) + abs(found))
