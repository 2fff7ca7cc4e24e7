"""Memory of a whole process tree, watched from outside, where no cgroup can be written.

Twenty times a second the private memory of all processes below one is added up; past the limit the tree is killed. A
burst between two looks is stopped by each process's own RLIMIT_DATA, and what it writes by the size of its tmpfs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

INTERVAL = 0.05  # seconds between two looks


class Watchdog:
    def __init__(self, pid: int, memory_mb: int, kill: Callable[[], None]) -> None:
        self.bitten = False
        self._pid, self._limit, self._kill = pid, memory_mb * 2**20, kill
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            if sum(private_bytes(pid) for pid in tree(self._pid)) > self._limit:
                self.bitten = True
                self._kill()
                return


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


def private_bytes(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")
