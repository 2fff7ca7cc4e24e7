"""Sends half a reply, and then nothing."""

import os
import struct
import time

from honest import *


def softmax(z):
    os.write(3, struct.pack(">IQ", 100, 10) + b"half")
    time.sleep(60)
