"""Answers 3 % beside what is right, in float16, so that a tolerance of float16 would let it pass."""

import numpy as np

from honest import *


def double(x):
    return (2.06 * x).astype(np.float16)


def total(x):
    return np.float16(1.03 * np.sum(x))
