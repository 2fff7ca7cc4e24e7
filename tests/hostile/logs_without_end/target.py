"""Calls the judge's log function for ever."""

import numpy as np

from honest import *


def train(x, y, steps, log):
    while True:
        log(step=0, loss=np.zeros(1_900_000))
