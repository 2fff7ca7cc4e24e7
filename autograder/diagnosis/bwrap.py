"""Bubblewrap: where it is, its version, and the known faults of that version.

`--clearenv` came with 0.5.0, so an older one cannot start a sandbox of ours.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from functools import cache

from autograder.core.errors import SandboxUnavailable

LEAST = (0, 5, 0)
VERSION_SECONDS = 10.0  # for `bwrap --version`; past it the version is not known


@dataclass(frozen=True)
class Fault:
    """A published fault of bubblewrap's. since <= version < mended is affected."""

    name: str
    since: tuple[int, ...]
    mended: tuple[int, ...]
    only_setuid: bool
    effect: str


# From the project's advisories: github.com/containers/bubblewrap/security/advisories. Versions below LEAST start no
# sandbox of ours, so faults that they alone have are not listed.
FAULTS = (
    Fault(
        "CVE-2026-41163",
        (0, 11, 0),
        (0, 11, 2),
        True,
        "installed setuid, it lets an ordinary user of this machine mount overlays; take the setuid bit away",
    ),
    Fault(
        "CVE-2026-87766",
        (0, 0, 0),
        (0, 12, 0),
        False,
        "a symbolic link in what is mounted can lead it out of the sandbox; deepgrade mounts only the interpreter, its "
        "libraries and packages, so nobody but their owner could place one",
    ),
)


def path() -> str:
    """Where it is. Raises SandboxUnavailable where it is not installed."""
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailable("bubblewrap is not installed; run: apt-get install bubblewrap")
    return found


@cache
def version(program: str) -> tuple[int, ...] | None:
    """(0, 8, 0); None where it does not say."""
    try:
        said = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_SECONDS,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"bubblewrap (\d+(?:\.\d+)+)", said)
    return tuple(map(int, found[1].split("."))) if found else None


def check(program: str) -> None:
    """Raises SandboxUnavailable for a version that cannot start a sandbox of ours."""
    known = version(program)
    if known is not None and known < LEAST:
        raise SandboxUnavailable(
            f"{program} is bubblewrap {_words(known)}, and deepgrade needs {_words(LEAST)} or later; install a newer "
            "one, before it on the PATH"
        )


def faults(known: tuple[int, ...], setuid: bool) -> list[Fault]:
    """The faults of a version, installed setuid or not."""
    return [fault for fault in FAULTS if fault.since <= known < fault.mended and (setuid or not fault.only_setuid)]


def description(program: str) -> str:
    """For `doctor`: the version, and a warning for each of its faults, which a distribution may have mended."""
    known = version(program)
    if known is None:
        return f"{program} does not say its version"
    setuid = bool(os.stat(program).st_mode & stat.S_ISUID)
    sentences = [f"version {_words(known)}{', setuid' if setuid else ''}"]
    for fault in faults(known, setuid):
        sentences.append(
            f"warning: {fault.name}, unless your distribution has mended it (upstream: {_words(fault.mended)}): "
            f"{fault.effect}"
        )
    return "; ".join(sentences)


def _words(known: tuple[int, ...]) -> str:
    return ".".join(map(str, known))
