"""Asks for a terabyte at once."""

import numpy as np

from honest import *


def softmax(z):
    return np.zeros(2**37)
