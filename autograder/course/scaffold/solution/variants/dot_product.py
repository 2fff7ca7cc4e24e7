"""By a dot product and a loop: right, and written otherwise than the reference."""

import numpy as np


def mean_squared_error(p, y):
    difference = p - y
    return float(difference @ difference) / difference.size


def mean_squared_error_grad(p, y):
    gradient = np.empty_like(p)
    for i in range(p.size):
        gradient[i] = 2 * (p[i] - y[i]) / p.size
    return gradient
