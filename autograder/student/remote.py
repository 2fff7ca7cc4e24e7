"""`student` in the grader: the module is loaded in a worker of a sandbox."""

from __future__ import annotations

from typing import Any

from autograder.course.manifest import Limits
from autograder.sandbox import Worker
from autograder.student.channel import Channel
from autograder.student.link import Link, Student

MAX_COMPILED = 2**23  # bytes of all compiled files of a submission; more are compiled by each worker anew


class Compiled:
    """What the files of one submission compile to, once a worker has said it. Nothing here reads it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] | None = None

    def keep(self, answer: Any, names: set[str]) -> None:
        """The answer of a worker, before it has run anything of the student's."""
        files = answer if type(answer) is dict else {}
        usable = names.issuperset(files) and all(type(content) is bytes for content in files.values())
        self.files = files if usable and sum(map(len, files.values())) <= MAX_COMPILED else {}


class Remote(Student):
    """The student's module, loaded in a worker of a sandbox."""

    def __init__(
        self,
        worker: Worker,
        files: dict[str, bytes],
        module: str,
        limits: Limits,
        *,
        watch: bool = True,
        compiled: Compiled | None = None,
    ) -> None:
        """watch : changes of arguments come back. Not where training is timed: the data are large.
        compiled : of these files; the first worker compiles them for all others. Without it each compiles for itself.
        """
        super().__init__(Link(Channel(worker, limits), watch))
        what = f"importing {module}.py"
        if compiled is not None and compiled.files is None:
            compiled.keep(self._link.ask("compile", [files], what), set(files))
        cpu_seconds = int(limits.test_seconds * max(2, limits.threads)) + 5
        known = compiled.files if compiled is not None else None
        fields = [files, module, [cpu_seconds, limits.reply_mb * 2**20], known or {}]
        self._link.ask("load", fields, what)
