"""Keeps every argument and result, and changes them at the next call."""

from honest import *

kept = []


def double(x):
    for old in kept:
        old[...] = 7.0
    y = 2 * x
    kept.extend([x, y])
    return y
