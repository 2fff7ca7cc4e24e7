"""Forks up to the limit, and leaves it all behind; answers wrongly if an earlier test's processes still count."""

import os
import signal
import time

from honest import *

LIMIT = 32  # of the manifest; its own process and the first one of its namespace are among them
started = 0
try:
    while started < 200:
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            kept = [bytes([n]) * 4096 for n in range(200)]  # and pages of its own, which must be given back
            held = bytearray(500_000)
            while True:
                time.sleep(10)
        started += 1
except OSError:
    pass


def double(x):
    return 2 * x if started >= LIMIT - 2 else 3 * x
