"""Between two submissions there is no way but time: calls that would be one are refused, and what needs them works.

Attacks that try to leave a message are in tests/hostile; here is each call by itself, and what two sandboxes that live
at once could tell each other.
"""

from __future__ import annotations

import errno
import os

import pytest

from autograder.course.manifest import Limits
from autograder.sandbox import Sandbox, runtime
from autograder.student.remote import Remote

CALLS = """
import ctypes, mmap, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
pages = mmap.mmap(os.open(os.__file__, os.O_RDONLY), 8192, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
library = ctypes.addressof(ctypes.c_char.from_buffer(pages))
area = mmap.mmap(-1, 1 << 16, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory = ctypes.addressof(ctypes.c_char.from_buffer(area))
file, folder = os.open(os.__file__, os.O_RDONLY), os.open("/site", os.O_RDONLY)
NAMES = {"LIBRARY": library, "MEMORY": memory, "FILE": file, "FOLDER": folder, "DATA": 3}

def call(number, *arguments):
    \"\"\"errno, or 0 where it was made.\"\"\"
    found = [NAMES.get(a, a) for a in arguments]
    found = [ctypes.c_ulong(a & (2**64 - 1)) for a in found]
    ctypes.set_errno(0)
    return 0 if libc.syscall(ctypes.c_long(number), *found) >= 0 else ctypes.get_errno()

def who(): return os.getuid(), os.getgid()
def devices(): return [name for name in os.listdir("/dev") if name != "shm"]
def touch(path): os.utime(path)
def copied():
    import shutil
    with open("/tmp/one", "w") as file: file.write("x")
    shutil.copy2("/tmp/one", "/tmp/two")
    return os.path.getsize("/tmp/two")
def processor():
    with open("/proc/cpuinfo") as file: return file.read()
"""
# x86-64: name -> number, arguments. All of them would be made, or fail with another error, without the filter.
REFUSED = {
    "posix_fadvise": (221, "FILE", 0, 0, 4),
    "mincore": (27, "LIBRARY", 4096, "MEMORY"),
    "cachestat": (451, "FILE", "MEMORY", "MEMORY", 0),
    "readahead": (187, "FILE", 0, 4096),
    "sync_file_range": (277, "FILE", 0, 0, 0),
    "madvise: will be needed": (28, "LIBRARY", 4096, 3),
    "madvise: sequential": (28, "LIBRARY", 4096, 2),
    "madvise: cold": (28, "LIBRARY", 4096, 20),
    "madvise: page out": (28, "LIBRARY", 4096, 21),
    "madvise: populate": (28, "LIBRARY", 4096, 22),
    "madvise: mergeable": (28, "MEMORY", 4096, 12),
    "mlock": (149, "MEMORY", 4096),
    "mmap of huge pages": (9, 0, 1 << 21, 3, 0x40022, -1, 0),
    "getrusage": (98, 0, "MEMORY"),
    "wait4 with usage": (61, -1, 0, 1, "MEMORY"),
    "waitid with usage": (247, 0, 0, "MEMORY", 5, "MEMORY"),
    "sysinfo": (99, "MEMORY"),
    "statfs": (137, "MEMORY", "MEMORY"),
    "fstatfs": (138, "FILE", "MEMORY"),
    "ustat": (136, 1, "MEMORY"),
    "quotactl": (179, 0x800002, 0, 0, "MEMORY"),
    "flock": (73, "FILE", 1),
    "fcntl: lock": (72, "FILE", 6, "MEMORY"),
    "fcntl: look at locks": (72, "FILE", 5, "MEMORY"),
    "fcntl: lock of a description": (72, "FILE", 37, "MEMORY"),
    "fcntl: lease": (72, "FILE", 1024, 0),
    "fcntl: look at leases": (72, "FILE", 1025),
    "fcntl: notification": (72, "FOLDER", 1026, 1),
    "fcntl: hint": (72, "FILE", 1036, "MEMORY"),
    "fcntl: look at hints": (72, "FILE", 1035, "MEMORY"),
    "fcntl: owner of signals": (72, "FILE", 8, 1),
    "inotify_init1": (294, 0),
    "fanotify_init": (300, 0, 0),
    "splice": (275, "FILE", 0, 1, 0, 1, 0),
    "tee": (276, 1, 1, 1, 0),
    "sendfile": (40, 1, "FILE", 0, 1),
    "copy_file_range": (326, "FILE", 0, "FILE", 0, 1, 0),
    "pipe2": (293, "MEMORY", 0),
    "socketpair": (53, 1, 1, 0, "MEMORY"),
    "clone with a pidfd": (56, 0x1000 | 17, 0, "MEMORY", 0, 0),
    "clone of a sibling": (56, 0x8000 | 17, 0, 0, 0, 0),
    "getsockopt: cookie": (55, "DATA", 1, 57, "MEMORY", "MEMORY"),
    "setsockopt: filter": (54, "DATA", 1, 26, "MEMORY", 16),
    "getrandom of the pool": (318, "MEMORY", 8, 2),
    "membarrier": (324, 0, 0, 0),
    "get_mempolicy": (239, "MEMORY", 0, 0, "LIBRARY", 3),
    "set_mempolicy": (238, 0, 0, 0),
    "mbind": (237, "MEMORY", 4096, 0, 0, 0, 0),
    "move_pages": (279, 0, 1, "MEMORY", 0, "MEMORY", 0),
    "sched_setaffinity": (203, 0, 8, "MEMORY"),
    "sched_setscheduler": (144, 0, 3, "MEMORY"),
    "getpriority": (140, 2, 0),
    "setpriority": (141, 0, 0, 1),
    "prctl: core scheduling": (157, 62, 0, 0, 0, "MEMORY"),
    "prctl: merge memory": (157, 67, 0, 0, 0, 0),
    "futex_waitv": (449, "MEMORY", 1, 0, 0, 0),
}
MISSING = {"preadv2": (327, "FILE", "MEMORY", 0, 0, 0, 8), "statx": (332, "FOLDER", "MEMORY", 0, 0, "MEMORY")}
PRETENDED = {"fsync": (74, "FILE"), "msync": (26, "LIBRARY", 4096, 4)}
ALLOWED = {
    "fcntl: flags": (72, "FILE", 3),
    "madvise: not needed": (28, "MEMORY", 4096, 16),
    "getrandom": (318, "MEMORY", 8, 0),
    "wake on a private futex": (202, "MEMORY", 129, 1, 0, 0, 0),
    "prctl: name": (157, 15, "MEMORY", 0, 0, 0),
}
x86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")


