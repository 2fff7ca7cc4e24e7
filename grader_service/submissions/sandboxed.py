"""Tools that meet what students wrote run where their code runs: in a sandbox, with time and memory that end.

with boxed.tool("sheet", ["pypdfium2"], seconds=10) as sheet:
    sheet.count(data)        a plain value, or one of GONE; GraderError where there is no sandbox
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.core.errors import StudentGone
from autograder.course.manifest import Limits
from autograder.sandbox import Sandbox
from autograder.student.exceptions import StudentRaised
from autograder.student.remote import Remote

INSIDE = Path(__file__).with_name("inside_sandbox")
GONE = (StudentGone, StudentRaised)  # it took too long, it ate too much, or it failed


class _Box(Sandbox):
    """One that imports nothing ahead: the tool does so itself, where there is a /tmp that may be written."""

    def _start(self) -> None:
        self.runtime = dataclasses.replace(self.runtime, imports=[])
        super()._start()


@contextmanager
def tool(name: str, packages: list[str], *, seconds: float, memory_mb: int = 1024) -> Iterator[Remote]:
    """A file of `inside_sandbox` as a module in a sandbox of its own, with these distributions.

    seconds : wall time of all its answers together
    """
    limits = Limits(seconds=seconds, test_seconds=seconds, memory_mb=memory_mb)
    files = {f"{name}.py": (INSIDE / f"{name}.py").read_bytes()}
    with _Box(packages, limits) as sandbox, sandbox.worker() as worker:
        yield Remote(worker, files, name, limits)
