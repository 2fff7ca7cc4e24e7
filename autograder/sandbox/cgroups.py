"""Memory and processes of all of a sandbox together, by cgroup where one can be written.

    version 1: a folder below our own in the `memory` and `pids` hierarchies (needs root)
    version 2: a folder below DEEPGRADE_CGROUP, a delegated, empty cgroup with both controllers (delegation.py
               finds that of a systemd unit)

Where neither can be had, `make` returns None, and rlimits with a watchdog (watchdog.py) take its place.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from pathlib import Path

_numbers = itertools.count()


class Cgroup:
    """One sandbox's cgroup: `enter` are the files that a process writes its pid to, to join."""

    def __init__(self, version: int, folders: dict[str, Path]) -> None:
        self.version = version
        self._folders = folders

    @property
    def enter(self) -> list[Path]:
        return sorted({folder / "cgroup.procs" for folder in self._folders.values()})

    def take_over(self, other: Cgroup) -> None:
        """All processes of another one. What they hold by then is counted there, and goes with it."""
        for name, folder in self._folders.items():
            while pids := (other._folders[name] / "cgroup.procs").read_text().split():
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        (folder / "cgroup.procs").write_text(pid)

    def out_of_memory_kills(self) -> int:
        """How many processes the kernel has killed in it for want of memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        for line in (self._folders["memory"] / name).read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return int(value)
        return 0

    def peak_memory(self) -> int | None:
        """Bytes, the most since `forget_the_peak`; None where this kernel does not say."""
        try:
            return int((self._folders["memory"] / self._peak).read_text())
        except (OSError, ValueError):
            return None

    def forget_the_peak(self) -> None:
        with contextlib.suppress(OSError):  # a kernel before 6.12, version 2: then it is that of the whole job
            (self._folders["memory"] / self._peak).write_text("0")

    @property
    def _peak(self) -> str:
        return "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"

    def remove(self) -> None:
        """Gone once its last process is; a few milliseconds after the kill."""
        for folder in set(self._folders.values()):
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)


def make(memory_mb: int, processes: int) -> Cgroup | None:
    """A cgroup with these limits, or None where none can be written."""
    return _version_1(memory_mb, processes) or _version_2(memory_mb, processes)


def _name() -> str:
    return f"deepgrade-{os.getpid()}-{next(_numbers)}"


def _sweep(parent: Path) -> None:
    """Away with what killed judges left behind; the kernel keeps one that still holds a process."""
    for folder in parent.glob("deepgrade-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _version_1(memory_mb: int, processes: int) -> Cgroup | None:
    folders = {}
    name = _name()
    try:
        for controller in ("memory", "pids"):
            own = _own_folder(controller)
            if own is None:
                return None
            _sweep(own)
            folder = own / name
            folder.mkdir()
            folders[controller] = folder
        size = memory_mb * 2**20
        (folders["memory"] / "memory.limit_in_bytes").write_text(str(size))
        swap = folders["memory"] / "memory.memsw.limit_in_bytes"
        if swap.exists():
            swap.write_text(str(size))
        (folders["pids"] / "pids.max").write_text(str(processes))
    except OSError:
        Cgroup(1, folders).remove()
        return None
    return Cgroup(1, folders)


def _own_folder(controller: str) -> Path | None:
    """Our own place in a version 1 hierarchy."""
    mounted = None
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split(" ")
        if kind == "cgroup" and controller in options.split(","):
            mounted = Path(place)
    if mounted is None:
        return None
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return mounted / path.lstrip("/")
    return None


def _version_2(memory_mb: int, processes: int) -> Cgroup | None:
    given = os.environ.get("DEEPGRADE_CGROUP")
    if not given:
        return None
    folder = Path(given) / _name()
    try:
        (folder.parent / "cgroup.subtree_control").write_text("+memory +pids")
        _sweep(folder.parent)
        folder.mkdir()
        (folder / "memory.max").write_text(str(memory_mb * 2**20))
        swap = folder / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")
        (folder / "pids.max").write_text(str(processes))
    except OSError:
        Cgroup(2, {"memory": folder}).remove()
        return None
    return Cgroup(2, {"memory": folder, "pids": folder})
