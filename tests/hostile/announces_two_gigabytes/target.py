"""Announces a reply of two gigabytes."""

import os
import struct

from honest import *


def softmax(z):
    os.write(3, struct.pack(">IQ", 2**31, 2**31))
    return z
