"""Yields large batches without end."""

import numpy as np

from honest import *


def batches(x, size):
    while True:
        yield np.zeros(1_900_000)
