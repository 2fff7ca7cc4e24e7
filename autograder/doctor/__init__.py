"""Attacks this machine's sandbox and reports which walls hold.

Every finding is one wall. A submission (doctor_probes.py) attacks it in the real sandbox. Canaries are outside: a file,
an environment variable, a listening socket. A service whose doctor finds an open wall must not grade.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.core.errors import GraderError, OutOfMemory, SandboxUnavailable, StudentGone, TimedOut
from autograder.course.manifest import Limits
from autograder.diagnosis import bwrap
from autograder.sandbox import Sandbox
from autograder.student.remote import Remote
from autograder.student_process import FOLDER

PROBES = Path(__file__).with_name("doctor_probes.py")
LIMITS = Limits(seconds=5.0, test_seconds=10.0, memory_mb=256, processes=24, files_mb=16)
OWN_PLACES = {"/", "/tmp", "/dev", "/dev/shm"}  # a sandbox has its own, so finding them proves nothing
SECRET_PLACES = ["/proc/1", "/proc/self", "/root", "/home", "/etc/passwd", "/etc/shadow", "/bin/sh", "/usr/bin", "/var"]


STARTS = "sandbox starts"  # the finding without which there is no other


@dataclass(frozen=True)
class Finding:
    """One wall: whether it holds, and the details."""

    name: str
    ok: bool
    detail: str


def run() -> list[Finding]:
    """All findings, or one finding that no sandbox can be started."""
    try:
        with _Canaries() as canaries, Sandbox(["numpy"], LIMITS) as sandbox:
            return [_program(), *_findings(sandbox, canaries)]
    except SandboxUnavailable as error:
        return [Finding(STARTS, False, str(error))]


def check_that_it_starts() -> None:
    """Start a sandbox and nothing more. Raises SandboxUnavailable, with the cause and the cure."""
    with Sandbox(["numpy"], LIMITS) as sandbox, sandbox.worker():
        pass


def _program() -> Finding:
    """Bubblewrap's version. A known fault is a warning: a distribution may have mended an old version."""
    return Finding("bubblewrap", True, bwrap.description(bwrap.path()))


def _findings(sandbox: Sandbox, canaries: _Canaries) -> Iterator[Finding]:
    def ask(attack: Callable[[Remote], Any], limits: Limits = LIMITS) -> Any:
        """The value that the attack returned, or the exception that ended it."""
        with sandbox.worker() as worker:
            try:
                files = {"doctor_probes.py": PROBES.read_bytes()}
                return attack(Remote(worker, files, "doctor_probes", limits))
            except (StudentGone, Exception) as error:
                if isinstance(error, GraderError):
                    raise
                return error

    def expect_nothing(name: str, result: Any, noun: str) -> Finding:
        ok = result == []
        return Finding(name, ok, f"no {noun}" if ok else f"{noun}: {_text(result)}")

    answer = ask(lambda student: student.double(21))
    yield Finding(STARTS, answer == 42, sandbox.walls if answer == 42 else _text(answer))

    paths = [*SECRET_PLACES, canaries.folder, str(Path(__file__).parents[1]), os.getcwd(), str(Path.home())]
    existing = ask(lambda s: s.existing_paths([p for p in paths if p not in OWN_PLACES]))
    yield expect_nothing("other files", existing, "foreign path in sight")
    yield expect_nothing("canary in a file", ask(lambda s: s.files_with(canaries.text)), "file holds the canary")
    yield expect_nothing("read-only", ask(lambda s: s.writable_places()), "place outside /tmp can be written")
    environment = ask(lambda s: s.environment())
    clean = isinstance(environment, dict) and canaries.text not in str(environment)
    yield Finding("environment", clean, "nothing of ours in it" if clean else _text(environment))

    reached = ask(lambda s: s.connections(canaries.port))
    isolated = reached == [] and not canaries.contacted()
    yield Finding("network", isolated, "no connection" if isolated else _text(reached))

    rights = ask(lambda s: s.rights())
    powerless = isinstance(rights, tuple) and rights[0] != 0 and set(rights[1]) == {0}
    yield Finding("rights", powerless, f"uid {rights[0]}, no capability" if powerless else _text(rights))
    yield expect_nothing("system calls", ask(lambda s: s.allowed_system_calls()), "forbidden call answered")
    traces = ask(lambda s: s.machine_traces())
    yield expect_nothing("between two submissions", traces, "call or mark that the next one can read")
    foreign = ask(lambda s: [name for name in ("pytest", "hypothesis", "matplotlib", "flask") if s.can_import(name)])
    yield expect_nothing("distributions", foreign, "other distribution can be imported")

    outcome = ask(lambda s: s.eat_memory())
    yield Finding("memory of one process", isinstance(outcome, OutOfMemory), _text(outcome))
    outcome = ask(lambda s: s.eat_memory_in_children(LIMITS.memory_mb * 2 // 3))
    yield Finding("memory of all processes", isinstance(outcome, OutOfMemory), _text(outcome))
    count = ask(lambda s: s.fork_all())
    yield _below("processes", count, LIMITS.processes, "processes started")
    written = ask(lambda s: s.fill_disk())
    yield _below("disk", written, LIMITS.files_mb, "MB written")
    outcome = ask(lambda s: s.loop(), Limits(seconds=1.0, test_seconds=1.0, memory_mb=256, processes=24))
    yield Finding("wall time", isinstance(outcome, TimedOut), _text(outcome))

    ask(lambda s: s.leave_something())
    leftovers = ask(lambda s: s.existing_paths([f"{folder}/left-behind" for folder in ("/tmp", "/dev/shm", FOLDER)]))
    yield expect_nothing("between two tests", leftovers, "thing left behind")
    yield Finding("still answers", ask(lambda s: s.double(2)) == 4, "after all this")


def _below(name: str, count: Any, limit: int, noun: str) -> Finding:
    return Finding(name, type(count) is int and count <= limit, f"{_text(count)} {noun}, limit {limit}")


def _text(value: Any) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"[:300]
    return str(value)[:300]


class _Canaries:
    """Things outside that no submission may find: a text in a file and in the environment, and listening sockets."""

    def __enter__(self) -> _Canaries:
        self.text = f"canary-{secrets.token_hex(8)}"
        self._folder = tempfile.TemporaryDirectory(prefix="deepgrade-doctor-")
        self.folder = self._folder.name
        (Path(self.folder) / "secret.txt").write_text(self.text)
        os.environ["DEEPGRADE_DOCTOR"] = self.text
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._abstract = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):  # of two doctors at a time only one can listen
            self._abstract.bind("\0deepgrade-doctor")
            self._abstract.listen()
        return self

    def contacted(self) -> bool:
        """Did the submission connect to a socket?"""
        for listener in (self._tcp, self._abstract):
            listener.setblocking(False)
            try:
                listener.accept()
            except OSError:
                continue
            return True
        return False

    def __exit__(self, *exception: object) -> None:
        del os.environ["DEEPGRADE_DOCTOR"]
        self._tcp.close()
        self._abstract.close()
        self._folder.cleanup()
