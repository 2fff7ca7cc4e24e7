"""The public tests on a student's own machine: no sandbox, nothing POSIX-only, the server's words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import DeepgradeError
from autograder.judge.assemble import assemble
from autograder.judge.imports import Imports
from autograder.judge.job import Finished, Judged, Surroundings
from autograder.judge.run import run_tests
from autograder.judge.session import Event, Judging
from autograder.manifest import Limits
from autograder.report import Report
from autograder.student.local import Local


def check(
    folder: Path,
    assignment: Assignment,
    *,
    only: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_slow: Callable[[str, float, float], None] = lambda test, seconds, limit: None,
) -> Report:
    """Run the public tests against the files in `folder`, without a sandbox: the student's own code, at home.

    on_slow : told of a test that took longer than the server allows, with its seconds and the limit.
    """
    manifest = assignment.manifest
    for name in manifest.files:
        if not (folder / name).is_file():
            raise DeepgradeError(
                f"{folder / name}: there is no such file; `deepgrade check DIR` wants the folder with it"
            )

    imports = Imports(manifest.module)

    @contextmanager
    def make_student(limits: Limits, *, watch: bool = True) -> Iterator[Local]:
        imports.check(limits)
        with imports.watched(limits):
            student = Local(folder, manifest.module, watch=watch)
        began = time.monotonic()
        try:
            yield student
        finally:
            if (seconds := time.monotonic() - began) > limits.test_seconds:
                on_slow(running[-1].partition("::")[2], seconds, limits.test_seconds)

    running: list[str] = []

    def follow(event: Event) -> None:
        if event["event"] == "started":
            running.append(event["test"])
        if on_event:
            on_event(event)

    judging = Judging(
        make_student=make_student,
        limits=manifest.limits,
        visibility=lambda path: "public",
        student_folder=folder.resolve(),
        on_event=follow,
    )
    began = time.monotonic()
    run_tests([assignment.public_tests], judging, only=only)
    wanted = [
        Finished(result, judging.seconds[result.id], judging.costs[result.id])
        for result in judging.results
        if not only or only in (result.name, result.name.partition("[")[0])
    ]
    if only and not wanted:
        raise DeepgradeError(f"{assignment.public_tests}: has no test {only!r}")
    surroundings = Surroundings("cpu", "none: your own machine", {}, judging.import_failure, imports.seconds)
    return assemble(assignment, Judged(wanted, surroundings), total_seconds=time.monotonic() - began)
