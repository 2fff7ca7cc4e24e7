"""The warm process of a sandbox: imports the allowed packages once, then forks a walled-in worker for every test.

    judge ── control socket ──> zygote      our code only; never sees a student's file
                                  └── worker  pid 1 of a new pid namespace, with mount and ipc namespaces of its own;
                                              fresh /tmp and /dev/shm; drops every right; seccomp; then it serves one
                                              test over its data socket
    {"op": "spawn", "id": 1, limits} + [data socket, output pipe]      no answer: the worker says "ready" by itself
    {"op": "end", "id": 1, "grace_seconds": 0}                         {"status": exit status}, when all of it is gone
    {"op": "renew", "uids": [first, count]}, while no worker lives     {"renewed": true}

When the worker ends, the kernel kills everything else in its pid namespace, however often it has forked. There is no
/proc, so nothing here can look at, or write into, another process. As root, each worker has a uid that no other living
one has, so that what the kernel counts by user is its own.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import stat
import sys
import tempfile
import time
from typing import Any, NoReturn

from autograder.student_process import FOLDER, substitutes
from autograder.student_process.restrictions import (
    PR_SET_PDEATHSIG,
    complain,
    drop_bounding_set,
    drop_rights,
    filter_calls,
    libc,
    limit,
    must,
    only,
)

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_NOATIME, MS_NODIRATIME, MS_PRIVATE, MS_RELATIME = 1024, 2048, 1 << 18, 1 << 21
ST_RELATIME = 4096  # of statvfs; its other flags have the numbers of mount

_without_namespaces = False  # uid_fallback.py


def main() -> None:
    global _without_namespaces
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.argv[2])
    _without_namespaces = "uid_fallback" in settings
    program = base64.b64decode(settings["filter"])
    tempfile.tempdir = "/tmp"  # a worker's own, later; nothing can be written here, and torch wants to know at import
    for name in settings["imports"]:
        importlib.import_module(name)
    for name in settings["preload"]:
        _warm(name)
    importlib.import_module("autograder.student_process.serve")
    if _without_namespaces:
        importlib.import_module("autograder.student_process.uid_fallback")
    else:
        _shut_devices()
        substitutes.install(settings["files_mb"])
    substitutes.send_tensors_as_bytes()
    drop_bounding_set()
    _seed()
    _learn_of_memory()
    gc.freeze()  # or a worker's first collection would write to, and so copy, every page of what is here
    control.send(b'{"ready": true}')
    own_namespaces = os.pidfd_open(os.getpid())
    children: dict[int, int] = {}  # number of a worker -> its pid, or that of its supervisor
    uids = _Uids(*settings["uids"]) if settings["uids"] else None
    while True:
        message, fds, _, _ = socket.recv_fds(control, 65536, 2)
        if not message:
            return
        order = json.loads(message)
        if order["op"] == "renew":
            uids = _Uids(*order["uids"])
            control.send(b'{"renewed": true}')
            continue
        number = order["id"]
        if order["op"] == "spawn":
            uid = uids.take(number) if uids else None
            children[number] = _spawn(control, own_namespaces, fds, order, settings, program, uid)
        else:
            status = _end(children.pop(number), order["grace_seconds"])
            if uids:
                uids.give_back(number)
            control.send(json.dumps({"status": status}).encode())


class _Uids:
    """The sandbox's own uids, each for one worker at a time; the one that was given back last comes last."""

    def __init__(self, first: int, count: int) -> None:
        self._free = list(range(first, first + count))
        self._taken: dict[int, int] = {}

    def take(self, worker: int) -> int:
        self._taken[worker] = self._free.pop(0)
        return self._taken[worker]

    def give_back(self, worker: int) -> None:
        self._free.append(self._taken.pop(worker))


