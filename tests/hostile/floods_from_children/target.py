"""Answers rightly while its children print for ever."""

import os

from honest import *


def double(x):
    for _ in range(4):
        if os.fork() == 0:
            os.close(3)
            while True:
                os.write(1, bytes(2**16))
    return 2 * x
