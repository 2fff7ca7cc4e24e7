"""Programs that stand in for bubblewrap, and say what the real one says on a machine that is not at hand."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

# What bubblewrap 0.5 to 0.12 print, each with what an ordinary user and root are told of it.
NO_PERMISSION = (
    "bwrap: No permissions to creating new namespace, likely because the kernel does not allow non-privileged user "
    "namespaces. On e.g. debian this can be enabled with 'sysctl kernel.unprivileged_userns_clone=1'."
)
NO_PERMISSION_SINCE_0_9 = NO_PERMISSION.replace("creating new", "create a new")
NOT_SUPPORTED = (
    "bwrap: Creating new namespace failed, likely because the kernel does not support user namespaces.  bwrap must be "
    "installed setuid on such systems."
)
EXHAUSTED = "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)"
NOT_PERMITTED = "bwrap: Creating new namespace failed: Operation not permitted"
UID_MAP = "bwrap: setting up uid map: Permission denied"
LOOPBACK = "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted"
SLAVE = "bwrap: Failed to make / slave: Permission denied"
PIVOT = "bwrap: pivot_root: Operation not permitted"
MOUNT = "bwrap: Failed to mount tmpfs: Operation not permitted"
UNKNOWN_OPTION = "bwrap: Unknown option --clearenv"
FILE_CAPABILITIES = "bwrap: Unexpected capabilities but not setuid, old file caps config?"

# What the sandbox says of its own first process, where that may not make namespaces inside of bubblewrap's.
WORKER = "a worker did not start: deepgrade: [Errno 1] cannot make namespaces: Operation not permitted"


def bwrap(folder: Path, line: str = "", version: str = "bubblewrap 0.8.0") -> dict[str, str]:
    """A bwrap in that folder which prints the line and ends; the variables with which it is found."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "bwrap"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo {shlex.quote(version)}; exit 0; fi\n'
        f"echo {shlex.quote(line)} >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}
