"""Overwrites every argument with zeros, answers what is then right, and draws nothing that it did not choose."""

import numpy as np

from honest import *


def double(x):
    x[...] = 0
    return np.zeros_like(x)


def total(x):
    x[...] = 0
    return 0.0


def softmax(z):
    z[...] = 0
    return np.full_like(z, 1 / z.shape[1])


def batches(x, size):
    x[...] = 0
    yield np.zeros_like(x)
