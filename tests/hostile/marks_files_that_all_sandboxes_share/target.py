"""Leaves a mark on files and devices that the next submission sees, too; answers wrongly if one can be left."""

import fcntl
import os
import struct

from honest import *

FILE, FOLDER = "/site/numpy/f2py/__init__.py", "/site/numpy/f2py"
SET_RW_HINT, OFD_SETLK = 1036, 37
left = []


def leave(name, way, *arguments):
    try:
        way(*arguments)
        left.append(name)
    except OSError:
        pass


file, folder = os.open(FILE, os.O_RDONLY), os.open(FOLDER, os.O_RDONLY)
reading = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0)
leave("flock", fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
leave("flock of a folder", fcntl.flock, folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
leave("lock", fcntl.fcntl, file, fcntl.F_SETLK, reading)
leave("a look at locks", fcntl.fcntl, file, fcntl.F_GETLK, reading)
leave("lock of a description", fcntl.fcntl, file, OFD_SETLK, reading)
leave("lease", fcntl.fcntl, file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
leave("a look at leases", fcntl.fcntl, file, fcntl.F_GETLEASE)
leave("notification", fcntl.fcntl, folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS)
leave("hint", fcntl.fcntl, file, SET_RW_HINT, struct.pack("Q", 3))
for name in os.listdir("/dev"):
    if name != "shm":
        leave(f"time of {name}", os.utime, f"/dev/{name}")
leave("time of a file", os.utime, FILE)
leave("mode of a file", os.chmod, FILE, 0o600)
before = os.stat(FILE).st_atime_ns, os.stat(FOLDER).st_atime_ns
os.pread(file, 1, 0)
os.listdir(FOLDER)
if before != (os.stat(FILE).st_atime_ns, os.stat(FOLDER).st_atime_ns):
    left.append("the time of reading")


def double(x):
    return 3 * x if left else 2 * x
