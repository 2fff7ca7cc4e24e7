"""Returns an ndarray subclass whose comparisons lie."""

import numpy as np

from honest import *


class Liar(np.ndarray):
    def __array_ufunc__(self, *args, **kwargs):
        return np.zeros(self.shape)

    def __array_function__(self, *args, **kwargs):
        return True


def double(x):
    return (3 * x).view(Liar)
