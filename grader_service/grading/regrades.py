"""Grading again: any submissions of an assignment by any of its tests. Nothing counts before staff have seen it.

    create ─> a batch of jobs ─> results beside the old ones ─> compare ─> count ─> (withdraw)
                                                                   └─────> withdraw

Old results stay. Counting and taking back each write one entry in the audit for the regrade, and one for every student
whose points change. With only some of the tests the new results of these take the place of the old ones in the report
that counted when it was graded; the others keep what they had.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from autograder.core.errors import DeepgradeError
from autograder.report import schema as reports
from autograder.report.schema import ProblemResult, Report, TestResult, Timings
from grader_service.courses import late_policy
from grader_service.database import audit
from grader_service.database.models import Course, CourseAssignment, Job, Person, Regrade, Submission
from grader_service.database.session import db_now, one_at_a_time
from grader_service.grading import results, scores
from grader_service.queue import enqueue
from grader_service.submissions import diff

ENDS = ("done", "grader_error")
ONLY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")  # a test's name
TESTS_MOST = 200
AGAIN = "Some tests of this submission were graded again."  # no names: those of hidden tests are for staff


@dataclass(frozen=True)
class Change:
    """What a regrade found of one submission. Points are None where there are none."""

    submission: Submission
    before: float | None
    after: float | None
    state: str  # of the job
    message: str  # why it could not be graded

    @property
    def differs(self) -> bool:
        return self.after is not None and self.after != self.before


@dataclass(frozen=True)
class Student:
    """A student whose points in the assignment change."""

    person: Person
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Comparison:
    changes: list[Change]  # those that differ first
    students: list[Student]

    @property
    def waiting(self) -> int:
        return sum(change.state not in ENDS for change in self.changes)

    @property
    def failed(self) -> int:
        return sum(change.state == "grader_error" or bool(change.message) for change in self.changes)

    @property
    def differing(self) -> int:
        return sum(change.differs for change in self.changes)


def create(
    session: Session,
    actor: Person,
    chosen: CourseAssignment,
    submission_ids: Sequence[int],
    *,
    tests: Sequence[str] | None,
    needs: enqueue.Needs,
    reason: str,
    known: Sequence[str] | None = None,
) -> Regrade:
    """Put these submissions into the queue again. Raises DeepgradeError without any, or without a reason.

    tests : names; None is all of them
    known : names of the assignment's tests, where they are at hand; any other is refused
    """
    reason = audit.reason_of(reason)
    code = sa.select(Submission.id).where(Submission.course_assignment_id == chosen.id, Submission.kind == "code")
    wanted = set(submission_ids)
    ids = sorted(wanted & set(session.scalars(code)))
    if strangers := sorted(wanted - set(ids)):
        raise DeepgradeError(
            f"Submission {strangers[0]} is not a code submission for {chosen.assignment!r} in this course."
        )
    if not ids:
        raise DeepgradeError("there is no submission to grade again")
    named = None if tests is None else list(dict.fromkeys(tests))
    if named is not None:
        bad = [name for name in named if not ONLY.fullmatch(name)]
        for name in named if known is not None else ():
            _must_be_known(name, known or ())
        if bad or not 0 < len(named) <= TESTS_MOST:
            raise DeepgradeError(
                f"{bad[0]!r} is not the name of a test" if bad else f"name at most {TESTS_MOST} tests, or none"
            )
    one_at_a_time(session, "regrades")  # each has a number of its own
    made = Regrade(
        name="",
        course_assignment_id=chosen.id,
        tests=named,
        by_id=actor.id,
        reason=reason,
        created_at=session.scalars(sa.select(db_now())).one(),
    )
    made.name = f"regrade-{(session.scalar(sa.select(sa.func.max(Regrade.id))) or 0) + 1}"
    session.add(made)
    session.flush()
    enqueue.enqueue_many(session, ids, needs, batch=made.name)
    after = {"submissions": len(ids), "tests": named}
    audit.write(session, actor, "regrade begun", _subject(made), None, after, reason, chosen.course_id)
    return made


def find(session: Session, course: Course, regrade_id: int) -> Regrade | None:
    found = session.get(Regrade, regrade_id, options=[joinedload(Regrade.by)])
    return found if found is not None and found.course_assignment.course_id == course.id else None


def listed(session: Session, course: Course) -> list[tuple[Regrade, int, int]]:
    """A course's regrades, the latest first: each with how many jobs it has, and how many of them are at an end."""
    ended = sa.func.coalesce(sa.func.sum(sa.case((Job.state.in_(ENDS), 1), else_=0)), 0)
    counts = sa.select(Job.batch, sa.func.count(), ended).where(Job.batch != "").group_by(Job.batch)
    of_batch = {row[0]: (row[1], row[2]) for row in session.execute(counts)}
    of_course = Regrade.course_assignment_id.in_(CourseAssignment.ids_in(course.id))
    query = sa.select(Regrade).where(of_course).options(joinedload(Regrade.by))
    found = session.scalars(query.order_by(Regrade.id.desc()))
    return [(one, *of_batch.get(one.name, (0, 0))) for one in found]


