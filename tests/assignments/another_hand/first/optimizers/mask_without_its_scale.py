"""You apply the mask to dy and leave out its scale."""

import numpy as np


def dropout_backward(dy, cache):
    if cache is None:
        return np.array(dy)
    return np.where(cache > 0, dy, 0.0)
