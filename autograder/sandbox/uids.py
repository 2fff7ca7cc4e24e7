"""Uids that own nothing on this machine, some for each sandbox while it lives.

What the kernel counts by user (processes, signals, pages of pipes) two workers must not share, so no two that live at
once have the same uid. A block of uids is claimed by a name among the unix sockets that have no file: the kernel gives
it up with the process that holds it. Blocks are drawn by lot. A uid that followed from our own process number told
each submission how many processes there had been on the machine since the one before it.
"""

from __future__ import annotations

import contextlib
import secrets
import socket

from autograder.core.errors import SandboxUnavailable

COUNT = 16  # of a block: for workers, of which two live at once, and the last for who is of neither (uid_fallback.py)
TRIES = 200
RANGES = {True: (1_900_000_000, 200_000_000), False: (30_000, 30_000)}  # first and how many; a container may have few


class Uids:
    """A block, until it is closed. Raises SandboxUnavailable where none is free."""

    def __init__(self) -> None:
        first, size = RANGES[_all_are_here()]
        for _ in range(TRIES):
            self.first = first + COUNT * secrets.randbelow(size // COUNT)
            self._claim = socket.socket(socket.AF_UNIX)
            try:
                self._claim.bind(f"\0deepgrade-uids-{self.first}")
                return
            except OSError:
                self._claim.close()
        raise SandboxUnavailable(
            f"no uids are free for a sandbox: {TRIES} blocks between {first:,} and {first + size:,} are taken"
        )

    @property
    def workers(self) -> tuple[int, int]:
        """(first, how many) for workers."""
        return self.first, COUNT - 1

    @property
    def bystander(self) -> int:
        """One that no worker has."""
        return self.first + COUNT - 1

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._claim.close()


def _all_are_here() -> bool:
    """Has this user namespace all uids? In most containers it has 65,536."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return int(file.read().split()[-1]) > 2**31
