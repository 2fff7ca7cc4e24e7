"""Ends its process with status 0 in a call."""

import os

from honest import *


def double(x):
    os._exit(0)
