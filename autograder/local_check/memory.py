"""A limit of memory in the process of `check`, where the system has one that holds: Linux.

RLIMIT_DATA bounds what a process has written or may write: heaps, arrays and private mappings. An allocation past it
fails, and numpy raises MemoryError. macOS does not apply it to mappings, and Windows does not have it.

    limit = what the process has when a test begins + SLACK * the server's limit
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SLACK = 2.0  # times the server's limit: here a test's own arrays and those of the student are in one process
STATUS = Path("/proc/self/status")


def _used() -> int | None:
    """Bytes that count, or None where the system does not say."""
    try:
        found = re.search(r"^VmData:\s+(\d+) kB", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


AVAILABLE = sys.platform == "linux" and resource is not None and _used() is not None


@contextlib.contextmanager
def limited(megabytes: float) -> Iterator[None]:
    """Around one test. Where the system cannot limit memory, nothing is limited."""
    used = _used() if AVAILABLE else None
    if used is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used + int(SLACK * megabytes * 2**20)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
