"""Fills /dev/shm and /tmp."""

from honest import *


def softmax(z):
    for folder in ("/dev/shm", "/tmp"):
        with open(f"{folder}/big", "wb") as file:
            for _ in range(64):
                file.write(bytes(2**19))
    raise SystemExit("32 megabytes each were there to be had")
