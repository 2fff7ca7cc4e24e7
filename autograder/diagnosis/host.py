"""What the kernel of this machine says of itself. Nothing is changed."""

from __future__ import annotations

import os
import re
from pathlib import Path

PROC = Path("/proc")
CAP_SYS_ADMIN = 21
NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")  # that bubblewrap or the zygote makes
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


class Host:
    """Readings from /proc. `proc` and `uid` are other ones in tests."""

    def __init__(self, proc: Path | None = None, uid: int | None = None, release: str | None = None) -> None:
        self._proc = proc or PROC
        self.is_root = (os.geteuid() if uid is None else uid) == 0
        self.release = release or os.uname().release

    def sysctl(self, name: str) -> int | None:
        """`user.max_user_namespaces` -> its number; None where this kernel has no such setting."""
        try:
            return int((self._proc / "sys" / name.replace(".", "/")).read_text())
        except (OSError, ValueError):
            return None

    @property
    def version(self) -> tuple[int, int]:
        """(6, 1) of "6.1.0-18-amd64"."""
        found = re.match(r"(\d+)\.(\d+)", self.release)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def has_seccomp(self) -> bool:
        """Can it filter system calls? A kernel built without that has no such line."""
        return any(line.startswith("Seccomp:") for line in self._status())

    @property
    def may_administer(self) -> bool:
        """Have we CAP_SYS_ADMIN, without which root can make no namespace?"""
        for line in self._status():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> CAP_SYS_ADMIN & 1)
        return False

    @property
    def exhausted(self) -> list[str]:
        """Settings that allow not one namespace of their kind."""
        names = [f"user.max_{kind}_namespaces" for kind in NAMESPACES]
        return [name for name in names if self.sysctl(name) == 0]

    @property
    def apparmor_restricts(self) -> bool:
        """Ubuntu 23.10 and later: an ordinary user's program makes user namespaces only where a profile lets it."""
        return bool(self.sysctl("kernel.apparmor_restrict_unprivileged_userns"))

    @property
    def is_container(self) -> bool:
        """As far as Docker and Podman say so."""
        return any(Path(mark).exists() for mark in CONTAINER_MARKS)

    def _status(self) -> list[str]:
        try:
            return (self._proc / "self" / "status").read_text().splitlines()
        except OSError:
            return []
