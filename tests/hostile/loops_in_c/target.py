"""Computes in C for longer than anyone lives."""

import re

from honest import *


def softmax(z):
    return re.match(r"(a*)*$", "a" * 60 + "b")
