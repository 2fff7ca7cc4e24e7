"""Your function works only for arrays of one or two axes."""

import numpy as np


def relu_derivative(a):
    slope = np.zeros_like(a)
    if len(a.shape) == 1:
        for i in range(a.shape[0]):
            slope[i] = 1 if a[i] > 0 else 0
        return slope
    rows, columns = a.shape
    for i in range(rows):
        for j in range(columns):
            if a[i, j] > 0:
                slope[i, j] = 1
    return slope
