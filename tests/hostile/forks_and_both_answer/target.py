"""Forks, and lets both processes answer."""

import os

from honest import *


def double(x):
    os.fork()
    return 2 * x
