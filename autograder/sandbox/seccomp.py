"""The system calls that a worker may make: what numpy, torch and Python's own library use, none that reaches out.

An allow-list: a call that is not on it fails with EPERM, so a kernel's next feature is shut until somebody opens it.
Left out on purpose: sockets, namespaces, mounts, tracing, other processes' memory, keyrings, bpf, io_uring, perf,
userfaultfd, System V and POSIX queues, memfd, inotify, exec.
"""

from __future__ import annotations

import tempfile
from functools import cache
from typing import Any

from autograder.errors import SandboxUnavailable

ALLOWED = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 pipe
    pipe2 open openat creat access faccessat faccessat2 stat fstat lstat newfstatat statx statfs fstatfs readlink
    readlinkat getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2 unlink unlinkat
    link linkat symlink symlinkat chmod fchmod fchmodat umask truncate ftruncate fallocate fsync fdatasync
    sync_file_range utime utimes utimensat futimesat flock fcntl fadvise64 copy_file_range sendfile splice tee
    munmap mremap mprotect madvise msync mincore brk mlock munlock membarrier
    fork vfork exit exit_group wait4 waitid kill tkill tgkill set_tid_address set_robust_list get_robust_list futex
    futex_waitv rseq arch_prctl prctl sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam
    sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min getpriority setpriority getcpu
    get_mempolicy set_mempolicy mbind
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait rt_sigqueueinfo sigaltstack
    restart_syscall pause alarm getitimer setitimer timer_create timer_settime timer_gettime timer_delete
    timer_getoverrun timerfd_create timerfd_settime timerfd_gettime nanosleep clock_nanosleep clock_gettime clock_getres
    gettimeofday time times
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid setpgid getsid
    setsid capget getrlimit setrlimit prlimit64 getrusage sysinfo uname getrandom
    select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
    signalfd signalfd4 sendto recvfrom sendmsg recvmsg shutdown getsockname getpeername getsockopt setsockopt ioctl
""".split()

MAKING = """
    creat mkdir mkdirat rmdir rename renameat renameat2 unlink unlinkat link linkat symlink symlinkat mknod mknodat
    chmod fchmod fchmodat truncate
""".split()

# Flags of clone that make namespaces; a thread or a plain fork has none of them.
NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20


# A driver's calls by ioctl: the type of those to nvidiactl and a GPU's node; the plain numbers of those to nvidia-uvm.
NVIDIA_TYPE, UVM_NUMBERS = 0x46, (*range(1, 90), 0x30000001, 0x30000002)


@cache
def program(gpu: bool = False) -> bytes:
    """The filter as BPF, for prctl(PR_SET_SECCOMP). Raises SandboxUnavailable where libseccomp is missing.

    gpu : calls of NVIDIA's driver are let through, too; they need its device nodes, which only that sandbox has.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise SandboxUnavailable(
            f"the system-call filter cannot be built ({error}); install libseccomp: apt-get install libseccomp2"
        ) from error
    import errno

    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in ALLOWED:
        if name != "ioctl":
            _allow(seccomp, rules, name)
    _allow(seccomp, rules, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, NEW_NAMESPACES, 0))
    # glibc falls back to clone, whose flags can be looked at, only if clone3 does not exist.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    _allow(seccomp, rules, "socketpair", seccomp.Arg(0, seccomp.EQ, 1))  # AF_UNIX: both ends are its own
    # Shared memory without a file belongs to no process, so that without cgroups nothing would count it.
    _allow(seccomp, rules, "mmap", seccomp.Arg(3, seccomp.MASKED_EQ, MAP_ANONYMOUS, 0))
    _allow(seccomp, rules, "mmap", seccomp.Arg(3, seccomp.MASKED_EQ, MAP_ANONYMOUS | MAP_SHARED, MAP_ANONYMOUS))
    for request in (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451):  # TCGETS WINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
        _allow(seccomp, rules, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    if gpu:
        _allow(seccomp, rules, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFF00, NVIDIA_TYPE << 8))
        for number in UVM_NUMBERS:
            _allow(seccomp, rules, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, number))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


@cache
def sealing_program() -> bytes:
    """A second filter, for where neither files nor sockets are the worker's own.

    No file can be made, removed or renamed; and no datagram can be sent to a socket of somebody else's, which one of a
    pair could do.
    """
    import errno
    import os
    import socket

    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    no = seccomp.ERRNO(errno.EPERM)
    for name in MAKING:
        rules.add_rule(no, name)
    for name, place in (("open", 1), ("openat", 2)):
        for flag in (os.O_CREAT, os.O_TMPFILE & ~os.O_DIRECTORY):
            rules.add_rule(no, name, seccomp.Arg(place, seccomp.MASKED_EQ, flag, flag))
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):  # to the kernel, a raw unix socket is one of datagrams
        rules.add_rule(no, "socketpair", seccomp.Arg(1, seccomp.MASKED_EQ, 0xF, kind))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _allow(seccomp: Any, rules: Any, name: str, *arguments: Any) -> None:
    try:
        rules.add_rule(seccomp.ALLOW, name, *arguments)
    except (ValueError, RuntimeError, OSError):
        # This architecture, or this libseccomp, has no such call: then there is none to allow.
        return
