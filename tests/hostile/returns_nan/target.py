"""Returns NaN, which compares as false with everything."""

import numpy as np

from honest import *


def double(x):
    return np.full_like(x, np.nan)


def softmax(z):
    return np.full_like(z, np.nan)


def total(x):
    return float("nan")


def train(x, y, steps, log):
    for step in range(steps):
        log(step=step, loss=float("nan"))
    return np.full(3, np.nan)
