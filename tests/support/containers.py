"""Processes in other surroundings than ours: as nobody, or as root of a container that may make no namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent

# What Docker leaves to root of a container: no CAP_SYS_ADMIN, hence no mounts and no namespaces.
DOCKER = """chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod
audit_write setfcap""".split()


def as_nobody(command: list[str], readable: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run a command as uid 65534, which must read the interpreter, this repository and `readable`."""
    drop = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent "$@"'
    return elsewhere([*passable(readable), drop], command)


def in_container(
    command: list[str],
    readable: list[Path],
    *,
    steps: Sequence[str] = (),
    root: str = "/",
    namespaces: bool = False,
    without: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a command as root of a container, below `root`, after steps in shell.

    namespaces : root keeps all its rights; else those that Docker leaves it, less those in `without`.
    """
    rights = ",".join(f"+{name}" for name in DOCKER if name not in without)
    drop = "" if namespaces else f"setpriv --bounding-set=-all,{rights} --inh-caps=-all"
    return elsewhere([*passable(readable), *steps, f'exec {drop} chroot {root} "$@"'], command)


def passable(readable: list[Path]) -> list[str]:
    """Folders on the way that only root may enter (/root, say) are replaced by empty ones that hold just what is
    needed; of the mount namespace in which this is run alone."""
    needed = [Path(sys.base_prefix), Path(sys.prefix), REPOSITORY, *readable]
    steps = []
    for shut in sorted({parent for path in needed for parent in path.parents if not parent.stat().st_mode & 0o001}):
        inside = [path for path in needed if shut in path.parents]
        for number, path in enumerate(inside):
            steps += [f"k{number}=$(mktemp -d)", f"mount --bind '{path}' $k{number}"]
        steps.append(f"mount -t tmpfs -o mode=755 tmpfs '{shut}'")
        for number, path in enumerate(inside):
            steps += [f"mkdir -p '{path}'", f"mount --bind $k{number} '{path}'"]
    return steps


def elsewhere(steps: list[str], command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace of its own, after steps in shell; the last of them must `exec "$@"`."""
    script = "\n".join(["set -e", "umask 022", *steps])
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd="/",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
