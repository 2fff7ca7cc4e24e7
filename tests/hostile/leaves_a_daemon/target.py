"""Answers rightly and leaves a daemon of another session, which loops."""

import ctypes
import os
import signal

from honest import *


def double(x):
    ctypes.CDLL(None).prctl(15, b"MARK_OF_THE_TEST", 0, 0, 0)  # PR_SET_NAME: the test looks for it from outside
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 64):
                if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                    signal.signal(number, signal.SIG_IGN)
            os.close(3)
            while True:
                pass
        os._exit(0)
    os.wait()
    return 2 * x
