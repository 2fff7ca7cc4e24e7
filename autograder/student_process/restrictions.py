"""What a student's process gives up before it holds a student's file: descriptors, memory, rights, system calls.

Shared by the zygote, which has namespaces, and by `uid_fallback`, which has none.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
SECCOMP_MODE_FILTER = 2
CAPSET = {"x86_64": 126, "aarch64": 91}
LAST_CAPABILITY = 63

libc = ctypes.CDLL(None, use_errno=True)


def only(data: int) -> int:
    """Close every descriptor but 1, 2 and the data socket, and read from nowhere."""
    nowhere = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(data, 3)
    os.closerange(4, 4096)
    return 3


def limit(order: dict[str, Any]) -> None:
    """Limits of each process; those of all processes together are the judge's (cgroup or watchdog)."""
    megabyte = 2**20
    for name, value in (
        (resource.RLIMIT_DATA, order["memory_mb"] * megabyte),  # not RLIMIT_AS: CUDA reserves terabytes of addresses
        (resource.RLIMIT_FSIZE, order["files_mb"] * megabyte),
        (resource.RLIMIT_NPROC, order["processes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ):
        resource.setrlimit(name, (value, value))


def drop_bounding_set() -> None:
    """In the zygote, for all its workers: no program that they could start gives them a capability."""
    for capability in range(LAST_CAPABILITY + 1):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            if ctypes.get_errno() == errno.EINVAL:
                break  # the kernel knows no higher one
            must(-1, "drop capabilities")


def drop_rights(uid: int | None) -> None:
    """No capability, no way to one, and, where the zygote is root, a uid that owns nothing."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    none = (ctypes.c_uint32 * 6)()
    must(libc.syscall(CAPSET[os.uname().machine], ctypes.byref(header), ctypes.byref(none)), "drop capabilities")
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "forbid new privileges")
    must(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "forbid being traced")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def filter_calls(program: bytes) -> None:
    """From here on only the system calls that sandbox/seccomp.py allows."""
    pointer = _Program(len(program) // 8, program)
    must(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(pointer), 0, 0), "filter system calls")


def must(result: int, what: str) -> None:
    """A wall that cannot be built ends the worker before it holds a student's file."""
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"cannot {what}: {os.strerror(error)}")


def complain(error: BaseException) -> None:
    """Our own failure, said on the output pipe; the judge knows it by the missing "ready"."""
    os.write(2, f"deepgrade: {error}\n".encode())
    os._exit(125)
