"""The process in which the reference runs tests, so that their examples are recorded.

It is forked from a prepared process (prepared.py). The reference answers in this process: it is the author's code, and
not a student's. Each recorded test is sent back as a frame: its length in 4 bytes, then (test id, secret, examples),
packed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from autograder.course import manifest as manifests
from autograder.course.manifest import Limits
from autograder.judge.forked import end_with, print_to
from autograder.judge.job import Job
from autograder.judge.judge import secret_for, visibility
from autograder.judge.recording import Example, Recording, packed, unpacked
from autograder.judge.run import Collection
from autograder.judge.session import Judging
from autograder.student.local import Local

SECONDS = 300  # for the reference to run all tests; past it the rest is drawn for every submission
CHUNK = 2**20


class RecorderProcess:
    """Starts at once; `receive` when there is something to read from `pipe`."""

    def __init__(self, collection: Collection, job: Job, names: list[str]) -> None:
        """names : of the tests."""
        self.pipe, writable = os.pipe()
        self._inbox = bytearray()
        parent = os.getpid()
        if os.fork() == 0:
            os.close(self.pipe)
            end_with(parent)
            _record(writable, collection, job, names)
        os.close(writable)

    def receive(self, recording: Recording) -> bool:
        """Read some bytes, and add the tests that they complete; False when it has ended."""
        chunk = os.read(self.pipe, CHUNK)
        if not chunk:
            os.close(self.pipe)
            return False
        self._inbox += chunk
        while len(self._inbox) >= 4:
            end = 4 + int.from_bytes(self._inbox[:4], "big")
            if len(self._inbox) < end:
                break
            recording.add(*unpacked(bytes(self._inbox[4:end])))
            del self._inbox[:end]
        return True


class _Sent(Recording):
    """Writes the examples of each test to the pipe."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream

    def add(self, test: str, secret: bytes, examples: list[Example]) -> None:
        frame = packed((test, secret, examples))
        self._stream.write(len(frame).to_bytes(4, "big") + frame)
        self._stream.flush()


def recording_of(collection: Collection, job: Job) -> Recording:
    """All examples of the collected tests that can be recorded; waits until the reference has run them."""
    recording = Recording()
    recorder = RecorderProcess(collection, job, collection.recordable([], True))
    while recorder.receive(recording):
        pass
    return recording


def _record(writable: int, collection: Collection, job: Job, names: list[str]) -> NoReturn:
    """In the forked process, which is ended after SECONDS."""
    try:
        signal.alarm(SECONDS)
        print_to(os.open(os.devnull, os.O_WRONLY))
        sys.dont_write_bytecode = True  # the course's folder is not ours
        manifest = manifests.load(Path(job.manifest))

        @contextmanager
        def reference(limits: Limits, *, watch: bool = True) -> Iterator[Any]:
            yield Local(Path(job.reference_folder), manifest.module, watch=watch)

        with open(writable, "wb") as stream:
            judging = Judging(
                make_student=reference,
                limits=manifest.limits,
                visibility=visibility,
                secret=lambda path: secret_for(path, job.secret),
                course_secret=job.secret,
                shrink_runs=0,
                recording=_Sent(stream),
                is_recording=True,
            )
            collection.run(judging, only=names, with_needs=False)
    except BaseException:
        os._exit(1)  # what has been sent stands; the rest is drawn for every submission
    os._exit(0)
