"""What stands in a worker for calls that its filter refuses, so that Python's own library works all the same.

    os.pipe, os.pipe2           a FIFO, whose name is gone once it is open. The inode number of a pipe is one of the
                                whole machine: it counts what other sandboxes have made
    socket.socketpair           one of a few pairs that were made before the filter, for the same reason
    os.statvfs                  of its own folders, what this worker may write in them
    the locks of                tokens in a FIFO. A futex that several processes share is known to the whole machine
      multiprocessing           by its file and page
    its tracker of resources    nothing: it is a program that is started, and /dev/shm ends with the worker
    torch's way to share        bytes: it passes descriptors over sockets of its own, which there are none of
      tensors

Pools of processes, queues, pipes and shared arrays of `multiprocessing`, loops of `asyncio`, and a DataLoader with
workers need these.
"""

from __future__ import annotations

import _multiprocessing
import errno
import fcntl
import itertools
import os
import select
import socket
import sys
import termios
import threading
import time
from multiprocessing import context, resource_tracker
from typing import Any

PAIRS = 8
BLOCK = 4096  # bytes
INODES = 4096  # as the tmpfs of a worker has
TOKENS = 2**15  # in a FIFO, which holds twice as many bytes

_socketpair = socket.socketpair
_numbers = itertools.count()
_pairs: list[tuple[socket.socket, socket.socket]] = []


def install(files_mb: int) -> None:
    """In the zygote: put them in place for all its workers. Each of them makes its pairs, too."""

    def statvfs(path: Any) -> os.statvfs_result:
        if os.stat(path).st_dev != os.stat("/tmp").st_dev:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        blocks = files_mb * 2**20 // BLOCK
        return os.statvfs_result((BLOCK, BLOCK, blocks, blocks, blocks, INODES, INODES, INODES, 0, 255))

    os.pipe, os.pipe2 = pipe, pipe2
    os.statvfs = os.fstatvfs = statvfs
    context._default_context.set_start_method("fork", force=True)  # another would start a program
    socket.socketpair = socketpair
    _multiprocessing.SemLock = Semaphore
    for name in ("register", "unregister", "ensure_running"):
        for owner in (resource_tracker, resource_tracker._resource_tracker):
            setattr(owner, name, _nothing)


def make_pairs() -> None:
    """Before the filter, and before student code is here."""
    _pairs[:] = [_socketpair() for _ in range(PAIRS)]


def _nothing(*arguments: Any) -> None:
    pass


def keep() -> None:
    """In the worker: no process that it forks has the pairs, too."""
    os.register_at_fork(after_in_child=_pairs.clear)


def send_tensors_as_bytes() -> None:
    """Where torch is loaded: a tensor crosses to another process as its bytes, and is not shared with it."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    from multiprocessing.reduction import ForkingPickler

    def reduced(tensor: Any) -> tuple[Any, ...]:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        data = flat.view(torch.uint8).numpy().tobytes() if len(flat) else b""
        return _tensor, (data, tensor.dtype, tuple(tensor.shape), tensor.requires_grad)

    for kind in (torch.Tensor, torch.nn.Parameter):
        ForkingPickler.register(kind, reduced)


def _tensor(data: bytes, dtype: Any, shape: tuple[int, ...], requires_grad: bool) -> Any:
    import torch

    flat = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype) if data else torch.empty(0, dtype=dtype)
    return flat.reshape(shape).requires_grad_(requires_grad)


def pipe() -> tuple[int, int]:
    """(read, write): descriptors of a new pipe, which no other program inherits."""
    return pipe2(os.O_CLOEXEC)


def pipe2(flags: int) -> tuple[int, int]:
    """The same with O_CLOEXEC, O_NONBLOCK or neither."""
    place = f"/tmp/.pipe-{os.getpid()}-{next(_numbers)}"
    os.mkfifo(place, 0o600)
    try:
        reading = os.open(place, os.O_RDONLY | os.O_NONBLOCK)  # else it would wait for who writes
        try:
            writing = os.open(place, os.O_WRONLY | (flags & os.O_NONBLOCK))
        except BaseException:
            os.close(reading)
            raise
    finally:
        os.unlink(place)
    os.set_blocking(reading, not flags & os.O_NONBLOCK)
    for descriptor in (reading, writing):
        os.set_inheritable(descriptor, not flags & os.O_CLOEXEC)
    return reading, writing


def socketpair(
    family: int | None = None, type: int = socket.SOCK_STREAM, proto: int = 0
) -> tuple[socket.socket, socket.socket]:
    """Two connected unix sockets of bytes. Raises PermissionError for another kind, and when none is left."""
    if family not in (None, socket.AF_UNIX) or type != socket.SOCK_STREAM or proto or not _pairs:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return _pairs.pop()


class Semaphore:
    """As `_multiprocessing.SemLock`, which waits on a futex; this one waits until there is a token in a FIFO."""

    SEM_VALUE_MAX = TOKENS

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        """kind : 0 is a recursive lock, 1 a semaphore or a plain lock."""
        self.kind, self.maxvalue, self.name = kind, maxvalue, None
        self._reading, self._writing = pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._held, self._owner = 0, 0  # how often by this process, and by which of its threads
        os.write(self._writing, b"." * value)

    @property
    def handle(self) -> int:
        return self._reading

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if self.kind == 0 and self._is_mine():
            self._held += 1
            return True
        until = None if timeout is None else time.monotonic() + max(0.0, timeout)
        while True:
            try:
                if os.read(self._reading, 1):
                    self._held, self._owner = self._held + 1, threading.get_ident()
                    return True
            except BlockingIOError:
                pass
            left = None if until is None else until - time.monotonic()
            if not block or (left is not None and left <= 0):
                return False
            select.select([self._reading], [], [], left)

    def release(self) -> None:
        if self.kind == 0:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            self._held -= 1
            if self._held:
                return
        else:
            if self._get_value() >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            self._held -= 1
        os.write(self._writing, b".")

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exception: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        return int.from_bytes(fcntl.ioctl(self._reading, termios.FIONREAD, bytes(4)), "little")

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        self._held = 0

    def __del__(self) -> None:
        for descriptor in (getattr(self, "_reading", None), getattr(self, "_writing", None)):
            if descriptor is not None:
                os.close(descriptor)

    @staticmethod
    def _rebuild(*state: Any) -> Any:
        """In a program that is started anew, which nothing here can start."""
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
