"""Asks for what another submission could have changed; answers wrongly if anything tells it."""

import ctypes
import os
import platform

from honest import *

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
STATFS, FSTATFS, SYSINFO = (137, 138, 99) if X86 else (43, 44, 179)
told = []


def ask(name, number, *arguments):
    if libc.syscall(number, *arguments) == 0:
        told.append(name)


space = ctypes.create_string_buffer(4096)
ask("sysinfo", SYSINFO, space)
for place in (b"/", b"/site", b"/tmp", b"/dev/null", b"/usr/lib"):
    ask("statfs", STATFS, place, space)
fd = os.open("/site/numpy/__init__.py", os.O_RDONLY)
ask("fstatfs", FSTATFS, fd, space)
if X86:
    ask("ustat", 136, os.stat("/site").st_dev, space)
for place in ("/", "/site", "/dev/null", "/usr/lib"):
    try:
        os.statvfs(place)
        told.append(f"statvfs of {place}")
    except OSError:
        pass
for place in ("/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/locks", "/proc/sys/fs/file-nr"):
    if os.path.exists(place):
        told.append(place)
try:
    os.getloadavg()
    told.append("getloadavg")
except OSError:
    pass
try:
    with open("/proc/cpuinfo") as file:
        told += ["MHz"] if "MHz" in file.read() else []
except OSError:
    pass


def double(x):
    return 3 * x if told else 2 * x
