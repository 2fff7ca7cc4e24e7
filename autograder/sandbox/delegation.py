"""The cgroup that a service manager has delegated to this process, as systemd does with `Delegate=yes`.

    /system.slice/deepgrade-web.service          delegated; the sandboxes' cgroups are made here
      ├── service                                this process, and all that it starts
      ├── deepgrade-812-0                        a sandbox, with limits
      └── ...

In version 2 a cgroup passes controllers on only while it holds no process itself. So this process moves into a cgroup
below, before it starts others. It does that only where it is alone in its cgroup: a shell, or a session of a desktop,
has other processes beside it, and is left as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

CONTROLLERS = ("memory", "pids")
OWN = "service"  # the cgroup of this process
ROOT = Path("/sys/fs/cgroup")


def find(root: Path = ROOT, process: Path = Path("/proc/self/cgroup")) -> Path | None:
    """The delegated cgroup, with this process in a cgroup below it; None where there is none."""
    folder = _own_cgroup(root, process)
    if folder is None or not _is_delegated(folder):
        return None
    if folder.name == OWN and _is_delegated(folder.parent) and _controllers(folder.parent, "subtree_control"):
        return folder.parent  # an earlier call has moved this process
    if not _controllers(folder, "controllers"):
        return None
    if (folder / "cgroup.procs").read_text().split() != [str(os.getpid())]:
        return None
    try:
        (folder / OWN).mkdir(exist_ok=True)
        (folder / OWN / "cgroup.procs").write_text(str(os.getpid()))
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
    except OSError:
        return None
    return folder


def _own_cgroup(root: Path, process: Path) -> Path | None:
    """The folder of this process's cgroup of version 2; None where memory and processes are limited by version 1."""
    if not (root / "cgroup.controllers").exists():
        return None
    try:
        lines = process.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        number, _, path = line.split(":", 2)
        if number == "0":
            return root / path.lstrip("/")
    return None


def _is_delegated(folder: Path) -> bool:
    """May this user make cgroups there, and move processes between them?"""
    files = (folder / "cgroup.procs", folder / "cgroup.subtree_control")
    return os.access(folder, os.W_OK) and all(os.access(file, os.W_OK) for file in files)


def _controllers(folder: Path, name: str) -> bool:
    try:
        return set(CONTROLLERS) <= set((folder / f"cgroup.{name}").read_text().split())
    except OSError:
        return False
