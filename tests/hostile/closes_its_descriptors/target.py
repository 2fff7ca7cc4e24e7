"""Closes every descriptor in a call, and goes on."""

import os
import time

from honest import *


def softmax(z):
    os.closerange(0, 4096)
    time.sleep(60)
