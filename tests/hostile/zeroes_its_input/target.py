"""Makes its input fit its wrong answer."""

from honest import *


def double(x):
    x[...] = 0
    return x


def total(x):
    x[...] = 0
    return 0.0