@x86
@pytest.mark.threat(52)
def test_calls_that_tell_of_the_machine_are_refused(ask_remote):
    with ask_remote(CALLS) as answer:
        assert {name: answer.call(*call) for name, call in REFUSED.items()} == dict.fromkeys(REFUSED, errno.EPERM)
        assert {name: answer.call(*call) for name, call in MISSING.items()} == dict.fromkeys(MISSING, errno.ENOSYS)


@x86
def test_calls_that_tell_nothing_are_made_or_seem_so(ask_remote):
    with ask_remote(CALLS) as answer:
        for calls in (PRETENDED, ALLOWED):
            assert {name: answer.call(*call) for name, call in calls.items()} == dict.fromkeys(calls, 0)
        assert answer.copied() == 1


WAITS = """
import ctypes, os, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
word = libc.mmap(None, ctypes.c_size_t(4096), 1, 2, os.open(os.__file__, os.O_RDONLY), 0)  # to be read; private
def wait():
    now = ctypes.c_int.from_address(word).value
    waiting = lambda: libc.syscall(202, ctypes.c_ulong(word), 0, now, 0, 0, 0)
    threading.Thread(target=waiting, daemon=True).start()
    time.sleep(0.2)
def wake(): return libc.syscall(202, ctypes.c_ulong(word), 1, 9, 0, 0, 0)
"""


@x86
@pytest.mark.threat(52)
def test_nobody_wakes_a_waiter_of_another_sandbox():
    """Both wait on the same page of a library, which the kernel knows by its file."""
    limits = Limits()
    with (
        Sandbox(["numpy"], limits) as one,
        Sandbox(["numpy"], limits) as other,
        one.worker() as waits,
        other.worker() as wakes,
    ):
        waiting, waking = (Remote(worker, {"m.py": WAITS.encode()}, "m", limits) for worker in (waits, wakes))
        waiting.wait()
        assert waking.wake() == 0


@pytest.mark.threat(52)
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has one uid")
def test_no_two_workers_have_the_same_uid_and_it_tells_nothing():
    """One that followed from our process number told how many processes there have been."""
    seen = []
    limits = Limits()
    with Sandbox(["numpy"], limits) as one, Sandbox(["numpy"], limits) as other:
        for sandbox in (one, other, one, one):
            with sandbox.worker() as worker:
                uid, gid = Remote(worker, {"m.py": CALLS.encode()}, "m", limits).who()
                assert uid == gid
                seen.append(uid)
        assert len({*seen[:3]}) == 3
        assert abs(seen[0] - seen[1]) > 1000
        assert {abs(uid - seen[0]) < 16 for uid in (seen[2], seen[3])} == {True}


@pytest.mark.threat(52)
def test_the_time_of_no_device_can_be_set(ask_remote):
    with ask_remote(CALLS) as answer:
        for name in answer.devices():
            with pytest.raises(OSError, match="Read-only file system"):
                answer.touch(f"/dev/{name}")


