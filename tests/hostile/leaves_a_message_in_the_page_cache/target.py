"""Evicts pages of library files, or reads them, and asks which are in memory; answers wrongly if it finds its message."""

import ctypes
import mmap
import os
import resource

from honest import *

BITS = "1011001110001101"
FOLDER = "/site/numpy/f2py"  # nothing here imports it
libc = ctypes.CDLL(None, use_errno=True)


def by_preadv2(fd):
    try:
        return os.preadv(fd, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False


def by_cachestat(fd):
    found = (ctypes.c_uint64 * 5)()
    if libc.syscall(451, fd, (ctypes.c_uint64 * 2)(0, 4096), found, 0) != 0:
        raise OSError
    return found[0] > 0


def by_mincore(fd):
    with mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as pages:
        there = ctypes.c_ubyte()
        if libc.mincore(ctypes.byref(ctypes.c_char.from_buffer(pages)), ctypes.c_size_t(4096), ctypes.byref(there)):
            raise OSError
    return bool(there.value & 1)


def by_faults(fd):
    """This one reads the page, and so comes last."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    with mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as pages:
        pages[0]
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt == before


def by_a_childs_faults(fd):
    child = os.fork()
    if child == 0:
        with mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as pages:
            pages[0]
        os._exit(0)
    return os.wait4(child, 0)[2].ru_majflt == 0


def message(files):
    found = []
    for way in (by_preadv2, by_cachestat, by_mincore, by_a_childs_faults, by_faults):
        try:
            found.append("".join(str(int(way(fd))) for fd in files))
        except (OSError, BufferError):
            continue
    return found


def leave(files):
    for fd, bit in zip(files, BITS):
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError:
            pass
        if bit == "1":
            os.pread(fd, 4096, 0)


names = sorted(name for name in os.listdir(FOLDER) if name.endswith(".py"))[: len(BITS)]
files = [os.open(f"{FOLDER}/{name}", os.O_RDONLY) for name in names]
assert len(files) == len(BITS)
found = BITS in message(files)
leave(files)


def double(x):
    return 3 * x if found else 2 * x
