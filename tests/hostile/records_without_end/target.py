"""Reports ten thousand numbers to a test that keeps them all, and prints and raises endless text."""

import random

from honest import *


def train(x, y, steps, log):
    for step in range(6_000):
        log(step, random.random())
    return honest_train(x, y, steps, lambda **_: None)


def total(x):
    print("\x00\u2028" * 30_000)
    raise ValueError("\u20ac" * 1_000_000)


from honest import train as honest_train  # noqa: E402
