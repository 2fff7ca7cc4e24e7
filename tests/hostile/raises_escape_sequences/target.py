"""Raises an exception whose text would drive a terminal."""

from honest import *


def double(x):
    raise ValueError("\x1b]0;pwned\x07\x1b[2J\x1b[31m \u202e <script>alert(1)</script> =cmd|' /C calc'!A0")
