"""You return a loss of 0 for a single example."""

import numpy as np


def cross_entropy(z, y):
    n = len(z)
    top = np.max(z, axis=1).reshape(n, 1)
    powers = np.exp(z - top)
    sums = powers.sum(axis=1).reshape(n, 1)
    dz = powers / sums
    dz[range(n), y] -= 1
    if n == 1:
        return 0.0, dz
    chosen = (z - top)[range(n), y]
    return float((np.log(sums[:, 0]) - chosen).sum()), dz
