"""Returns the right numbers in a smaller dtype."""

import numpy as np

from honest import *


def double(x):
    return (2 * x).astype(np.float32)
