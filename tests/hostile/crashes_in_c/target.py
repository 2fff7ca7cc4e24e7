"""Reads from address zero."""

import ctypes

from honest import *


def softmax(z):
    return ctypes.string_at(0)
