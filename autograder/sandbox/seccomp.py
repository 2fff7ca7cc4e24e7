"""The system calls that a worker may make: what numpy, torch and Python's own library use, none that reaches out.

An allow-list: a call that is not on it fails with EPERM, so a kernel's next feature is shut until somebody opens it.
Left out on purpose: sockets, namespaces, mounts, tracing, other processes' memory, keyrings, bpf, io_uring, perf,
userfaultfd, System V and POSIX queues, memfd, inotify, exec.

Left out as well is every call, and every argument of an allowed one, that tells something of the machine which another
sandbox can change: otherwise one submission leaves a message and the next one reads it. docs/security.md has the list,
"Between two submissions". Such calls are

    refused      EPERM; no library needs an answer
    missing      ENOSYS, or ENOTSUP; the C library, or Python's, then takes another way
    pretended    0, and nothing is done; that is the truth on a tmpfs, which is all that can be written here

What Python's own library then lacks, student_process/substitutes.py gives it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import tempfile
from functools import cache
from typing import Any

from autograder.core.errors import SandboxUnavailable

ALLOWED = """
    read write readv writev pread64 pwrite64 preadv pwritev lseek close close_range dup dup2 dup3
    open openat creat access faccessat faccessat2 stat fstat lstat newfstatat readlink
    readlinkat getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2 unlink unlinkat
    link linkat symlink symlinkat chmod fchmod fchmodat umask truncate ftruncate fallocate utime utimes utimensat
    futimesat munmap mremap mprotect brk
    fork vfork exit exit_group kill tkill tgkill set_robust_list rseq arch_prctl sched_yield sched_getaffinity
    sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min getcpu
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait rt_sigqueueinfo sigaltstack
    restart_syscall pause alarm getitimer setitimer timer_create timer_settime timer_gettime timer_delete
    timer_getoverrun timerfd_create timerfd_settime timerfd_gettime nanosleep clock_nanosleep clock_gettime clock_getres
    gettimeofday time times
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid setpgid getsid
    setsid capget getrlimit setrlimit prlimit64 uname
    select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
    signalfd signalfd4 sendto recvfrom sendmsg recvmsg shutdown getsockname getpeername
""".split()

MISSING = "clone3 statx preadv2 pwritev2".split()
UNSUPPORTED = "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr".split()
PRETENDED = "fsync fdatasync msync".split()

# Where a container is thrown away after one submission, there is no next one to tell. There is no place for what
# student_process/substitutes.py needs, either.
CONTAINER = "pipe pipe2 statfs fstatfs futex".split()

# What libraries of NVIDIA's driver call when they start. A job with a GPU shares its memory with the next one anyhow.
DRIVER = "pipe pipe2 mincore mlock munlock get_mempolicy set_mempolicy mbind sched_setaffinity sysinfo".split()

MAKING = """
    creat mkdir mkdirat rmdir rename renameat renameat2 unlink unlinkat link linkat symlink symlinkat mknod mknodat
    chmod fchmod fchmodat truncate utime utimes utimensat futimesat
