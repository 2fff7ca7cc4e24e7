"""A worker without namespaces, for containers that forbid them and are thrown away afterwards.

    zygote (root) ── supervisor (root; all orphans come to it)
                       └── worker: a uid that no other has, no capability, seccomp, rlimits

There is no mount of its own, so nothing may be written at all: between writing the student's files and importing them
the worker seals itself (no file can be created or grow), and what it may read is what any stranger may read in that
container: whoever starts this keeps tests and results in folders of mode 0700. There is no network, since there are no
sockets. When the worker ends, or the zygote does, the supervisor kills every process of that uid, and goes when none is
left.
"""

from __future__ import annotations

import base64
import contextlib
import os
import resource
import shutil
import signal
import time
from typing import Any

from autograder.student_process.restrictions import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    complain,
    drop_rights,
    filter_calls,
    libc,
    limit,
    must,
    only,
)

KILL_SECONDS = 20.0  # for the kernel to take away what was killed; past it the supervisor ends with a complaint


def supervise(
    control: Any, fds: list[int], order: dict[str, Any], settings: dict[str, Any], program: bytes, uid: int
) -> None:
    """In the supervisor, which ends when all of its worker's uid is gone. Never returns."""
    ended = False
    parent = os.getppid()
    bystander = settings["bystander"]
    folder = f"{settings['folder']}/{order['id']}"

    def end(*signal_and_frame: object) -> None:
        nonlocal ended
        ended = True
        kill(uid, bystander)

    try:
        os.setpgid(0, 0)
        control.close()
        signal.signal(signal.SIGTERM, end)
        must(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become a subreaper")
        must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0), "end with the zygote")
        if os.getppid() != parent:
            os._exit(0)  # it went before we could ask to go with it
        if processes_of(uid):
            raise OSError(f"uid {uid} has processes already")
        os.mkdir(folder, 0o700)
        os.chown(folder, uid, uid)
        worker = os.fork()
        if worker == 0:
            _run_worker(fds, order, settings, program, uid, folder)
        for fd in fds:
            os.close(fd)
        if ended:
            kill(uid, bystander)
        code = _wait_for(worker)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _clear_away(uid, bystander)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(code if code >= 0 else 128 - code)
    except BaseException as error:
        kill(uid, bystander)
        shutil.rmtree(folder, ignore_errors=True)
        complain(error)


def kill(uid: int, bystander: int) -> None:
    """Every process of the uid, at once: one call, during which the kernel lets none of them fork.

    Whoever makes it may signal that uid, as its effective one, but is not of it: they cannot strike first.
    """
    killer = os.fork()
    if killer == 0:
        try:
            os.setgroups([])
            os.setresgid(bystander, bystander, bystander)
            os.setresuid(bystander, uid, bystander)
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except BaseException:
            os._exit(1)
        os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(killer, 0)


def processes_of(uid: int) -> list[int]:
    """Those that still run; zombies do not."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/status", encoding="ascii", errors="replace") as file:
                lines = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
        except OSError:
            continue
        if str(uid) in lines.get("Uid", "").split() and not lines.get("State", "").strip().startswith(("Z", "X")):
            found.append(int(name))
    return found


def _wait_for(worker: int) -> int:
    while True:
        pid, raw = os.waitpid(-1, 0)
        if pid == worker:
            return os.waitstatus_to_exitcode(raw)


def _clear_away(uid: int, bystander: int) -> None:
    """Kill and reap until nothing of the uid is left. Raises OSError where something stays."""
    deadline = time.monotonic() + KILL_SECONDS
    while True:
        kill(uid, bystander)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not processes_of(uid):
            return
        if time.monotonic() > deadline:
            raise OSError(f"processes of uid {uid} are left")
        time.sleep(0.005)


def _run_worker(
    fds: list[int], order: dict[str, Any], settings: dict[str, Any], program: bytes, uid: int, folder: str
) -> None:
    """Build the walls, then serve. Never returns."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        data, output = fds
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        data = only(data)
        os.setsid()
        os.umask(0o077)
        limit(order)
        drop_rights(uid)
        must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "die with the supervisor")
        for path in settings["readable"]:
            if not os.access(path, os.R_OK):
                raise OSError(f"another uid cannot read {path}; open the folders above it: chmod o+x")
        filter_calls(program)
        sealing = base64.b64decode(settings["sealing"])

        from autograder.student_process import serve

        def seal() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            filter_calls(sealing)
    except BaseException as error:
        complain(error)
    serve.serve(data, folder, seal)
