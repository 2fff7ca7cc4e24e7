"""Sends a header nested a hundred thousand deep."""

import gc
import os
import struct
import time

import msgspec

from honest import *


def server():
    """The object that answers the judge, found among everything that lives in this process."""
    return next(thing for thing in gc.get_objects() if type(thing).__name__ == "Server")


def frame(header, body=b""):
    return struct.pack(">IQ", len(header), len(body)) + header + body


def softmax(z):
    os.write(3, frame(b"\x91" * 100_000 + b"\x90"))
    time.sleep(60)
