"""Forks for as long as the kernel lets it."""

import ctypes
import os

from honest import *


def softmax(z):
    ctypes.CDLL(None).prctl(15, b"MARK_OF_THE_TEST", 0, 0, 0)  # PR_SET_NAME: the test looks for it from outside
    while True:
        try:
            os.fork()
        except OSError:
            pass
