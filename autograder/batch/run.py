"""Grades every submission of a folder, several at a time. One broken submission does not stop the others.

source ─> read ─┬─ refused                          0 points, with the reason
                ├─ two of one student, different    neither is graded: the instructor must choose one
                ├─ graded already                   the report exists
                └─ a sandbox ─> report, written at once
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder import grade as grading
from autograder.batch.find import Source, read
from autograder.batch.store import Store
from autograder.core.errors import GraderError, Refused
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.mistakes import store as mistakes
from autograder.report import gradescope, schema, visibility
from autograder.report.schema import Report

TRIES = 3  # of one submission, when the grader fails

State = Literal["graded", "refused", "duplicate", "grader_error"]
OnEvent = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Outcome:
    """The result of one submission."""

    source: Source
    state: State
    message: str = ""  # why it has no score, or 0 points
    report: Report | None = None  # of a graded submission
    notes: list[str] = field(default_factory=list)


def run(
    assignment: Assignment,
    submissions: list[Source],
    store: Store,
    *,
    secret: bytes,
    jobs: int,
    on_event: OnEvent | None = None,
) -> list[Outcome]:
    """Grade the submissions that are not graded yet. Returns the outcomes in the order of `submissions`.

    on_event : receives {"event": "collected", "total", "waiting"}, and "started" and "finished" with a "name".
    Raises SandboxUnavailable if this machine cannot grade. After a KeyboardInterrupt the finished reports stay.
    """
    return _Batch(assignment, submissions, store, secret, jobs, on_event or (lambda event: None)).run()


class _Batch:
    def __init__(
        self, assignment: Assignment, sources: list[Source], store: Store, secret: bytes, jobs: int, emit: OnEvent
    ) -> None:
        self._assignment, self._sources, self._store = assignment, sources, store
        self._secret, self._jobs, self._emit = secret, jobs, emit
        self._outcomes: dict[str, Outcome] = {}
        self._known = mistakes.find(assignment, secret)
        self._students_see_names = visibility.names_are_visible(assignment.manifest.name_mistakes)

    def run(self) -> list[Outcome]:
        readable = self._read_all()
        self._settle_duplicates(readable)
        pending = [
            source
            for source in self._sources
            if source.name in readable and not self._is_graded(source, readable[source.name])
        ]
        self._emit({"event": "collected", "total": len(self._sources), "waiting": len(pending)})
        for source in self._sources:
            if source.name in self._outcomes:
                self._emit_finished(self._outcomes[source.name])
        if pending:
            self._grade_all(pending, readable)
        return [self._outcomes[source.name] for source in self._sources]

    def _read_all(self) -> dict[str, Submission]:
        readable = {}
        for submission in self._sources:
            try:
                readable[submission.name] = read(submission, self._assignment.manifest)
            except Refused as error:
                self._refuse(submission, str(error))
        return readable

    def _refuse(self, submission: Source, reason: str) -> None:
        report = Report(
            self._assignment.name,
            self._assignment.manifest.title,
            "refused",
            reason,
            possible=self._assignment.manifest.points,
            tests_sha256=self._assignment.tests_sha256(),
        )
        self._keep(submission, report)
        self._outcomes[submission.name] = Outcome(submission, "refused", reason, report)

    def _settle_duplicates(self, readable: dict[str, Submission]) -> None:
        """Of equal submissions the first counts. Of different ones none counts: the instructor must choose."""
        by_student: dict[str, list[Source]] = {}
        for submission in self._sources:
            if submission.name in readable:
                by_student.setdefault(submission.key, []).append(submission)
        for submissions in by_student.values():
            if len(submissions) == 1:
                continue
            names = [submission.name for submission in submissions]
            if len({readable[name].sha256 for name in names}) == 1:
                for submission in submissions[1:]:
                    self._leave_out(submission, f"holds the same files as {names[0]}, which counts", readable)
            else:
                for submission in submissions:
                    others = ", ".join(name for name in names if name != submission.name)
                    reason = f"one student's, as is {others}, with other files; leave one of them and run again"
                    self._leave_out(submission, reason, readable)

    def _leave_out(self, submission: Source, reason: str, readable: dict[str, Submission]) -> None:
        self._outcomes[submission.name] = Outcome(submission, "duplicate", reason)
        del readable[submission.name]

    def _is_graded(self, submission: Source, handed_in: Submission) -> bool:
        report = self._store.report(submission.id)
        if report is None or report.state != "graded" or report.submission_sha256 != handed_in.sha256:
            return False
        if report.tests_sha256 != self._assignment.tests_sha256():
            return False
        self._store.write(f"results/{submission.id}.json", self._for_students(report))
        self._outcomes[submission.name] = Outcome(submission, "graded", report=report, notes=handed_in.notes)
        return True

    def _grade_all(self, pending: list[Source], readable: dict[str, Submission]) -> None:
        grading.check_the_sandbox(self._assignment)
        grading.warm()
        pool = ThreadPoolExecutor(self._jobs)  # the judges are processes of their own; a thread only waits for one
        futures: set[Future[Outcome]] = set()
        try:
            futures = {pool.submit(self._grade, submission, readable[submission.name]) for submission in pending}
            while futures:
                done, futures = wait(futures, return_when=FIRST_COMPLETED)
                for future in done:
                    outcome = future.result()
                    self._outcomes[outcome.source.name] = outcome
                    self._emit_finished(outcome)
        finally:
            # After Ctrl-C, or on a machine that cannot grade, the pending submissions are not started.
            pool.shutdown(wait=True, cancel_futures=True)

    def _grade(self, submission: Source, handed_in: Submission) -> Outcome:
        self._emit({"event": "started", "name": submission.name})
        fault = ""
        for _ in range(TRIES):
            try:
                report = grading.grade(self._assignment, handed_in, secret=self._secret, known=self._known)
            except GraderError as error:
                fault = str(error)
                continue
            self._keep(submission, report)
            return Outcome(submission, "graded", report=report, notes=handed_in.notes)
        self._store.remove(f"reports/{submission.id}.json")
        self._store.remove(f"results/{submission.id}.json")
        return Outcome(submission, "grader_error", f"the grader failed in {TRIES} tries: {fault}")

    def _keep(self, submission: Source, report: Report) -> None:
        """Write the report last: a submission with a report is finished."""
        self._store.write(f"results/{submission.id}.json", self._for_students(report))
        self._store.write(f"reports/{submission.id}.json", schema.to_json(report) + b"\n")

    def _for_students(self, report: Report) -> bytes:
        return gradescope.to_json(report, mistakes=self._students_see_names)

    def _emit_finished(self, outcome: Outcome) -> None:
        self._emit({"event": "finished", "name": outcome.source.name, "outcome": outcome})
