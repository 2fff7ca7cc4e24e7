"""The public tests on a student's own machine, without a sandbox and without POSIX, with the messages of the server."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec

from autograder.core.errors import DeepgradeError, StudentGone
from autograder.course.course import Assignment
from autograder.course.manifest import Limits
from autograder.judge.assemble import assemble
from autograder.judge.imports import Imports
from autograder.judge.job import FINISHED, Finished, Judged, Surroundings
from autograder.judge.run import run_tests
from autograder.judge.session import Event, Judging
from autograder.local_check import matching, memory
from autograder.local_check.supervised import Journal, student_lines
from autograder.report.schema import Report
from autograder.student.guard import Guard
from autograder.student.local import Local


class Stopped(Exception):
    """Stopped by Ctrl-C, with the results so far."""

    def __init__(self, report: Report, test: str, where: str) -> None:
        super().__init__(test)
        self.report, self.test, self.where = report, test, where  # where: the student's lines that ran


class _EndedStudent:
    """A student whose process ended in this test in an earlier run."""

    def __init__(self, failure: StudentGone) -> None:
        object.__setattr__(self, "_failure", failure)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._failure.with_traceback(None)


def check(
    folder: Path,
    assignment: Assignment,
    *,
    only: str | None = None,
    problem: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_slow: Callable[[str, float, float], None] = lambda test, seconds, limit: None,
    journal: Journal | None = None,
    limited: bool = True,
) -> Report:
    """Run the public tests against the files in `folder`, without a sandbox.

    only, problem : parts of the names of a test and of a problem; other tests do not run.
    limited : whether time and memory are limited.
    on_slow : receives a test that took longer than the server allows, with its seconds and the limit.
    journal : has the results of earlier processes, and receives those of this one.
    Raises Stopped after Ctrl-C.
    """
    names = matching.chosen(assignment, only, problem)
    return _Check(folder.resolve(), assignment, names, on_event, on_slow, journal, limited).run()


class _Check:
    """One run of the public tests, with its results so far."""

    def __init__(
        self,
        folder: Path,
        assignment: Assignment,
        names: list[str],
        on_event: Callable[[Event], None] | None,
        on_slow: Callable[[str, float, float], None],
        journal: Journal | None,
        limited: bool,
    ) -> None:
        """names : of the tests to run; empty for all. Raises DeepgradeError for a missing file."""
        self._folder, self._assignment, self._names, self._limited = folder, assignment, names, limited
        for name in assignment.manifest.files:
            if not (folder / name).is_file():
                raise DeepgradeError(
                    f"{folder / name}: there is no such file; `deepgrade check DIR` wants the folder with it"
                )
        self._on_event, self._on_slow, self._journal = on_event, on_slow, journal
        self._note: Callable[..., None] = journal.write if journal else lambda **line: None
        self._imports = Imports(assignment.manifest.module)
        self._guard = Guard(folder, journal.stack if journal else None)
        self._failures = journal.failures() if journal else {}
        for failure in self._failures.values():
            failure.traceback_text = student_lines(failure.traceback_text, folder)  # type: ignore[attr-defined]
        ended = journal.lines("ended") if journal else []
        self._fatal_test = next((line["test"] for line in ended if line["importing"]), None)
        self._test = ""  # the running test
        self._judging = Judging(
            make_student=self._student,
            limits=assignment.manifest.limits,
            visibility=lambda path: "public",
            student_folder=folder,
            on_event=self._follow,
            finished=[FINISHED.value(line) for line in (journal.lines("finished") if journal else [])],
        )
        self._started = time.monotonic()

    def run(self) -> Report:
        """Run the tests. Raises Stopped, and DeepgradeError if the requested test did not run."""
        if self._journal and (stopped := self._journal.lines("stopped")):
            # The previous process did not stop after Ctrl-C.
            last = self._journal.lines("ended")[-1]
            raise Stopped(self._report(), stopped[-1], student_lines(last["where"], self._folder))
        try:
            with self._guard:
                run_tests([self._assignment.public_tests], self._judging, only=self._names)
        except KeyboardInterrupt:
            raise Stopped(self._report(), self._test, self._guard.where) from None
        finally:
            self._note(closed=True)
        report = self._report()
        if self._names and not report.tests:
            raise DeepgradeError(f"{self._assignment.public_tests}: has no test {' or '.join(self._names)}")
        return report

    @contextmanager
    def _student(self, limits: Limits, *, watch: bool = True) -> Iterator[Any]:
        test = self._test
        if not self._limited:
            limits = msgspec.structs.replace(limits, seconds=math.inf, test_seconds=math.inf)
        if self._fatal_test:
            raise self._failures[self._fatal_test].with_traceback(None)
        if test in self._failures:
            yield _EndedStudent(self._failures[test])
            return
        self._imports.check(limits)
        self._guard.begin(limits)
        if is_first := not self._imports.seconds:
            self._note(importing=test)
        with memory.limited(limits.memory_mb) if self._limited else nullcontext():
            with self._imports.watched(limits):
                student = Local(self._folder, self._assignment.manifest.module, watch=watch, guard=self._guard)
            if is_first:
                self._note(begun=test)
            started = time.monotonic()
            try:
                yield student
            finally:
                if (seconds := time.monotonic() - started) > limits.test_seconds:
                    self._on_slow(test.partition("::")[2], seconds, limits.test_seconds)

    def _follow(self, event: Event) -> None:
        if event["event"] == "started":
            self._test = event["test"]
            self._note(begun=self._test)
        elif event["event"] == "finished":
            self._note(finished=msgspec.to_builtins(self._judging.finished[-1]))
        if self._on_event:
            self._on_event(event)

    def _report(self) -> Report:
        def is_wanted(finished: Finished) -> bool:
            return not self._names or bool(
                {finished.result.name, finished.result.name.partition("[")[0]} & set(self._names)
            )

        seconds, failure = self._imports.seconds, self._judging.import_failure
        judged = Judged(
            [finished for finished in self._judging.finished if is_wanted(finished)],
            Surroundings("cpu", "none: your own machine", {}, failure, seconds),
        )
        return assemble(self._assignment, judged, total_seconds=time.monotonic() - self._started)
