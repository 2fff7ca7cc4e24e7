"""The public tests on a student's own machine: no sandbox, nothing POSIX-only, the server's words."""

from __future__ import annotations

import ast
import difflib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from autograder.core.errors import DeepgradeError, StudentGone
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.course.manifest import Limits
from autograder.judge.assemble import assemble
from autograder.judge.imports import Imports
from autograder.judge.job import FINISHED, Judged, Surroundings
from autograder.judge.run import run_tests
from autograder.judge.session import Event, Judging
from autograder.local_check.supervised import Journal, own_lines
from autograder.report.schema import Report
from autograder.student.guard import Guard
from autograder.student.local import Local


class Stopped(Exception):
    """By Ctrl-C: what is known until then."""

    def __init__(self, report: Report, test: str, where: str) -> None:
        super().__init__(test)
        self.report, self.test, self.where = report, test, where  # where: the student's lines that ran


class _Gone:
    """A student whose process was ended in this test before."""

    def __init__(self, gone: StudentGone) -> None:
        object.__setattr__(self, "_gone", gone)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._gone.with_traceback(None)


def check(
    folder: Path,
    assignment: Assignment,
    *,
    only: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_slow: Callable[[str, float, float], None] = lambda test, seconds, limit: None,
    journal: Journal | None = None,
) -> Report:
    """Run the public tests against the files in `folder`, without a sandbox: the student's own code, at home.

    on_slow : told of a test that took longer than the server allows, with its seconds and the limit.
    journal : what processes before this one have done, and where this one writes what it does.
    Raises Stopped after Ctrl-C.
    """
    manifest, folder = assignment.manifest, folder.resolve()
    chosen = named(assignment.public_tests, only) if only else []
    for name in manifest.files:
        if not (folder / name).is_file():
            raise DeepgradeError(
                f"{folder / name}: there is no such file; `deepgrade check DIR` wants the folder with it"
            )

    imports, guard = Imports(manifest.module), Guard(folder, journal.stack if journal else None)
    note: Callable[..., None] = journal.write if journal else lambda **line: None
    gone = journal.gone() if journal else {}
    for one in gone.values():
        one.traceback_text = own_lines(one.traceback_text, folder)  # type: ignore[attr-defined]
    dead = next((one["test"] for one in (journal.lines("ended") if journal else []) if one["importing"]), None)

    @contextmanager
    def make_student(limits: Limits, *, watch: bool = True) -> Iterator[Any]:
        if dead:
            raise gone[dead].with_traceback(None)
        if running[-1] in gone:
            yield _Gone(gone[running[-1]])
            return
        imports.check(limits)
        guard.begin(limits)
        if is_first := not imports.seconds:
            note(importing=running[-1])
        with imports.watched(limits):
            student = Local(folder, manifest.module, watch=watch, guard=guard)
        if is_first:
            note(begun=running[-1])
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
            note(begun=event["test"])
        elif event["event"] == "finished":
            finished.append(judging.finished)
            note(finished=msgspec.to_builtins(finished[-1]))
        if on_event:
            on_event(event)

    finished = [FINISHED.value(one) for one in (journal.lines("finished") if journal else [])]
    judging = Judging(
        make_student=make_student,
        limits=manifest.limits,
        visibility=lambda path: "public",
        student_folder=folder,
        on_event=follow,
        results=[one.result for one in finished],
        not_run={one.result.id for one in finished if one.not_run},
    )

    def report() -> Report:
        names = {one.result.id: {one.result.name, one.result.name.partition("[")[0]} for one in finished}
        wanted = [one for one in finished if not only or names[one.result.id] & set(chosen)]
        surroundings = Surroundings("cpu", "none: your own machine", {}, judging.import_failure, imports.seconds)
        return assemble(assignment, Judged(wanted, surroundings), total_seconds=time.monotonic() - began)

    began = time.monotonic()
    if journal and (stopped := journal.lines("stopped")):  # the process before this one did not even stop for Ctrl-C
        last = journal.lines("ended")[-1]
        raise Stopped(report(), stopped[-1], own_lines(last["where"], folder))
    try:
        with guard:
            run_tests([assignment.public_tests], judging, only=chosen)
    except KeyboardInterrupt:
        raise Stopped(report(), running[-1] if running else "", guard.where) from None
    finally:
        note(closed=True)
    if only and not report().tests:
        raise DeepgradeError(f"{assignment.public_tests}: has no test {only!r}")
    return report()


def named(path: Path, text: str) -> list[str]:
    """The tests of a file that a text means: the one of that name, else all whose names hold it.

    Raises DeepgradeError, with near names, where there is none.
    """
    known = [
        node.name
        for node in tree_of(path.read_bytes()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    if text.partition("[")[0] in known:
        return [text]
    held = [name for name in known if text.casefold().replace("-", "_").replace(" ", "_") in name]
    if held:
        return held
    near = difflib.get_close_matches(text, known, 3, 0.5) or difflib.get_close_matches(f"test_{text}", known, 3, 0.5)
    listed = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
    raise DeepgradeError(f"{path}: has no test {text!r}; {listed}")