""".split()

WORD = 0xFFFFFFFF  # of an argument that is an int to the kernel, the upper half is noise

# Flags of clone that make namespaces; a thread or a plain fork has none of them.
NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
# A pidfd has an inode number that counts the machine's processes; and nobody else is to be traced, or made a parent.
CLONE_PIDFD, CLONE_PTRACE, CLONE_PARENT, CLONE_UNTRACED = 0x1000, 0x2000, 0x8000, 0x00800000
FORBIDDEN_FLAGS = NEW_NAMESPACES | CLONE_PIDFD | CLONE_PTRACE | CLONE_PARENT | CLONE_UNTRACED

MAP_SHARED, MAP_ANONYMOUS, MAP_HUGETLB = 0x01, 0x20, 0x40000

# Not locks, leases, owners of signals, notifications, or hints: those belong to the file, which all sandboxes share.
FCNTL = {"DUPFD": 0, "GETFD": 1, "SETFD": 2, "GETFL": 3, "SETFL": 4, "DUPFD_CLOEXEC": 1030}
# Of memory that is the process's own. Not of files, and not MERGEABLE, which shares pages with other processes.
MADVISE = {
    "DONTNEED": 4, "FREE": 8, "DONTFORK": 10, "DOFORK": 11, "HUGEPAGE": 14, "NOHUGEPAGE": 15, "DONTDUMP": 16,
    "DODUMP": 17, "WIPEONFORK": 18, "KEEPONFORK": 19, "GUARD_INSTALL": 102, "GUARD_REMOVE": 103,
}  # fmt: skip
PRCTL = {
    "SET_PDEATHSIG": 1, "GET_PDEATHSIG": 2, "GET_DUMPABLE": 3, "SET_NAME": 15, "GET_NAME": 16, "GET_SECCOMP": 21,
    "SET_SECCOMP": 22, "CAPBSET_READ": 23, "GET_NO_NEW_PRIVS": 39, "GET_THP_DISABLE": 42, "SET_VMA": 0x53564D41,
}  # fmt: skip
GETSOCKOPT = (socket.SO_TYPE, socket.SO_ERROR, socket.SO_SNDBUF, socket.SO_RCVBUF, 38, 39)  # 38, 39: protocol, domain
SETSOCKOPT = (socket.SO_SNDBUF, socket.SO_RCVBUF)
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS WINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
GRND_RANDOM = 2  # from the pool whose level others can lower, on kernels before 5.6

# A futex that is not private is known by its file and page to the whole machine: who wakes there hears how many waited.
# glibc waits so for a thread's end and for semaphores of several processes. It is told to look again, and does.
FUTEX_PRIVATE, FUTEX_CLOCK_REALTIME = 128, 256
FUTEX_WAITS, FUTEX_WAKES = (0, 9), (1, 10)

# A driver's calls by ioctl: the type of those to nvidiactl and a GPU's node; the plain numbers of those to nvidia-uvm.
NVIDIA_TYPE, UVM_NUMBERS = 0x46, (*range(1, 90), 0x30000001, 0x30000002)


@cache
def program(gpu: bool = False, container: bool = False) -> bytes:
    """The filter as BPF, for prctl(PR_SET_SECCOMP). Raises SandboxUnavailable where libseccomp is missing.

    gpu : calls of NVIDIA's driver are let through, too; they need its device nodes, which only that sandbox has.
    container : for one that is thrown away after this submission.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise SandboxUnavailable(
            f"the system-call filter cannot be built ({error}); install libseccomp: apt-get install libseccomp2"
        ) from error
    rules = _Rules(seccomp, seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM)))
    for name in ALLOWED:
        rules.allow(name)
    for name in MISSING:
        rules.answer(errno.ENOSYS, name)
    for name in UNSUPPORTED:
        rules.answer(errno.ENOTSUP, name)
    for name in PRETENDED:
        rules.answer(0, name)
    _processes(rules)
    _memory(rules)
    _files(rules)
    if container:
        for name in CONTAINER:
            rules.allow(name)
        rules.allow("socketpair", rules.equals(0, socket.AF_UNIX))  # both ends are its own
    else:
        _futexes(rules)
    if gpu:
        _driver(rules)
    return rules.exported()


class _Rules:
    def __init__(self, seccomp: Any, rules: Any) -> None:
        self._seccomp, self._rules = seccomp, rules

    def allow(self, name: str, *arguments: Any) -> None:
        # This architecture, or this libseccomp, may have no such call: then there is none to allow.
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._rules.add_rule(self._seccomp.ALLOW, name, *arguments)

    def answer(self, number: int, name: str, *arguments: Any) -> None:
        """The call is not made, and answers with this error; 0: as if it had been made."""
        self._rules.add_rule(self._seccomp.ERRNO(number), name, *arguments)

    def equals(self, place: int, value: int, mask: int = WORD) -> Any:
        """Is the argument at this place, as far as the mask goes, this value?"""
        return self._seccomp.Arg(place, self._seccomp.MASKED_EQ, mask, value)

    def is_null(self, place: int) -> Any:
        return self._seccomp.Arg(place, self._seccomp.EQ, 0)

    def exported(self) -> bytes:
        with tempfile.TemporaryFile() as file:
            self._rules.export_bpf(file)
            file.seek(0)
            return file.read()


