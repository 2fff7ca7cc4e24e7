"""Every submission of a folder through the grader, several at a time. Nothing that one of them is stops another.

found ─> read ─┬─ refused                          0 points, with the reason
               ├─ two of one student, different    none of them is graded: somebody must say which counts
               ├─ graded already                   its report is there
               └─ a sandbox ─> report, on disk at once
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder import grade as grading
from autograder.batch.find import Found, read
from autograder.batch.store import Store
from autograder.core.errors import GraderError, Refused
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.report import gradescope, schema
from autograder.report.schema import Report

TRIES = 3  # of one submission, when the fault is ours

State = Literal["graded", "refused", "duplicate", "grader_error"]
OnEvent = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one submission."""

    found: Found
    state: State
    message: str = ""  # why it has no score, or scores nothing
    report: Report | None = None  # of what was graded
    notes: list[str] = field(default_factory=list)


def run(
    assignment: Assignment,
    submissions: list[Found],
    store: Store,
    *,
    secret: bytes,
    jobs: int,
    on_event: OnEvent | None = None,
) -> list[Outcome]:
    """Grade what is not graded yet; the outcomes in the order of `submissions`.

    on_event : told of {"event": "collected", "total", "waiting"}, "started" and "finished", each with a "name".
    Raises SandboxUnavailable where nothing can be graded here. A KeyboardInterrupt leaves what is graded on disk.
    """
    return _Batch(assignment, submissions, store, secret, jobs, on_event or (lambda event: None)).run()


class _Batch:
    def __init__(
        self, assignment: Assignment, found: list[Found], store: Store, secret: bytes, jobs: int, tell: OnEvent
    ) -> None:
        self._assignment, self._found, self._store = assignment, found, store
        self._secret, self._jobs, self._tell = secret, jobs, tell
        self._outcomes: dict[str, Outcome] = {}

    def run(self) -> list[Outcome]:
        readable = self._read_all()
        self._settle_duplicates(readable)
        waiting = [one for one in self._found if one.name in readable and not self._is_graded(one, readable[one.name])]
        self._tell({"event": "collected", "total": len(self._found), "waiting": len(waiting)})
        for one in self._found:
            if one.name in self._outcomes:
                self._told(self._outcomes[one.name])
        if waiting:
            self._grade_all(waiting, readable)
        return [self._outcomes[one.name] for one in self._found]

    def _read_all(self) -> dict[str, Submission]:
        readable = {}
        for submission in self._found:
            try:
                readable[submission.name] = read(submission, self._assignment.manifest)
            except Refused as error:
                self._refuse(submission, str(error))
        return readable

    def _refuse(self, submission: Found, reason: str) -> None:
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
        """Of the same files the first counts; of different ones none does, since nobody has said which."""
        by_student: dict[str, list[Found]] = {}
        for submission in self._found:
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

    def _leave_out(self, submission: Found, reason: str, readable: dict[str, Submission]) -> None:
        self._outcomes[submission.name] = Outcome(submission, "duplicate", reason)
        del readable[submission.name]

    def _is_graded(self, submission: Found, handed_in: Submission) -> bool:
        report = self._store.report(submission.id)
        if report is None or report.state != "graded" or report.submission_sha256 != handed_in.sha256:
            return False
        if report.tests_sha256 != self._assignment.tests_sha256():
            return False
        self._store.write(f"results/{submission.id}.json", gradescope.to_json(report))
        self._outcomes[submission.name] = Outcome(submission, "graded", report=report, notes=handed_in.notes)
        return True

    def _grade_all(self, waiting: list[Found], readable: dict[str, Submission]) -> None:
        grading.check_the_sandbox(self._assignment)
        grading.warm()
        pool = ThreadPoolExecutor(self._jobs)  # the judges are processes of their own; a thread only waits for one
        futures: set[Future[Outcome]] = set()
        try:
            futures = {pool.submit(self._grade, submission, readable[submission.name]) for submission in waiting}
            while futures:
                done, futures = wait(futures, return_when=FIRST_COMPLETED)
                for future in done:
                    outcome = future.result()
                    self._outcomes[outcome.found.name] = outcome
                    self._told(outcome)
        finally:
            # Whatever stops us (Ctrl-C, a machine that cannot grade): those that wait are not begun.
            pool.shutdown(wait=True, cancel_futures=True)

    def _grade(self, submission: Found, handed_in: Submission) -> Outcome:
        self._tell({"event": "started", "name": submission.name})
        fault = ""
        for _ in range(TRIES):
            try:
                report = grading.grade(self._assignment, handed_in, secret=self._secret)
            except GraderError as error:
                fault = str(error)
                continue
            self._keep(submission, report)
            return Outcome(submission, "graded", report=report, notes=handed_in.notes)
        self._store.remove(f"reports/{submission.id}.json")
        self._store.remove(f"results/{submission.id}.json")
        return Outcome(submission, "grader_error", f"our fault, in {TRIES} tries: {fault}")

    def _keep(self, submission: Found, report: Report) -> None:
        """The report last: what is there is done."""
        self._store.write(f"results/{submission.id}.json", gradescope.to_json(report))
        self._store.write(f"reports/{submission.id}.json", schema.to_json(report) + b"\n")

    def _told(self, outcome: Outcome) -> None:
        self._tell({"event": "finished", "name": outcome.found.name, "outcome": outcome})
