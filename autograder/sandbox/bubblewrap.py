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
import json
import os
import resource
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from autograder.core.errors import SandboxLost, SandboxUnavailable
from autograder.course.manifest import Limits
from autograder.diagnosis import bwrap, causes
from autograder.diagnosis.host import Host
from autograder.sandbox import cgroups, command, seccomp
from autograder.sandbox.gpu import Gpu
from autograder.sandbox.process import OWN_PROCESSES, Worker
from autograder.sandbox.runtime import runtime
from autograder.sandbox.uids import Uids
from autograder.sandbox.watchdog import Watchdog, check_that_it_can_watch

START_SECONDS = 90.0  # for the zygote to import its packages; past it the sandbox is unavailable
ANSWER_SECONDS = 30.0  # for the zygote to kill and reap a worker; past it the sandbox is lost
OWN_MEMORY_MB = 64  # of the zygote and its kin

# Joins the cgroups named before "--", then becomes the program behind it. No word of it comes from a student.
ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 97; shift; done; shift; exec "$@"'


class Sandbox:
    """Starts at once, in the background; `worker` waits until it is ready. Close it, or use it as a context."""

    def __init__(
        self,
        packages: list[str],
        limits: Limits,
        preload: Sequence[str] = (),
        *,
        gpu: Gpu | None = None,
        vocabulary: bool = False,
    ) -> None:
        """gpu : its device nodes are in the sandbox, and calls of its driver are let through.
        vocabulary : for a suite of a student's own: with the words that tests are written in."""
        self._gpu = gpu
        self.runtime = runtime(packages, preload, vocabulary=vocabulary)
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._spare: Worker | None = None
        self._watchdog: Watchdog | None = None
        self._cgroup: cgroups.Cgroup | None = None
        self._uids: Uids | None = None
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
        return f"bubblewrap, {'dropped uid' if command.is_root() else 'user namespace'}, seccomp, {limited}"

    def worker(self) -> Worker:
        """A fresh worker; the next one is made ready meanwhile.

        Raises SandboxUnavailable or SandboxLost: our fault, whatever the student's code does.
        """
        if self._process is None or self._has_ended() or self._fallen:
            self.close()
            self._start()
        self.wait_until_ready()
        try:
            worker = self._take()
        except SandboxLost:
            # The spare, or the zygote, may have fallen with the test before it, when memory or processes ran out.
            self.close()
            self._start()
            self.wait_until_ready()
            try:
                worker = self._take()
            except SandboxLost as error:
                if not (why := causes.explain(str(error), Host())):
                    raise
                raise SandboxUnavailable(f"no sandbox could be started: {why}") from error
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

    # for several submissions, one after the other: judge/sandbox_pool.py

    @property
    def control(self) -> socket.socket:
        """There is something to read while it starts: it is ready, or has failed."""
        return self._control

    @property
    def can_be_lent(self) -> bool:
        """Not where a thread of this process watches its memory: a forked process has no such thread."""
        return self._cgroup is not None

    def renew(self) -> None:
        """Between two submissions: nothing that the kernel has counted for one is there for the next one.

        Raises SandboxLost.
        """
        if self._has_ended():  # its zygote may answer for some milliseconds more
            raise SandboxLost("the sandbox has ended")
        self._move_to_a_new_cgroup()
        if self._uids:
            old, self._uids = self._uids, Uids()
            self.ask({"op": "renew", "uids": self._uids.workers})
            old.close()

    def settle(self) -> bool:
        """After a submission: end the spare worker. May the sandbox serve another one?"""
        spare, self._spare = self._spare, None
        if spare:
            spare.discard()
        return self._process is not None and not self._fallen and not self._has_ended()

    def _move_to_a_new_cgroup(self) -> None:
        old = self._cgroup
        if old is None:
            return
        new = self._make_cgroup()
        if new is None:
            raise SandboxLost("no cgroup can be made any more")
        new.take_over(old)
        old.remove()
        self._cgroup, self._kills = new, 0

    def _make_cgroup(self) -> cgroups.Cgroup | None:
        limits = self._limits
        return cgroups.make(limits.memory_mb + OWN_MEMORY_MB, limits.processes + OWN_PROCESSES)

    def _has_ended(self) -> bool:
        """For any process that holds it, and not only the one that has started it."""
        ready, _, _ = select.select([self._pidfd], [], [], 0)
        return bool(ready)

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
        self._kill_all()
        process.wait()
        os.close(self._pidfd)
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
        """Give an order and read the answer. Raises SandboxLost."""
        self.tell(message)
        try:
            return self._answer(ANSWER_SECONDS)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> SandboxLost:
        self._fallen = True  # a late answer must not be taken for one to the next order
        return SandboxLost(f"the sandbox is gone: {error}; {self._last_error()}".strip("; "))

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
        self._uids = Uids() if command.is_root() else None
        self._cgroup = self._make_cgroup()
        if self._cgroup is None:
            check_that_it_can_watch()
        self._kills = 0
        self._ready = self._fallen = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the sandbox
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        texts = {place: command.readable(text) for place, text in self.runtime.texts.items()}
        started = self._command(theirs.fileno(), texts)
        if self._cgroup:
            started = ["/bin/sh", "-c", ENTER, "sh", *map(str, self._cgroup.enter), "--", *started]
        with theirs, _memory_unlimited(), ExitStack() as passed:
            for descriptor in texts.values():
                passed.callback(os.close, descriptor)
            # Started from the calling thread: --die-with-parent means the thread.
            self._process = subprocess.Popen(
                started,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=(theirs.fileno(), *texts.values()),
                cwd="/",
            )
        pid = self._process.pid
        self._pidfd = os.pidfd_open(pid)
        self._watchdog = None if self._cgroup else Watchdog(pid, limits.memory_mb + OWN_MEMORY_MB, self._kill_all)

    def _check(self) -> None:
        """Raises SandboxUnavailable where the kernel or the program cannot do what is needed."""
        causes.check_host(Host())
        bwrap.check(bwrap.path())

    def _command(self, control: int, texts: dict[str, int]) -> list[str]:
        """What starts the zygote behind its walls.

        texts : places in the sandbox, and for each a descriptor of what comes there.
        """
        settings = {
            "imports": self.runtime.imports,
            "preload": self.runtime.preload,
            "files_mb": self._limits.files_mb,
            "uids": self._uids.workers if self._uids else None,
            "filter": base64.b64encode(seccomp.program(self._gpu is not None)).decode(),
        }
        program = ["/runtime/bin/python3", "-S", "-s", "-P", "-B", "/engine/autograder/student_process/zygote.py"]
        walls = command.walls(self.runtime, self._limits, self._gpu, texts)
        return [bwrap.path(), *walls, "--", *program, *self._words_of(control, settings)]

    def _words_of(self, control: int, settings: dict[str, Any]) -> list[str]:
        return [str(control), json.dumps(settings)]

    def _environment(self) -> dict[str, str]:
        """Of bubblewrap itself, which sets that of what is behind it."""
        return {}

    def wait_until_ready(self) -> None:
        """Raises SandboxUnavailable where it does not start."""
        if self._ready:
            return
        try:
            self._answer(START_SECONDS)
        except (OSError, ValueError) as error:
            words = self._last_error() or str(error)
            self.close()
            why = causes.explain(words, Host()) or f"{words}; `deepgrade doctor` says more"
            raise SandboxUnavailable(f"no sandbox could be started: {why}") from error
        self._ready = True
        self._move_to_a_new_cgroup()  # the memory of its packages is not the student's

    def _answer(self, seconds: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._control], [], [], seconds)
        if not ready:
            raise ValueError(f"no answer within {seconds:g} s")
        data = self._control.recv(65536)
        if not data:
            raise ValueError("it ended")
        answer: dict[str, Any] = json.loads(data)
        return answer

    def _kill_all(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _last_error(self) -> str:
        """The last line that bubblewrap, or the zygote, wrote."""
        self._errors.seek(0)
        lines = self._errors.read(65536).decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""


@contextlib.contextmanager
def _memory_unlimited() -> Iterator[None]:
    """A judge limits its own memory (judge/budget.py), and what it starts would inherit that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
