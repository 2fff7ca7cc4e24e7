"""The command line that starts bubblewrap, and the environment of a student's code."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from autograder.course.manifest import Limits
from autograder.sandbox.gpu import Gpu
from autograder.sandbox.runtime import Runtime

# Not zero: shared mappings of it are memory that no limit counts. Not random: on kernels before 5.6 who reads it sees
# how much others have taken.
DEVICES = {"null": "null", "full": "full", "random": "urandom", "urandom": "urandom"}


def is_root() -> bool:
    return os.geteuid() == 0


def walls(box: Runtime, limits: Limits, gpu: Gpu | None = None, texts: dict[str, int] | None = None) -> list[str]:
    """Bubblewrap's arguments, up to the program behind it.

    texts : places in the sandbox, and for each a descriptor of what comes there.
    """
    flags = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    flags += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL"]
    rights = ["CAP_SYS_ADMIN", "CAP_SETPCAP"]
    if is_root():
        rights += ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"]
    else:
        flags += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    for right in rights:
        flags += ["--cap-add", right]
    # Made by name, since bubblewrap makes the parents of a mount readable by their owner alone.
    places = [*(place for _, place in box.mounts), *(texts or {})]
    parents = {parent for place in places for parent in PurePosixPath(place).parents}
    for folder in sorted(map(str, parents - {PurePosixPath("/")})):
        flags += ["--dir", folder]
    for path, place in box.mounts:
        flags += ["--ro-bind", str(path), place]
    for target, link in box.links:
        flags += ["--symlink", target, link]
    for place, descriptor in (texts or {}).items():
        flags += ["--file", str(descriptor), place]
    for place in box.hidden:
        flags += ["--tmpfs", place, "--remount-ro", place]
    flags += ["--dir", "/tmp", "--dir", "/dev/shm"]
    for name, node in DEVICES.items():
        flags += ["--dev-bind", f"/dev/{node}", f"/dev/{name}"]
    for path in gpu.nodes if gpu else []:
        flags += ["--dev-bind", str(path), f"/dev/{path.name}"]
    for name, value in environment(limits).items():
        flags += ["--setenv", name, value]
    return [*flags, "--remount-ro", "/", "--chdir", "/"]


def environment(limits: Limits) -> dict[str, str]:
    """All that a student's code finds in its environment."""
    threads = str(limits.threads)
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **dict.fromkeys(names, threads),
        "PYTHONPATH": "/site:/engine",
        "PYTHONHASHSEED": "0",
        "LD_LIBRARY_PATH": "/runtime/lib",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "MPLCONFIGDIR": "/tmp",
        "TORCHINDUCTOR_CACHE_DIR": "/tmp",  # made at import, so it must be there already
    }


def readable(text: str) -> int:
    """A descriptor from which the text can be read, once."""
    descriptor = os.memfd_create("text")
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
