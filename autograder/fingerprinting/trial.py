"""Plays files of an assignment's module in a forked process of ours: mutants and references are the author's code.

    this process: has collected the tests, and holds the recording
        └── fork, one for each answer: plays the tests that call its function, and sends their records over a pipe

An answer that is not through after its seconds is ended; what it has sent until then is kept.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from autograder.core.decoding import TypedDecoder
from autograder.course.course import Assignment
from autograder.course.manifest import Limits
from autograder.judge.forked import end_with, print_to
from autograder.judge.job import Played
from autograder.judge.judge import secret_for, visibility
from autograder.judge.recording import Recording
from autograder.judge.run import Collection
from autograder.judge.session import Event, Judging
from autograder.student.local import Local
from autograder.verify.usage import CALLED

MEMORY_BYTES = 8 * 2**30
CHUNK = 2**20
PRINTED_BYTES = 2**20  # of one test


class _Line(msgspec.Struct):
    """What a forked process sends of one test."""

    played: Played
    called: list[str]  # functions that have printed that they are called


_LINES: TypedDecoder[_Line] = TypedDecoder(_Line)


@dataclass
class _Running:
    name: str
    pid: int
    deadline: float
    inbox: bytearray


class Trial:
    """Of one assignment under one secret."""

    def __init__(self, assignment: Assignment, secret: bytes, collection: Collection, recording: Recording) -> None:
        self._assignment, self._secret = assignment, secret
        self._collection, self._recording = collection, recording

    def play(
        self,
        answers: Mapping[str, Mapping[str, bytes]],
        tests: Callable[[str], Sequence[str]],
        *,
        jobs: int,
        seconds: float,
    ) -> Iterator[tuple[str, list[Played]]]:
        """(name, what came of its tests), in the order in which they are through.

        answers : the files of each, by name.   tests : from a name to the names of the tests that it meets.
        """
        waiting = list(answers)
        running: dict[int, _Running] = {}
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    name = waiting.pop(0)
                    pid, pipe = self._start(answers[name], tests(name))
                    running[pipe] = _Running(name, pid, time.monotonic() + seconds, bytearray())
                wait = max(0.0, min(one.deadline for one in running.values()) - time.monotonic())
                ready, _, _ = select.select(list(running), [], [], wait)
                for pipe in [pipe for pipe, one in running.items() if time.monotonic() > one.deadline]:
                    _kill(running[pipe].pid)
                for pipe in ready:
                    if chunk := os.read(pipe, CHUNK):
                        running[pipe].inbox += chunk
                        continue
                    one = running.pop(pipe)
                    os.close(pipe)
                    os.waitpid(one.pid, 0)
                    yield one.name, _read(bytes(one.inbox))
        finally:
            for pipe, one in running.items():
                _kill(one.pid)
                os.close(pipe)
                os.waitpid(one.pid, 0)

    def _start(self, files: Mapping[str, bytes], tests: Sequence[str]) -> tuple[int, int]:
        readable, writable = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.close(writable)
            return pid, readable
        try:
            os.close(readable)
            os.setpgid(0, 0)
            end_with(parent)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
            with tempfile.TemporaryDirectory(prefix="deepgrade-") as folder:
                printed = os.open(Path(folder, ".printed"), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                print_to(printed)
                sys.stdout = sys.stderr = os.fdopen(os.dup(1), "w")  # else what a caller has put in their place
                for name, content in files.items():
                    Path(folder, name).write_bytes(content)
                self._play(writable, printed, Path(folder), tests)
        finally:
            os._exit(0)

    def callers(self, traced: Mapping[str, bytes], tests: Sequence[str]) -> dict[str, set[str]]:
        """By function, the names of the tests in which it is called.

        traced : files of the reference in which functions print that they are called (verify/usage.py).
        """
        _, pipe = self._start(traced, tests)
        with open(pipe, "rb") as stream:
            lines = [_LINES.json(line) for line in stream]
        os.wait()
        called: dict[str, set[str]] = {}
        for line in lines:
            for function in line.called:
                called.setdefault(function, set()).add(line.played.test.partition("::")[2])
        return called

    def _play(self, writable: int, printed: int, folder: Path, tests: Sequence[str]) -> None:
        module = self._assignment.manifest.module

        def make(limits: Limits, *, watch: bool = True) -> AbstractContextManager[Any]:
            return nullcontext(Local(folder, module, watch=watch))

        def hear(event: Event) -> None:
            if event["event"] != "played":
                return
            called = sorted(set(CALLED.findall(os.pread(printed, PRINTED_BYTES, 0).decode(errors="replace"))))
            os.ftruncate(printed, 0)
            _write(writable, msgspec.json.encode({"played": event["played"], "called": called}) + b"\n")

        judging = Judging(
            make_student=make,
            limits=self._assignment.manifest.limits,
            visibility=visibility,
            secret=lambda path: secret_for(path, self._secret),
            course_secret=self._secret,
            recording=self._recording,
            on_event=hear,
        )
        self._collection.play(judging, tests)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read(lines: bytes) -> list[Played]:
    """The last line may be half of one."""
    return [_LINES.json(line).played for line in lines.split(b"\n")[:-1]]


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)  # it has no group of its own yet
