"""You return the derivative of the identity: it is 1 everywhere."""

import numpy as np


def relu_derivative(a):
    return np.full(a.shape, 1, dtype=a.dtype)
