"""Looks for numbers that count what the whole machine has made; answers wrongly if it can make more of it."""

import ctypes
import os
import platform
import signal
import socket

from honest import *

libc = ctypes.CDLL(None, use_errno=True)
PIPE2, SOCKETPAIR, CLONE = (293, 53, 56) if platform.machine() == "x86_64" else (59, 199, 220)
CLONE_PIDFD, SO_COOKIE, SO_NETNS_COOKIE = 0x1000, 57, 71
two = (ctypes.c_int * 2)()
counted = []

if libc.syscall(PIPE2, two, 0) == 0:
    counted.append("pipes")
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    if libc.syscall(SOCKETPAIR, 1, kind, 0, two) == 0:
        counted.append("sockets")
child = libc.syscall(CLONE, CLONE_PIDFD | signal.SIGCHLD, 0, two, 0, 0)
if child == 0:
    os._exit(0)
if child > 0:
    os.waitpid(child, 0)
    counted.append("processes")
with socket.socket(fileno=os.dup(3)) as data:  # the one to the judge
    for option in (SO_COOKIE, SO_NETNS_COOKIE):
        try:
            data.getsockopt(socket.SOL_SOCKET, option, 8)
            counted.append("cookies")
        except OSError:
            pass
reading, writing = os.pipe()
if os.fstat(reading).st_dev != os.stat("/tmp").st_dev:
    counted.append("pipes of Python's")


def double(x):
    return 3 * x if counted else 2 * x