def compare(session: Session, course: Course, regrade: Regrade) -> Comparison:
    """What it found beside what counts without it."""
    mine = sa.select(Job.submission_id).where(Job.batch == regrade.name)
    before = results.counting(session, Submission.id.in_(mine), without=regrade)
    after = results.of_regrade(session, regrade)
    query = (
        sa.select(Job)
        .where(Job.batch == regrade.name)
        .options(joinedload(Job.submission).joinedload(Submission.person))
        .order_by(Job.submission_id)
    )
    changes = []
    for job in session.scalars(query):
        was, new = before.get(job.submission_id), after.get(job.submission_id)
        refused = new is not None and not new.graded
        changes.append(
            Change(
                job.submission,
                was.points if was is not None and was.graded else None,
                new.points if new is not None and new.graded else None,
                job.state,
                "the current tests refuse this submission" if refused else job.message,
            )
        )
    changes.sort(key=lambda change: (not change.differs, change.submission.id))
    return Comparison(changes, _students(session, course, regrade, changes))


def tests_changed(session: Session, regrade: Regrade, numbers: Iterable[int]) -> dict[int, list[str]]:
    """Of these submissions, in words: the tests that went another way."""
    wanted = list(numbers)
    found = {number: one for number, one in results.of_regrade(session, regrade).items() if number in set(wanted)}
    new = results.reports(session, found)
    old = results.reports(session, results.of(session, new, without=regrade))
    told = {}
    for number in wanted:
        if number in old:
            other = diff.of_tests(reports.from_json(old[number]), reports.from_json(new[number]))
            told[number] = [f"{one.name}: {one.before or 'absent'}, now {one.after or 'absent'}" for one in other]
    return told


def count(session: Session, actor: Person, course: Course, regrade: Regrade) -> Comparison:
    """From now on its results count. Raises DeepgradeError while some are being graded, or when it is decided."""
    _undecided(regrade)
    compared = compare(session, course, regrade)
    if compared.waiting:
        raise DeepgradeError(f"{compared.waiting} of its {len(compared.changes)} submissions are still being graded")
    regrade.counted_at = session.scalars(sa.select(db_now())).one()
    session.flush()
    after = {"submissions": len(compared.changes), "other_points": compared.differing}
    audit.write(session, actor, "regrade counted", _subject(regrade), None, after, regrade.reason, course)
    for one in compared.students:
        _tell(session, actor, course, regrade, one, regrade.reason)
    return compared


def withdraw(session: Session, actor: Person, course: Course, regrade: Regrade, reason: str) -> None:
    """Its results do not count, or no more; what still waits is not graded."""
    reason = audit.reason_of(reason)
    if regrade.withdrawn_at is not None:
        raise DeepgradeError("this regrade was withdrawn already")
    counted = regrade.counted_at is not None
    before = _points(session, course, regrade) if counted else {}
    session.execute(sa.delete(Job).where(Job.batch == regrade.name, Job.state == "queued"))
    regrade.withdrawn_at = session.scalars(sa.select(db_now())).one()
    session.flush()
    audit.write(session, actor, "regrade withdrawn", _subject(regrade), {"counted": counted}, None, reason, course)
    if not counted:
        return
    after = _points(session, course, regrade)
    people = {one.id: one for one in session.scalars(sa.select(Person).where(Person.id.in_(list(before))))}
    for person_id, points in before.items():
        if points != after.get(person_id) and person_id in people:
            _tell(session, actor, course, regrade, Student(people[person_id], points, after.get(person_id)), reason)


