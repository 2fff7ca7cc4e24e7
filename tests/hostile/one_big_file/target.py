"""Writes one file until writing fails."""

from honest import *


def softmax(z):
    with open("/tmp/big", "wb") as file:
        while True:
            file.write(bytes(2**20))
