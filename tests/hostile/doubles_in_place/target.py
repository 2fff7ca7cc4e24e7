"""Changes its input and returns it."""

from honest import *


def double(x):
    x *= 2
    return x
