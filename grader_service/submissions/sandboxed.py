"""Runs tools on files of students in a sandbox with limits of time and memory, like the code of students.

with sandboxed.tool("sheet", ["pypdfium2"], seconds=10) as sheet:
    sheet.load(data)        returns a plain value; raises one of FAILURES, or GraderError without a sandbox
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
FAILURES = (StudentGone, StudentRaised)  # it exceeded a limit, or it raised


class _ToolSandbox(Sandbox):
    """A sandbox without preloaded modules. The tool imports them itself, when it has a writable /tmp."""

    def _start(self) -> None:
        self.runtime = dataclasses.replace(self.runtime, imports=[])
        super()._start()


@contextmanager
def tool(name: str, packages: list[str], *, seconds: float, memory_mb: int = 1024) -> Iterator[Remote]:
    """A file of `inside_sandbox` as a module in a new sandbox with these distributions.

    seconds : wall time of all calls together
    """
    limits = Limits(seconds=seconds, test_seconds=seconds, memory_mb=memory_mb)
    files = {f"{name}.py": (INSIDE / f"{name}.py").read_bytes()}
    with _ToolSandbox(packages, limits) as sandbox, sandbox.worker() as worker:
        yield Remote(worker, files, name, limits)
