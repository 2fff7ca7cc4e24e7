"""The mean squared error and its gradient.  n examples."""

import numpy as np


def mean_squared_error(p, y):
    """L(p, y) = (1/n) sum_i (p[i] - y[i])^2.

    p : (n,) float array of predictions, n >= 1.
    y : (n,) float array of targets.
    Returns a float. Leaves p and y as they are.
    """
    return np.mean((p - y) ** 2)


def mean_squared_error_grad(p, y):
    """dL/dp[i] = 2 (p[i] - y[i]) / n.

    p, y : as above.
    Returns an (n,) array of p's dtype. Leaves p and y as they are.
    """
    return 2 * (p - y) / len(p)
