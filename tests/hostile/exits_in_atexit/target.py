"""Exits in a function that runs at its end."""

import atexit
import os

from honest import *

atexit.register(os._exit, 0)
