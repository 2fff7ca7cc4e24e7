"""Connects by every kind of socket, to the machine, to its neighbours and to the world."""

import os
import socket

from honest import *

PORT = int("PORT_OF_THE_CANARY")
NAME = "\0NAME_OF_THE_CANARY"
PATH = "PATH_OF_THE_CANARY"


def reached():
    """Every address that could be spoken to."""
    found = []

    def attempt(what, function):
        try:
            function()
            found.append(what)
        except OSError:
            pass

    def speak(family, kind, address):
        with socket.socket(family, kind) as mine:
            mine.settimeout(0.05)
            mine.connect(address)
            mine.send(b"hello")

    def pair(kind):
        return socket.socketpair(socket.AF_UNIX, kind)[0]

    for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "1.1.1.1"):
        attempt(f"tcp {host}", lambda: speak(socket.AF_INET, socket.SOCK_STREAM, (host, PORT)))
        attempt(f"udp {host}", lambda: speak(socket.AF_INET, socket.SOCK_DGRAM, (host, PORT)))
    attempt("tcp ::1", lambda: speak(socket.AF_INET6, socket.SOCK_STREAM, ("::1", PORT)))
    attempt("names", lambda: socket.getaddrinfo("example.org", 80))
    for place in (NAME, PATH):
        attempt(f"unix stream {place!r}", lambda: speak(socket.AF_UNIX, socket.SOCK_STREAM, place))
        attempt(f"unix datagram {place!r}", lambda: speak(socket.AF_UNIX, socket.SOCK_DGRAM, place + "-datagrams"))
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            attempt(f"a pair's {place!r}", lambda: pair(kind).sendto(b"hello", place + "-datagrams"))
    if hasattr(socket, "AF_VSOCK"):
        attempt("vsock", lambda: speak(socket.AF_VSOCK, socket.SOCK_STREAM, (2, PORT)))
    attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    attempt("packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    attempt("devices", lambda: os.listdir("/sys/class/net"))
    return found


def train(x, y, steps, log, honest=train):
    found = reached()
    if found:
        raise ValueError(f"reached {found}")
    return honest(x, y, steps, log)
