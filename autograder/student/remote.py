"""`student` in the grader: the module is loaded in a worker of a sandbox."""

from __future__ import annotations

from autograder.course.manifest import Limits
from autograder.sandbox import Worker
from autograder.student.channel import Channel
from autograder.student.link import Link, Student


class Remote(Student):
    """The student's module, loaded in a worker of a sandbox."""

    def __init__(
        self, worker: Worker, files: dict[str, bytes], module: str, limits: Limits, *, watch: bool = True
    ) -> None:
        """watch : changes of arguments come back. Not where training is timed: the data are large."""
        super().__init__(Link(Channel(worker, limits), watch))
        cpu_seconds = int(limits.test_seconds * max(2, limits.threads)) + 5
        fields = [files, module, [cpu_seconds, limits.reply_mb * 2**20]]
        self._link.ask("load", fields, f"importing {module}.py")