def merged(base: Report, new: Report, tests: Iterable[str]) -> Report:
    """The old report with the new results of these tests. Of the same name with parameters: all of them."""
    names = set(tests)

    def again(test: TestResult) -> bool:
        return test.name.partition("[")[0] in names

    fresh = {test.id: test for test in new.tests if again(test)}
    kept: list[TestResult] = []
    for test in base.tests:
        if not again(test):
            kept.append(test)
        elif test.id in fresh:
            kept.append(fresh.pop(test.id))
    kept += fresh.values()
    told = {problem.name: problem.title for problem in (*base.problems, *new.problems)}
    problems = []
    for name, title in told.items():
        own = [test for test in kept if test.problem == name]
        problems.append(ProblemResult(name, title, sum(t.points for t in own), sum(t.possible for t in own)))
    ids = {test.id for test in kept}
    seconds = {**base.timings.test_seconds, **new.timings.test_seconds}
    ratios = {**base.timings.ratios, **new.timings.ratios}
    return msgspec.structs.replace(
        new,
        tests_sha256=base.tests_sha256,  # the rest of it is still by these
        message=" ".join(filter(None, (new.message, AGAIN))),
        points=sum(problem.points for problem in problems),
        possible=sum(problem.possible for problem in problems),
        problems=problems,
        tests=kept,
        timings=Timings(
            new.timings.total_seconds,
            {name: value for name, value in seconds.items() if name in ids},
            {name: value for name, value in ratios.items() if name in ids},
        ),
    )


def plan(session: Session, batch: str, submission: Submission) -> tuple[list[str], Report] | None:
    """For a worker: the tests that the job is to run, and the report that the others stay of. None: run all of them.

    Where no report counts yet there is nothing to stay, so all are run.
    """
    if not batch:
        return None
    tests = session.scalar(sa.select(Regrade.tests).where(Regrade.name == batch))
    if not tests:
        return None
    outcome = results.of(session, [submission.id]).get(submission.id)
    if outcome is None or not outcome.graded:
        return None
    return list(tests), reports.from_json(results.report(session, outcome))


def _students(session: Session, course: Course, regrade: Regrade, changes: list[Change]) -> list[Student]:
    """Whose points change if it counts; after it was decided nobody's do any more."""
    if regrade.counted_at is not None or regrade.withdrawn_at is not None:
        return []
    chosen = regrade.course_assignment
    points = {change.submission.id: change.after for change in changes if change.after is not None}
    people = {change.submission.person_id: change.submission.person for change in changes}
    found = []
    cells = scores.load(session, course, [chosen]).cells
    for person_id, person in people.items():
        cell = cells.get((person_id, chosen.id))
        if cell is None:
            continue
        attempts = [dataclasses.replace(one, points=points.get(one.id, one.points)) for one in cell.attempts]
        after = late_policy.score(cell.terms, attempts, written=cell.written, override=cell.override).points
        if after != cell.score.points:
            found.append(Student(person, cell.score.points, after))
    return sorted(found, key=lambda one: (one.person.name.casefold(), one.person.id))


def _points(session: Session, course: Course, regrade: Regrade) -> dict[int, float | None]:
    """Of each person that has something in the assignment."""
    cells = scores.load(session, course, [regrade.course_assignment]).cells
    return {key[0]: cell.score.points for key, cell in cells.items()}


def _tell(session: Session, actor: Person, course: Course, regrade: Regrade, one: Student, reason: str) -> None:
    before, after = ({"points": value} if value is not None else None for value in (one.before, one.after))
    audit.write(session, actor, "grade changed", _subject(regrade), before, after, reason, course, person=one.person)


def _undecided(regrade: Regrade) -> None:
    if regrade.withdrawn_at is not None:
        raise DeepgradeError("this regrade was withdrawn; start another one")
    if regrade.counted_at is not None:
        raise DeepgradeError("this regrade was applied already")


def _subject(regrade: Regrade) -> str:
    return f"{regrade.name} {regrade.assignment}"


def _must_be_known(name: str, known: Sequence[str]) -> None:
    """Raises DeepgradeError with the names that are like it."""
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    near = near or [one for one in known if name.removeprefix("test_").lower() in one.lower()][:3]
    instead = f"did you mean {' or '.join(near)}?" if near else f"it has {len(known)} others; tick some in the list"
    raise DeepgradeError(f"the assignment has no test {name[:80]!r}; {instead}")
