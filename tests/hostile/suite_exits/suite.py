import os
import time


def test_exits(student):
    os._exit(int(time.time() * 1000) % 2)
