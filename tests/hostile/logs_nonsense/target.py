"""Calls the judge's log function with what it cannot take."""

from honest import *


def train(x, y, steps, log):
    log(1, 2, 3, self=4, nonsense=object())
    return x[0]
