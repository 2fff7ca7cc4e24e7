"""Prints half a gigabyte, binary, with escape sequences and no newline."""

import os

from honest import *

PIECE = b"\x1b[2J\x1b]0;\xff\x00\x07" * 2**13


def train(x, y, steps, log, honest=train):
    for _ in range(100):
        os.write(1, PIECE)
        os.write(2, PIECE)
    return honest(x, y, steps, log)
