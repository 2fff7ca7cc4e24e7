"""A sandbox: bubblewrap's namespaces around one zygote, and workers forked from it.

Two ways to the same walls, by who we are:

    an ordinary user   a user namespace; the worker is nobody in it
    root               no user namespace (its interpreter may lie where only root can look); every worker changes to a
                       uid that owns nothing and that no other one has, so that kernel limits by user are not shared

In both, the zygote keeps just the capabilities to make namespaces and to drop itself down; a worker has none. A test is
over when the last process of its worker is gone: what it held (memory, processes) is there for the next one.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import Any

from autograder.errors import Died, GraderError, OutOfMemory, SandboxLost, SandboxUnavailable, StudentGone
from autograder.manifest import Limits
from autograder.sandbox import cgroups, seccomp
from autograder.sandbox.gpu import Gpu
from autograder.sandbox.runtime import Runtime, runtime
from autograder.sandbox.uids import Uids
from autograder.sandbox.watchdog import Watchdog, check_that_it_can_watch
from autograder.worker import READY

START_SECONDS = 90.0  # for the zygote to import its packages; past it the sandbox is unavailable
READY_SECONDS = 30.0  # from fork to "ready", before any student code; past it the sandbox is lost
ANSWER_SECONDS = 30.0  # for the zygote to kill and reap a worker; past it the sandbox is lost
GRACE_SECONDS = 1.0  # for a worker that hung up to end by itself, so that its exit status can be told
OWN_PROCESSES = 8  # bubblewrap's two, the zygote, a keeper and an init, and the next worker's three
OWN_MEMORY_MB = 64  # of the zygote and its kin
# Not zero: shared mappings of it are memory that no limit counts. Not random: on kernels before 5.6 who reads it sees
# how much others have taken.
DEVICES = {"null": "null", "full": "full", "random": "urandom", "urandom": "urandom"}

_numbers = itertools.count()

# Joins the cgroups named before "--", then becomes the program behind it. No word of it comes from a student.
ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 97; shift; done; shift; exec "$@"'


class Sandbox:
    """Starts at once, in the background; `worker` waits until it is ready. Close it, or use it as a context."""

    def __init__(
        self, packages: list[str], limits: Limits, preload: Sequence[str] = (), *, gpu: Gpu | None = None
    ) -> None:
        """gpu : its device nodes are in the sandbox, and calls of its driver are let through."""
        self._gpu = gpu
        self.runtime = runtime(packages, preload)
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._spare: Worker | None = None
        self._watchdog: Watchdog | None = None
        self._kills = 0  # for want of memory, when last looked at
        self._start()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def walls(self) -> str:
        """In words, for the report."""
        limited = f"cgroup v{self._cgroup.version}" if self._cgroup else "rlimits and watchdog"
        return f"bubblewrap, {'dropped uid' if _root() else 'user namespace'}, seccomp, {limited}"

    def worker(self) -> Worker:
        """A fresh worker; the next one is made ready meanwhile.

        Raises SandboxUnavailable or SandboxLost: our fault, whatever the student's code does.
        """
        if self._process is None or self._process.poll() is not None or self._fallen:
            self.close()
            self._start()
        self._wait_until_ready()
        try:
            worker = self._take()
        except SandboxLost:
            # The spare, or the zygote, may have fallen with the test before it, when memory or processes ran out.
            self.close()
            self._start()
            self._wait_until_ready()
            worker = self._take()
        self.memory_was_exceeded()  # forget what an earlier worker did
        self.forget_the_peak()
        self._spare = Worker(self)
        return worker

    def _take(self) -> Worker:
        worker, self._spare = self._spare or Worker(self), None
        try:
            worker.wait_until_ready()
        except SandboxLost:
            worker.discard()
            raise
        return worker

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if self._spare:
            self._spare.discard()
            self._spare = None
        self._control.close()
        if self._watchdog:
            self._watchdog.stop()
        _kill(process)
        self._errors.close()
        if self._cgroup:
            self._cgroup.remove()
        if self._uids:
            self._uids.close()

    # between the sandbox and its workers

    def tell(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Give the zygote an order. Raises SandboxLost."""
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], list(fds))
        except OSError as error:
            raise self._lost(error) from error

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Give an order and hear its answer. Raises SandboxLost."""
        self.tell(message)
        try:
            return self._answer(ANSWER_SECONDS)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> SandboxLost:
        self._fallen = True  # a late answer must not be taken for one to the next order
        return SandboxLost(f"the sandbox is gone: {error}; {self._words()}".strip("; "))

    @property
    def limits(self) -> Limits:
        return self._limits

    def memory_was_exceeded(self) -> bool:
        """Since the last time this was asked."""
        if self._watchdog and self._watchdog.bitten:
            return True
        if self._cgroup is None:
            return False
        kills, self._kills = self._kills, self._cgroup.out_of_memory_kills()
        return self._kills > kills

    def peak_memory(self) -> int | None:
        """Bytes, the most that all of it has held since `forget_the_peak`; None where nothing counts them."""
        if self._watchdog:
            return self._watchdog.peak
        return self._cgroup.peak_memory() if self._cgroup else None

    def forget_the_peak(self) -> None:
        if self._watchdog:
            self._watchdog.peak = 0
        if self._cgroup:
            self._cgroup.forget_the_peak()

    # starting

    def _start(self) -> None:
        limits = self._limits
        # What may be missing here is asked for first, so that nothing is left behind without it.
        seccomp.program(self._gpu is not None)
        self._check()
        self._uids = Uids() if _root() else None
        self._cgroup = cgroups.make(limits.memory_mb + OWN_MEMORY_MB, limits.processes + OWN_PROCESSES)
        if self._cgroup is None:
            check_that_it_can_watch()
        self._kills = 0
        self._ready = self._fallen = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the sandbox
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        texts = {place: _readable(text) for place, text in self.runtime.texts.items()}
        command = self._command(theirs.fileno(), texts)
        if self._cgroup:
            command = ["/bin/sh", "-c", ENTER, "sh", *map(str, self._cgroup.enter), "--", *command]
        with theirs, _memory_unlimited(), ExitStack() as passed:
            for descriptor in texts.values():
                passed.callback(os.close, descriptor)
            # Started from the calling thread: --die-with-parent means the thread.
            self._process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=(theirs.fileno(), *texts.values()),
                cwd="/",
            )
        pid = self._process.pid
        self._watchdog = None if self._cgroup else Watchdog(pid, limits.memory_mb + OWN_MEMORY_MB, self._bite)

    def _check(self) -> None:
        """Raises SandboxUnavailable where a program is missing."""
        _bwrap()

    def _command(self, control: int, texts: dict[str, int]) -> list[str]:
        """What starts the zygote behind its walls.

        texts : places in the sandbox, and for each a descriptor of what comes there.
        """
        settings = {
            "imports": self.runtime.imports,
            "preload": self.runtime.preload,
            "uids": self._uids.workers if self._uids else None,
            "filter": base64.b64encode(seccomp.program(self._gpu is not None)).decode(),
        }
        program = ["/runtime/bin/python3", "-S", "-s", "-P", "-B", "/engine/autograder/worker/zygote.py"]
        walls = [_bwrap(), *_arguments(self.runtime, self._limits, self._gpu, texts)]
        return [*walls, "--", *program, *self._words_of(control, settings)]

    def _words_of(self, control: int, settings: dict[str, Any]) -> list[str]:
        return [str(control), json.dumps(settings)]

    def _environment(self) -> dict[str, str]:
        """Of bubblewrap itself, which sets that of what is behind it."""
        return {}

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        try:
            self._answer(START_SECONDS)
        except (OSError, ValueError) as error:
            words = self._words() or str(error)
            self.close()
            raise SandboxUnavailable(f"no sandbox could be started: {words}; `deepgrade doctor` says more") from error
        self._ready = True

    def _answer(self, seconds: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._control], [], [], seconds)
        if not ready:
            raise ValueError(f"no answer within {seconds:g} s")
        data = self._control.recv(65536)
        if not data:
            raise ValueError("it ended")
        return json.loads(data)

    def _bite(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def _words(self) -> str:
        """The last line that bubblewrap, or the zygote, wrote."""
        self._errors.seek(0)
        lines = self._errors.read(65536).decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""


class Worker:
    """One test's process. Leave its context to end it and everything that it has started."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._id = next(_numbers)
        self._ended = False
        limits = sandbox.limits
        self.socket, data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.output, pipe = os.pipe()
        os.set_blocking(self.output, False)
        order = {
            "op": "spawn",
            "id": self._id,
            "memory_mb": limits.memory_mb,
            "files_mb": limits.files_mb,
            # An ordinary user has one uid here, which our own processes have as well.
            "processes": limits.processes + (0 if _root() else OWN_PROCESSES),
        }
        try:
            sandbox.tell(order, (data.fileno(), pipe))
        except BaseException:
            self._close()
            raise
        finally:
            data.close()
            os.close(pipe)

    def wait_until_ready(self) -> None:
        """Its walls stand, and it has said so, before there is a student's file in it. Raises SandboxLost."""
        self.socket.settimeout(READY_SECONDS)
        try:
            said = self.socket.recv(len(READY), socket.MSG_WAITALL)
        except OSError as error:
            raise SandboxLost(f"a worker did not start: {error}") from error
        finally:
            self.socket.setblocking(False)
        if said != READY:
            raise SandboxLost(f"a worker did not start: {self._complaint()}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.end()
        except SandboxLost:
            # What it left running may have brought the sandbox down after its last answer: its own fault, not ours.
            if not self.ran_out_of_memory():
                raise
            raise OutOfMemory("used more memory than the limit") from None
        finally:
            self._close()

    def discard(self) -> None:
        """Of one that no test has used."""
        with contextlib.suppress(SandboxLost):
            self.end()
        self._close()

    def _close(self) -> None:
        self.socket.close()
        os.close(self.output)

    def _complaint(self) -> str:
        try:
            return os.read(self.output, 1000).decode(errors="replace").strip()
        except OSError:
            return "it hung up"

    def end(self, grace_seconds: float = 0.0) -> int:
        """Kill it; its exit status, negative where it still ran after the grace. Raises SandboxLost."""
        if self._ended:
            return 0
        self._ended = True
        return int(self._sandbox.ask({"op": "end", "id": self._id, "grace_seconds": grace_seconds})["status"])

    def peak_memory(self) -> int | None:
        return self._sandbox.peak_memory()

    def ran_out_of_memory(self) -> bool:
        """Has the limit been reached since this was last asked?"""
        return self._sandbox.memory_was_exceeded()

    def cause_of_death(self) -> StudentGone:
        """Why it hung up. Raises SandboxLost where the sandbox fell, and no memory limit was reached."""
        # The kernel counts its kill a moment after the socket closes.
        lost: GraderError | None = None
        status = 0
        try:
            status = self.end(grace_seconds=GRACE_SECONDS)
        except SandboxLost as error:
            lost = error
        for _ in range(20):
            if self._sandbox.memory_was_exceeded():
                return OutOfMemory("used more memory than the limit")
            if lost is None and status != 128 + signal.SIGKILL:
                break
            time.sleep(0.01)
        if lost:
            raise lost
        return Died(f"its process ended ({_status_in_words(status)})")


def _status_in_words(status: int) -> str:
    if status > 128:
        try:
            return f"signal {signal.Signals(status - 128).name}"
        except ValueError:
            return f"signal {status - 128}"
    return f"exit status {status}" if status >= 0 else "it closed its connection"


def _root() -> bool:
    return os.geteuid() == 0


def _bwrap() -> str:
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailable("bubblewrap is not installed; run: apt-get install bubblewrap")
    return found


@contextlib.contextmanager
def _memory_unlimited() -> Iterator[None]:
    """A judge limits its own memory (judge/budget.py), and what it starts would inherit that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.wait()


def _readable(text: str) -> int:
    """A descriptor from which the text can be read, once."""
    descriptor = os.memfd_create("text")
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _arguments(box: Runtime, limits: Limits, gpu: Gpu | None = None, texts: dict[str, int] | None = None) -> list[str]:
    flags = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    flags += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL"]
    rights = ["CAP_SYS_ADMIN", "CAP_SETPCAP"]
    if _root():
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