@pytest.mark.threat(52)
def test_what_is_said_of_the_processor_does_not_change():
    texts = runtime.runtime(["numpy", "torch"]).texts
    assert "MHz" not in texts["/proc/cpuinfo"]
    assert not [place for _, place in runtime.runtime(["numpy", "torch"]).mounts if place.startswith(("/proc", "/sys"))]


LIBRARY = """
import os, time
import numpy as np

def square(i): return i * i

def pool():
    import multiprocessing
    with multiprocessing.Pool(3) as workers: return workers.map(square, range(6))
def executor():
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2) as workers: return list(workers.map(square, range(6)))
def threads():
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(3) as workers: return list(workers.map(square, range(6)))
def queue():
    import multiprocessing
    items = multiprocessing.Queue()
    child = multiprocessing.Process(target=items.put, args=([square(i) for i in range(6)],))
    child.start()
    found = items.get(timeout=20)
    child.join()
    return found
def both_ways():
    import multiprocessing
    one, other = multiprocessing.Pipe()
    child = multiprocessing.Process(target=lambda: other.send([square(i) for i in other.recv()]))
    child.start()
    one.send(list(range(6)))
    found = one.recv()
    child.join()
    return found
def shared_array():
    import multiprocessing
    cells = multiprocessing.Array("d", 6)
    def fill():
        for i in range(6): cells[i] = square(i)
    child = multiprocessing.Process(target=fill)
    child.start()
    child.join()
    return [int(value) for value in cells]
def shared_counter():
    import multiprocessing
    total = multiprocessing.Value("i", 0)
    def count():
        for _ in range(100):
            with total.get_lock(): total.value += 1
    children = [multiprocessing.Process(target=count) for _ in range(3)]
    for child in children: child.start()
    for child in children: child.join()
    return [0, 1, 4, 9, 16, 25] if total.value == 300 else total.value
def shared_memory():
    from multiprocessing import Process, shared_memory
    block = shared_memory.SharedMemory(create=True, size=48)
    cells = np.ndarray(6, dtype=np.int64, buffer=block.buf)
    def fill(): np.ndarray(6, dtype=np.int64, buffer=block.buf)[:] = np.arange(6) ** 2
    child = Process(target=fill)
    child.start()
    child.join()
    found = [int(value) for value in cells]
    del cells
    block.close()
    block.unlink()
    return found
def event():
    import multiprocessing
    happened = multiprocessing.Event()
    child = multiprocessing.Process(target=happened.set)
    child.start()
    found = happened.wait(20)
    child.join()
    return [0, 1, 4, 9, 16, 25] if found else None
def a_lock_that_times_out():
    import multiprocessing
    lock = multiprocessing.Lock()
    lock.acquire()
    return None if lock.acquire(timeout=0.2) else [0, 1, 4, 9, 16, 25]
def a_loop():
    import asyncio
    async def all_of_them(): return [square(i) for i in range(6)]
    return asyncio.run(all_of_them())
def a_temporary_file():
    import tempfile
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, np.arange(6) ** 2)
        return [int(value) for value in np.load(file.name)]
def a_mapped_file():
    import tempfile
    with tempfile.NamedTemporaryFile() as file:
        cells = np.memmap(file.name, dtype=np.int64, mode="w+", shape=6)
        cells[:] = np.arange(6) ** 2
        cells.flush()
        return [int(value) for value in cells]
"""


@pytest.mark.parametrize(
    "way",
    "pool executor threads queue both_ways shared_array shared_memory shared_counter event a_lock_that_times_out "
    "a_loop a_temporary_file a_mapped_file".split(),
)
def test_what_pythons_own_library_does_with_processes_and_files_works(ask_remote, way):
    """`check` promises it (forecast.py), so that right code has its points."""
    with ask_remote(LIBRARY, seconds=30.0) as answer:
        assert getattr(answer, way)() == [0, 1, 4, 9, 16, 25]


LOADER = """
import torch
from torch.utils.data import DataLoader, TensorDataset
def loaded():
    data = TensorDataset(torch.arange(12.0).reshape(12, 1), torch.arange(12) > 3)
    batches = list(DataLoader(data, batch_size=5, num_workers=2))
    return torch.cat([x for x, _ in batches]).ravel().tolist(), [str(y.dtype) for _, y in batches]
"""


def test_a_loader_with_workers_of_its_own_works():
    limits = Limits(memory_mb=1536, seconds=60.0, test_seconds=60.0)
    with Sandbox(["numpy", "torch"], limits) as sandbox, sandbox.worker() as worker:
        values, kinds = Remote(worker, {"m.py": LOADER.encode()}, "m", limits).loaded()
    assert values == [float(i) for i in range(12)]
    assert kinds == ["torch.bool"] * 3
