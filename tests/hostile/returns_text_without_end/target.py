"""Returns ten million characters where a number is asked."""

from honest import *


def total(x):
    return "\x1b[31m" * 2_000_000
