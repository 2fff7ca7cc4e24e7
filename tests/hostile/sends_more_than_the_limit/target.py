"""Returns an honest array that is larger than a reply may be."""

import numpy as np

from honest import *


def softmax(z):
    return np.zeros(3_000_000)
