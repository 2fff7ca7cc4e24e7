"""Recurses until its stack is used up."""

import sys

from honest import *


class Knot:
    def __repr__(self):
        return repr([self])


def softmax(z):
    sys.setrecursionlimit(10**9)
    return repr(Knot())
