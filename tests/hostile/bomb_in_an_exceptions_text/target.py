"""Raises an exception whose text takes for ever."""

import time

from honest import *


class Bomb(ValueError):
    def __str__(self):
        while True:
            time.sleep(1)

    __repr__ = __str__


def softmax(z):
    raise Bomb
