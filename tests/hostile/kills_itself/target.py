"""Sends itself SIGKILL in a call."""

import os
import signal

from honest import *


def double(x):
    os.kill(os.getpid(), signal.SIGKILL)
