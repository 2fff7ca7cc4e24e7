"""The submission that `deepgrade doctor` sends into the sandbox. Its functions attack each wall.

It runs only inside the sandbox, like a submission, and imports nothing of deepgrade.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from typing import Any, NoReturn

SYSCALLS = {  # x86_64, aarch64
    "unshare": (272, 97),
    "mount": (165, 40),
    "ptrace": (101, 117),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "process_vm_readv": (310, 270),
    "setns": (308, 268),
    "userfaultfd": (323, 282),
}
# Calls that reveal a state of the machine, or of shared files, that another submission can have changed.
REVEALING = {
    "fadvise64": (221, 223),
    "preadv2": (327, 286),
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "readahead": (187, 213),
    "sync_file_range": (277, 84),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "flock": (73, 32),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "membarrier": (324, 283),
    "get_mempolicy": (239, 236),
    "sched_setaffinity": (203, 122),
    "pipe2": (293, 59),
    "socketpair": (53, 199),
}
SHUT = (errno.EPERM, errno.ENOSYS)


def double(x: Any) -> Any:
    return 2 * x


def existing_paths(paths: list[str]) -> list[str]:
    """The paths that exist in the sandbox."""
    existing = []
    for path in paths:
        try:
            os.stat(path)
        except OSError:
            continue
        existing.append(path)
    return existing


def files_with(needle: str) -> list[str]:
    """All files that contain a text."""
    matches: list[str] = []
    for folder, _, names in os.walk("/"):
        if folder.startswith(("/usr/lib", "/runtime", "/site", "/lib")):
            continue
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    if folder.startswith("/dev") or needle.encode() in file.read(1_000_000):
                        matches += [] if folder.startswith("/dev") else [path]
            except OSError:
                continue
    return matches


def writable_places() -> list[str]:
    folders = []
    for folder, _, _ in os.walk("/"):
        if folder == "/tmp" or folder.startswith(("/tmp/", "/dev/shm")):
            continue
        try:
            with open(os.path.join(folder, "deepgrade-probe"), "w"):
                folders.append(folder)
        except OSError:
            continue
    return folders


def environment() -> dict[str, str]:
    return dict(os.environ)


def connections(port: int) -> list[str]:
    """Addresses outside that accept a connection."""
    reached = []
    for family, kind, address in (
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
        (socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
        (socket.AF_UNIX, socket.SOCK_STREAM, "\0deepgrade-doctor"),
    ):
        try:
            with socket.socket(family, kind) as connection:
                connection.settimeout(1)
                connection.connect(address)
                reached.append(str(address))
        except OSError:
            continue
    return reached


def rights() -> tuple[int, list[int]]:
    """(uid, effective and permitted capabilities)."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc.capget(ctypes.byref(header), ctypes.byref(data))
    return os.getuid(), [int(value) for value in data]


def allowed_system_calls() -> list[str]:
    return allowed_calls(SYSCALLS)


def allowed_calls(calls: Mapping[str, tuple[int, int]]) -> list[str]:
    libc = ctypes.CDLL(None, use_errno=True)
    column = 0 if os.uname().machine == "x86_64" else 1
    allowed = []
    for name, numbers in calls.items():
        ctypes.set_errno(0)
        libc.syscall(numbers[column], 0, 0, 0, 0, 0)
        if ctypes.get_errno() not in SHUT:
            allowed.append(name)
    return allowed


def machine_traces() -> list[str]:
    """Calls that are allowed, and marks that the next submission could see."""
    file, folder = os.open(os.__file__, os.O_RDONLY), os.open("/site", os.O_RDONLY)
    lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0)
    zero = struct.pack("Q", 0)
    marks = {
        "lock": (file, fcntl.F_SETLK, lock),
        "lease": (file, fcntl.F_GETLEASE, zero),
        "notification": (folder, fcntl.F_NOTIFY, zero),
        "hint": (file, 1036, struct.pack("Q", 3)),
    }
    traces = allowed_calls(REVEALING)
    for name, (descriptor, command, argument) in marks.items():
        try:
            fcntl.fcntl(descriptor, command, argument)
            traces.append(name)
        except OSError:
            continue
    for path in ("/dev/null", "/dev/urandom", os.__file__):
        try:
            os.utime(path)
            traces.append(f"time of {path}")
        except OSError:
            continue
    return traces


def can_import(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def eat_memory() -> NoReturn:
    blocks = []
    while True:
        blocks.append(b"x" * 10_000_000)


def eat_memory_in_children(megabytes: int) -> None:
    """Each child stays below the limit of one process; together they exceed the limit of all processes."""
    for _ in range(8):
        if os.fork() == 0:
            block = bytearray(os.urandom(1)) * (megabytes * 2**20)
            threading.Event().wait(20)
            os._exit(len(block) % 2)
    threading.Event().wait(20)


def fork_all() -> int:
    """The number of processes that it could start."""
    started = 0
    try:
        while started < 5000:
            if os.fork() == 0:
                threading.Event().wait(30)
                os._exit(0)
            started += 1
    except OSError:
        pass
    return started


def fill_disk() -> int:
    """The number of megabytes that it could write."""
    written = 0
    try:
        with open("/tmp/big", "wb") as file:
            while written < 100_000:
                file.write(b"x" * 2**20)
                file.flush()
                written += 1
    except OSError:
        pass
    return written


def leave_something() -> None:
    for folder in ("/tmp", "/dev/shm", "/tmp/submission"):
        with open(os.path.join(folder, "left-behind"), "w") as file:
            file.write("x")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            threading.Event().wait(60)
        os._exit(0)
    sys.modules["left_behind"] = sys


def loop() -> NoReturn:
    while True:
        pass
