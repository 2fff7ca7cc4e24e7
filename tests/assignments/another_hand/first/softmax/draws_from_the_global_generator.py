"""You draw the order from numpy's global generator and not from rng."""

import numpy as np


def chunks(n, batch_size, rng):
    numbers = np.arange(n)
    np.random.shuffle(numbers)
    return [numbers[start : start + batch_size] for start in range(0, n, batch_size)]