def _processes(rules: _Rules) -> None:
    # Not clone3, whose flags cannot be looked at; glibc falls back to clone where it is missing.
    rules.allow("clone", rules.equals(0, 0, FORBIDDEN_FLAGS))
    # Without what the kernel counts of a process: a page that had to be read from the disk counts as a major fault.
    rules.allow("wait4", rules.is_null(3))
    rules.allow("waitid", rules.is_null(4))
    for option in PRCTL.values():
        rules.allow("prctl", rules.equals(0, option))
    rules.allow("getrandom", rules.equals(2, 0, GRND_RANDOM))


def _memory(rules: _Rules) -> None:
    # Shared memory without a file belongs to no process, so that without cgroups nothing would count it; and huge pages
    # come from a pool of the whole machine.
    private = MAP_ANONYMOUS | MAP_SHARED | MAP_HUGETLB
    rules.allow("mmap", rules.equals(3, 0, MAP_ANONYMOUS | MAP_HUGETLB))
    rules.allow("mmap", rules.equals(3, MAP_ANONYMOUS, private))
    for advice in MADVISE.values():
        rules.allow("madvise", rules.equals(2, advice))


def _files(rules: _Rules) -> None:
    for command in FCNTL.values():
        rules.allow("fcntl", rules.equals(1, command))
    rules.allow("mknod", rules.equals(1, stat.S_IFIFO, 0xF000))
    rules.allow("mknodat", rules.equals(2, stat.S_IFIFO, 0xF000))
    for option in GETSOCKOPT:
        rules.allow("getsockopt", rules.equals(1, socket.SOL_SOCKET), rules.equals(2, option))
    for option in SETSOCKOPT:
        rules.allow("setsockopt", rules.equals(1, socket.SOL_SOCKET), rules.equals(2, option))
    for request in IOCTL:
        rules.allow("ioctl", rules.equals(1, request))


def _futexes(rules: _Rules) -> None:
    rules.allow("futex", rules.equals(1, FUTEX_PRIVATE, FUTEX_PRIVATE))
    shared = WORD & ~FUTEX_CLOCK_REALTIME
    for operation in FUTEX_WAITS:
        rules.answer(errno.EAGAIN, "futex", rules.equals(1, operation, shared))
    for operation in FUTEX_WAKES:
        rules.answer(0, "futex", rules.equals(1, operation, shared))


def _driver(rules: _Rules) -> None:
    for name in DRIVER:
        rules.allow(name)
    rules.allow("ioctl", rules.equals(1, NVIDIA_TYPE << 8, 0xFF00))
    for number in UVM_NUMBERS:
        rules.allow("ioctl", rules.equals(1, number))


@cache
def sealing_program() -> bytes:
    """A second filter, for where neither files nor sockets are the worker's own.

    No file can be made, removed or renamed; and no datagram can be sent to a socket of somebody else's, which one of a
    pair could do.
    """
    import pyseccomp as seccomp

    rules = _Rules(seccomp, seccomp.SyscallFilter(seccomp.ALLOW))
    for name in MAKING:
        rules.answer(errno.EPERM, name)
    for name, place in (("open", 1), ("openat", 2)):
        for flag in (os.O_CREAT, os.O_TMPFILE & ~os.O_DIRECTORY):
            rules.answer(errno.EPERM, name, rules.equals(place, flag, flag))
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):  # to the kernel, a raw unix socket is one of datagrams
        rules.answer(errno.EPERM, "socketpair", rules.equals(1, kind, 0xF))
    return rules.exported()
