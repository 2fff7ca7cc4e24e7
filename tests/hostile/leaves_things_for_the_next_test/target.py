"""Leaves files, locks and state behind, and answers wrongly if it finds any."""

import fcntl
import os
import sys

import numpy as np

from honest import *

PLACES = ["/tmp", "/dev/shm", "/tmp/submission", "/tmp/submission/__pycache__", "/var/tmp", "/run", "/", "/site", "/engine"]
found = any(os.path.exists(f"{place}/left") for place in PLACES) or hasattr(np, "left") or hasattr(sys, "left")
np.left = sys.left = True
os.makedirs("/tmp/submission/__pycache__", exist_ok=True)
for place in PLACES:
    try:
        file = open(f"{place}/left", "w")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass


def double(x):
    return 3 * x if found else 2 * x
