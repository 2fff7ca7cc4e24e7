"""Which tests a job runs, and which results it takes from an earlier grading.

    an upload                       from an earlier upload of the same files by the same person
    a regrade                       from the last grading of the same submission
    a regrade by tests of some names   runs these; the report that counts has the other results
    a regrade that grades everything   runs all tests

`autograder.reuse` decides which results hold. Jobs, attempts, dates and the audit do not depend on it: a job that is
answered without a sandbox is finished like every other one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder import grade as grading
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.course.submission import Submission as Files
from autograder.report import schema as reports
from autograder.report.points import of_problems
from autograder.report.schema import Report
from autograder.reuse import earlier as reuse
from autograder.reuse import fingerprints
from autograder.reuse.earlier import Basis, Earlier, Grade
from autograder.reuse.keys import Keys
from grader_service.database.models import Regrade, Submission
from grader_service.database.session import Database
from grader_service.grading import results
from grader_service.grading.results import Outcome
from grader_service.queue.leases import Claim, Origin

AGAIN = "Some tests of this submission were graded again."  # no names: those of hidden tests are for staff


@dataclass(frozen=True)
class Order:
    """What a job asks for.

    tests : names; None: all
    base : the result that keeps the results of the other tests; None where all tests are graded
    anew : take no results from earlier gradings
    """

    submission: Submission
    regrade: bool
    tests: list[str] | None = None
    base: Outcome | None = None
    anew: bool = False


def order(session: Session, claim: Claim) -> Order:
    """What the job of this claim asks for. A submission without a counting report needs all tests."""
    submission = session.get_one(Submission, claim.submission_id)
    if not claim.batch:
        return Order(submission, regrade=False)
    row = session.execute(sa.select(Regrade.tests, Regrade.anew).where(Regrade.name == claim.batch)).one_or_none()
    if row is None:
        return Order(submission, regrade=True, anew=True)
    if not row.tests:
        return Order(submission, regrade=True, anew=row.anew)
    outcome = results.of(session, [submission.id]).get(submission.id)
    if outcome is None or not outcome.graded:
        return Order(submission, regrade=True, anew=True)
    return Order(submission, regrade=True, tests=list(row.tests), base=outcome)


class JobGrader:
    """Grades the jobs of one worker."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret
        self._engine = fingerprints.engine()  # of the files that this process has loaded
        self._fingerprints: dict[str, dict[str, str]] = {}  # by assignment
        self._version = ""  # of the course, that the fingerprints are of

    def grade(
        self, order: Order, assignment: Assignment, files: Files, version: str, grade_tests: Grade
    ) -> tuple[Report, Origin]:
        """The report of a job, and where its results come from.

        version : of the course. The caller grades again if the course has another one afterwards.
        grade_tests : runs tests in a sandbox.
        """
        own_tests = assignment.manifest.own_tests is not None and own.SUITE in files.files
        keys = Keys(assignment, self._fingerprints_of(assignment, version), own_tests=own_tests)
        answer = reuse.answer(self._secret, files, grading.device(assignment))
        if order.tests is not None and order.base is not None:
            return self._grade_named(order.tests, order.base, keys, answer, grade_tests)
        with self._database.read() as session:
            stored = None if order.anew else results.earlier(session, order.submission, answer, own=order.regrade)
        earlier = _read(stored.report, stored.basis, own=order.regrade) if stored is not None else None
        graded = reuse.grade(assignment, files, keys, earlier, grade_tests)
        source = stored.id if stored is not None and graded.answered else None
        return graded.report, Origin(answer, reuse.to_json(graded.basis), source, graded.answered)

    def _grade_named(
        self, names: list[str], base: Outcome, keys: Keys, answer: str, grade_tests: Grade
    ) -> tuple[Report, Origin]:
        with self._database.read() as session:
            whole = reports.from_json(results.report(session, base))
            known = _basis(results.basis(session, base, answer)) or Basis()
        report = merged(whole, grade_tests(names, keys.learn), names)
        return report, Origin(answer, reuse.to_json(reuse.basis_of_merged(report, known, keys, names)))

    def _fingerprints_of(self, assignment: Assignment, version: str) -> dict[str, str]:
        if version != self._version:
            self._fingerprints, self._version = {}, version
        if assignment.name not in self._fingerprints:
            hashes = fingerprints.fingerprints(assignment, timed=True, engine_hash=self._engine)
            self._fingerprints[assignment.name] = hashes
        return self._fingerprints[assignment.name]


def merged(base: Report, new: Report, tests: Iterable[str]) -> Report:
    """The old report with the new results of these tests. A name includes all its parametrised cases."""
    names = set(tests)
    new_tests = {test.id: test for test in new.tests if test.name.partition("[")[0] in names}
    replaced = set(new_tests)
    old_tests = {test.id: test for test in base.tests if test.name.partition("[")[0] not in names}
    places = [test.id for test in base.tests if test.id in old_tests or test.id in new_tests]
    merged_tests = [old_tests.get(test) or new_tests.pop(test) for test in places]
    merged_tests += new_tests.values()
    declared = {problem.name: problem for problem in (*base.problems, *new.problems)}
    problems = of_problems(sorted(declared.values(), key=lambda problem: problem.bonus > 0), merged_tests)
    return msgspec.structs.replace(
        new,
        tests_sha256=base.tests_sha256,  # the rest of it is still by these
        message=" ".join(filter(None, (new.message, AGAIN))),
        points=sum(problem.points for problem in problems),
        possible=sum(problem.possible for problem in problems),
        problems=problems,
        tests=merged_tests,
        timings=reuse.timings(merged_tests, base, new, {test.id for test in merged_tests} - replaced),
    )


def _read(report: bytes, basis: bytes, *, own: bool) -> Earlier | None:
    """An earlier result. None if a newer or older version of deepgrade wrote it in a form that this one cannot read."""
    known = _basis(basis)
    if known is None:
        return None
    try:
        whole = reports.from_json(report)
    except msgspec.ValidationError:
        return None
    message = whole.message.removesuffix(AGAIN).rstrip()
    return Earlier(msgspec.structs.replace(whole, message=message), known, own)


def _basis(data: bytes) -> Basis | None:
    try:
        return reuse.from_json(data) if data else None
    except msgspec.DecodeError:  # a validation error is one, too
        return None
