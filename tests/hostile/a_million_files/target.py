"""Makes files until making fails."""

from honest import *


def softmax(z):
    for number in range(1_000_000):
        open(f"/tmp/{number}", "w").close()
