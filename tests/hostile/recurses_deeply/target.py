"""Recurses without end."""

from honest import *


def softmax(z):
    return softmax(z)
