"""Memory of a whole process tree, watched from outside, where no cgroup can be written.

Twenty times a second what all processes below one hold is added up; past the limit the tree is killed. A burst between
two looks is stopped by each process's own RLIMIT_DATA, what it writes by the size of its tmpfs, and shared memory
without a file, which can be held without being mapped, by the system-call filter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from autograder.core.errors import SandboxUnavailable

HELD = ("RssAnon:", "RssShmem:", "VmPTE:", "VmSwap:")
INTERVAL = 0.05  # seconds between two looks


class Watchdog:
    def __init__(self, pid: int, memory_mb: int, kill: Callable[[], None]) -> None:
        self.bitten = False
        self.peak = 0  # bytes, the most that was seen since somebody set it to 0
        self._pid, self._limit, self._kill = pid, memory_mb * 2**20, kill
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            held = sum(held_bytes(pid) for pid in tree(self._pid))
            self.peak = max(self.peak, held)
            if held > self._limit:
                self.bitten = True
                self._kill()
                return


def check_that_it_can_watch() -> None:
    """Raises SandboxUnavailable on a kernel that does not say who is whose child: every tree would look empty."""
    if not Path(f"/proc/self/task/{threading.get_native_id()}/children").exists():
        raise SandboxUnavailable(
            "memory cannot be limited here: no cgroup can be written, and /proc does not list children; run as root, "
            "or set DEEPGRADE_CGROUP to a cgroup of version 2 that is delegated to this user"
        )


def tree(pid: int) -> list[int]:
    """A process and all below it, as far as they are still there."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        found.append(parent)
        try:
            for thread in Path(f"/proc/{parent}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
    return found


def held_bytes(pid: int) -> int:
    """Its anonymous and shared memory, swapped out or not, and its page tables; not the files it has mapped."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(HELD))
