"""The warm process of a sandbox: imports the allowed packages once, then forks a walled-in worker for every test.

    judge ── control socket ──> zygote            our code only; never sees a student's file
                                  ├── keeper      new pid, mount and ipc namespaces; waits
                                  │     └── init  pid 1 there; fresh /tmp and /dev/shm; drops every right; seccomp
                                  │           └── worker: serves one test over its data socket
    {"op": "spawn", "id": 1, limits} + [data socket, output pipe]      no answer: the worker says "ready" by itself
    {"op": "end", "id": 1, "grace_seconds": 0}                         {"status": exit status}, when all of it is gone

When the keeper is killed its init dies with it, and the kernel kills everything else in that pid namespace, however
often it has forked. There is no /proc, so nothing here can look at, or write into, another process. As root, each
worker has a uid that no other living one has, so that what the kernel counts by user is its own.
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
from typing import Any

from autograder.student_process import FOLDER, substitutes
from autograder.student_process.restrictions import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    complain,
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
    must(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become a subreaper")
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
    substitutes.send_tensors_as_bytes()
    _learn_of_memory()
    gc.freeze()  # or a worker's first collection would write to, and so copy, every page of what is here
    control.send(b'{"ready": true}')
    keepers: dict[int, int] = {}
    uids = _Uids(*settings["uids"]) if settings["uids"] else None
    while True:
        message, fds, _, _ = socket.recv_fds(control, 65536, 2)
        if not message:
            return
        order = json.loads(message)
        number = order["id"]
        if order["op"] == "spawn":
            uid = uids.take(number) if uids else None
            keepers[number] = _spawn(control, fds, order, settings, program, uid)
        else:
            status = _end(keepers.pop(number), order["grace_seconds"])
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


def _learn_of_memory() -> None:
    """glibc before 2.37 sorts by the memory of the machine, which it asks for once; behind the filter it cannot ask."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda one, other: 0)
    libc.qsort(ctypes.create_string_buffer(4096), 1024, 4, compare)


def _spawn(
    control: socket.socket, fds: list[int], order: dict[str, Any], settings: Any, program: bytes, uid: int | None
) -> int:
    keeper = os.fork()
    if keeper == 0:
        if "uid_fallback" in settings:
            from autograder.student_process import uid_fallback

            assert uid is not None
            uid_fallback.keep(control, fds, order, settings["uid_fallback"], program, uid)
        _keep(control, fds, order, uid, program)
    # Here and in the keeper, so that it is done whoever comes first: `_end` waits for a group.
    os.setpgid(keeper, keeper)
    for fd in fds:
        os.close(fd)
    return keeper


def _end(keeper: int, grace_seconds: float) -> int:
    """Kill the keeper and with it all it has started; its exit status, negative for our own kill.

    With a grace it may end by itself first: its status tells why it hung up.
    """
    status = None
    waited = 0.0
    while True:
        found, raw = os.waitpid(keeper, os.WNOHANG)
        if found == keeper:
            status = os.waitstatus_to_exitcode(raw)
            break
        if waited >= grace_seconds:
            _kill(keeper)
            status = -signal.SIGKILL
            break
        time.sleep(0.002)
        waited += 0.002
    _reap(keeper)
    return status


def _kill(keeper: int) -> None:
    """Its whole group: an init that has just been forked does not yet die with its keeper."""
    with contextlib.suppress(ProcessLookupError):
        if _without_namespaces:
            os.kill(keeper, signal.SIGTERM)  # it kills everything of its worker's uid, and then goes
        else:
            os.killpg(keeper, signal.SIGKILL)


def _reap(keeper: int) -> None:
    """Wait until all is gone that a killed keeper had started.

    Its init, an orphan now, has come to us, the subreaper; it ends when everything below it has ended.
    """
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-keeper, 0)


def _keep(control: socket.socket, fds: list[int], order: dict[str, Any], uid: int | None, program: bytes) -> None:
    """In the keeper: new namespaces, then wait. Never returns."""
    try:
        os.setpgid(0, 0)
        control.close()
        must(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID), "make namespaces")
        init = os.fork()
        if init == 0:
            _init(fds, order, uid, program)
        for fd in fds:
            os.close(fd)
        os.close(1)
        os.close(2)
        _, raw = os.waitpid(init, 0)
        code = os.waitstatus_to_exitcode(raw)
        os._exit(code if code >= 0 else 128 - code)
    except BaseException as error:
        complain(error)


def _init(fds: list[int], order: dict[str, Any], uid: int | None, program: bytes) -> None:
    """In pid 1 of the new namespace: build the walls, start the worker, and reap. Never returns."""
    try:
        data, output = fds
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        data = only(data)
        _fresh_folders(order["files_mb"])
        substitutes.install(order["files_mb"])
        limit(order)
        drop_rights(uid)
        # Last, since the kernel forgets it when rights change; before it there is no student code to outlive anyone.
        must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "die with the keeper")
        filter_calls(program)
        worker = os.fork()
        if worker == 0:
            from autograder.student_process.serve import serve

            serve(data)
        os.closerange(1, 256)
        while True:
            pid, raw = os.waitpid(-1, 0)
            if pid == worker:
                code = os.waitstatus_to_exitcode(raw)
                os._exit(code if code >= 0 else 128 - code)
    except BaseException as error:
        complain(error)


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
