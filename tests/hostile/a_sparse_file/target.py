"""Makes a file of a terabyte with nothing in it."""

import os

from honest import *


def softmax(z):
    with open("/tmp/sparse", "wb") as file:
        os.truncate(file.fileno(), 2**40)
