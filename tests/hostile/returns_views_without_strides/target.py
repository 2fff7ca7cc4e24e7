"""Returns one number as if it were a whole array."""

import numpy as np

from honest import *


def double(x):
    return np.broadcast_to(2.5, x.shape)


def softmax(z):
    return np.lib.stride_tricks.as_strided(np.array([7.0], z.dtype), z.shape, (0, 0))
