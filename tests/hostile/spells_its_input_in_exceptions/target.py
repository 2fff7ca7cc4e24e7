"""Raises one of many kinds of exceptions, by what it was asked: five bits of the input with each question."""

import builtins
import hashlib

from honest import *

KINDS = sorted(
    (kind for kind in vars(builtins).values()
     if isinstance(kind, type) and issubclass(kind, Exception) and kind is not NotImplementedError
     and not issubclass(kind, (UnicodeError, MemoryError, Warning))),
    key=lambda kind: kind.__name__,
)


def speller(name):
    def spell(*arguments, **words):
        # By the name, so that the outcome is the same each time; an attack would take a digit of what it was asked.
        raise KINDS[hashlib.sha256(name.encode()).digest()[0] % len(KINDS)]("it")

    return spell


for name in ("double", "softmax", "fill", "total", "batches", "train", "Counter"):
    globals()[name] = speller(name)
