"""Returns a list that holds itself."""

from honest import *


def softmax(z):
    knot = []
    knot.append(knot)
    return knot