def _warm(name: str) -> None:
    """Import a module, and what it only loads when it is first asked for it (scikit-image does so)."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise SystemExit(f"{name}, which the manifest wants imported, cannot be: {error}") from None
    for public in dir(module):
        with contextlib.suppress(Exception):  # what needs something that is not here
            getattr(module, public)


def _shut_devices() -> None:
    """Nobody sets the times of /dev/null, which all sandboxes share. Devices can be written to all the same."""
    for name in os.listdir("/dev"):
        place = f"/dev/{name}"
        if not stat.S_ISCHR(os.stat(place).st_mode):
            continue
        # In a user namespace, flags that a mount has must stay.
        has = os.statvfs(place).f_flag
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | has & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
        flags |= MS_RELATIME if has & ST_RELATIME else 0
        must(libc.mount(None, place.encode(), None, flags, None), f"make {place} read-only")


def _seed() -> None:
    """Arithmetic that draws from the global generators answers alike in every worker: a fork copies their state."""
    sys.modules["numpy"].random.seed(0)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


def _learn_of_memory() -> None:
    """glibc before 2.37 sorts by the memory of the machine, which it asks for once; behind the filter it cannot ask."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda one, other: 0)
    libc.qsort(ctypes.create_string_buffer(4096), 1024, 4, compare)


def _spawn(
    control: socket.socket,
    own_namespaces: int,
    fds: list[int],
    order: dict[str, Any],
    settings: Any,
    program: bytes,
    uid: int | None,
) -> int:
    """Fork a worker, or its supervisor; its pid.

    own_namespaces : a descriptor of this process.
    """
    if _without_namespaces:
        from autograder.student_process import uid_fallback

        assert uid is not None
        child = os.fork()
        if child == 0:
            uid_fallback.supervise(control, fds, order, settings["uid_fallback"], program, uid)
    else:
        must(libc.unshare(CLONE_NEWPID), "make a pid namespace")  # for the next child: this process stays where it is
        try:
            child = os.fork()
            if child == 0:
                control.close()
                os.close(own_namespaces)
                _work(fds, order, uid, program)
        finally:
            must(libc.setns(own_namespaces, CLONE_NEWPID), "return to the pid namespace (it takes Linux 5.8)")
    for fd in fds:
        os.close(fd)
    return child


def _end(child: int, grace_seconds: float) -> int:
    """Kill a worker, and with it all that it has started; its exit status, 128 and the signal that ended it, or -9 for
    our own kill.

    With a grace it may end by itself first: its status tells why it hung up.
    """
    waited = 0.0
    while True:
        found, raw = os.waitpid(child, os.WNOHANG)
        if found == child:
            code = os.waitstatus_to_exitcode(raw)
            return code if code >= 0 else 128 - code
        if waited >= grace_seconds:
            break
        time.sleep(0.002)
        waited += 0.002
    # A supervisor kills everything of its worker's uid, and then ends.
    os.kill(child, signal.SIGTERM if _without_namespaces else signal.SIGKILL)
    os.waitpid(child, 0)  # a pid 1 ends when everything in its namespace has ended
    return -signal.SIGKILL


def _work(fds: list[int], order: dict[str, Any], uid: int | None, program: bytes) -> NoReturn:
    """In pid 1 of the new namespace: build the walls, and serve."""
    try:
        must(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC), "make namespaces")
        data, output = fds
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        data = only(data)
        _fresh_folders(order["files_mb"])
        substitutes.make_pairs()
        limit(order)
        drop_rights(uid)
        # Last, since the kernel forgets it when rights change; before it there is no student code to outlive anyone.
        must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "end with the zygote")
        filter_calls(program)
    except BaseException as error:
        complain(error)
    from autograder.student_process.serve import serve

    serve(data)


def _fresh_folders(files_mb: int) -> None:
    """One tmpfs, gone with the namespace, is all that can be written; inodes are limited as bytes are."""
    must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "keep mounts private")
    options = f"size={files_mb}m,nr_inodes=4096,mode=1777".encode()
    must(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", MS_NOSUID | MS_NODEV, options), "mount /tmp")
    for name in (FOLDER, "/tmp/shm"):
        os.mkdir(name)
        os.chmod(name, 0o1777)
    must(libc.mount(b"/tmp/shm", b"/dev/shm", None, MS_BIND, None), "mount /dev/shm")


if __name__ == "__main__":
    main()
