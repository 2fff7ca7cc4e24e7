"""Opens files, pipes and socket pairs until it cannot."""

import os
import socket

from honest import *

kept = []


def softmax(z):
    while True:
        kept.append(open("/dev/null"))
        kept.append(os.pipe())
        kept.append(socket.socketpair())
