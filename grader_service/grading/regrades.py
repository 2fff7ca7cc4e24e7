"""Regrades of any submissions of an assignment by any of its tests. Results count only after staff have approved them.

    create ─> a batch of jobs ─> results beside the old ones ─> compare ─> count ─> (withdraw)
                                                                   └─────> withdraw

Old results stay. Applying and withdrawing write one entry in the audit for the regrade, and one for every student whose
points change. `job_grading` says which tests a regrade runs, and from where it takes the other results.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from autograder.core.errors import DeepgradeError
from autograder.report import schema as reports
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


@dataclass(frozen=True)
class Change:
    """What a regrade found of one submission. Points are None where there are none."""

    submission: Submission
    before: float | None
    after: float | None
    state: str  # of the job
    message: str  # why it could not be graded
    tests_answered: int  # tests whose results are those of an earlier grading

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
    def answered(self) -> int:
        return sum(change.tests_answered > 0 for change in self.changes)

    @property
    def differing(self) -> int:
        return sum(change.differs for change in self.changes)


def create(
    session: Session,
    actor: Person,
    course_assignment: CourseAssignment,
    submission_ids: Sequence[int],
    *,
    tests: Sequence[str] | None,
    needs: enqueue.Needs,
    reason: str,
    known: Sequence[str] | None = None,
    anew: bool = False,
) -> Regrade:
    """Put these submissions into the queue again. Raises DeepgradeError without any, or without a reason.

    tests : names; None is all of them
    known : names of the assignment's tests, where they are at hand; any other is refused
    anew : take no results from earlier gradings; tests that are named are graded in any case
    """
    reason = audit.reason_of(reason)
    code = sa.select(Submission.id).where(
        Submission.course_assignment_id == course_assignment.id, Submission.kind == "code"
    )
    requested = set(submission_ids)
    ids = sorted(requested & set(session.scalars(code)))
    if strangers := sorted(requested - set(ids)):
        raise DeepgradeError(
            f"Submission {strangers[0]} is not a code submission for {course_assignment.assignment!r} in this course."
        )
    if not ids:
        raise DeepgradeError("there is no submission to grade again")
    names = None if tests is None else list(dict.fromkeys(tests))
    if names is not None:
        invalid = [name for name in names if not ONLY.fullmatch(name)]
        for name in names if known is not None else ():
            _must_be_known(name, known or ())
        if invalid or not 0 < len(names) <= TESTS_MOST:
            raise DeepgradeError(
                f"{invalid[0]!r} is not the name of a test" if invalid else f"name at most {TESTS_MOST} tests, or none"
            )
    one_at_a_time(session, "regrades")  # each has a number of its own
    regrade = Regrade(
        name="",
        course_assignment_id=course_assignment.id,
        tests=names,
        anew=anew,
        by_id=actor.id,
        reason=reason,
        created_at=session.scalars(sa.select(db_now())).one(),
    )
    regrade.name = f"regrade-{(session.scalar(sa.select(sa.func.max(Regrade.id))) or 0) + 1}"
    session.add(regrade)
    session.flush()
    enqueue.enqueue_many(session, ids, needs, batch=regrade.name)
    after = {"submissions": len(ids), "tests": names, "anew": anew}
    audit.write(session, actor, "regrade begun", _subject(regrade), None, after, reason, course_assignment.course_id)
    return regrade


def find(session: Session, course: Course, regrade_id: int) -> Regrade | None:
    regrade = session.get(Regrade, regrade_id, options=[joinedload(Regrade.by)])
    return regrade if regrade is not None and regrade.course_assignment.course_id == course.id else None


def of_course(session: Session, course: Course) -> list[tuple[Regrade, int, int]]:
    """A course's regrades, the latest first: each with how many jobs it has, and how many of them are at an end."""
    ended = sa.func.coalesce(sa.func.sum(sa.case((Job.state.in_(ENDS), 1), else_=0)), 0)
    counts = sa.select(Job.batch, sa.func.count(), ended).where(Job.batch != "").group_by(Job.batch)
    of_batch = {row[0]: (row[1], row[2]) for row in session.execute(counts)}
    in_course = Regrade.course_assignment_id.in_(CourseAssignment.ids_in(course.id))
    query = sa.select(Regrade).where(in_course).options(joinedload(Regrade.by))
    regrades = session.scalars(query.order_by(Regrade.id.desc()))
    return [(regrade, *of_batch.get(regrade.name, (0, 0))) for regrade in regrades]


def compare(session: Session, course: Course, regrade: Regrade) -> Comparison:
    """The results of the regrade beside those that count without it."""
    job_submissions = sa.select(Job.submission_id).where(Job.batch == regrade.name)
    before = results.counting(session, Submission.id.in_(job_submissions), without=regrade)
    after = results.of_regrade(session, regrade)
    query = (
        sa.select(Job)
        .where(Job.batch == regrade.name)
        .options(joinedload(Job.submission).joinedload(Submission.person))
        .order_by(Job.submission_id)
    )
    changes = []
    for job in session.scalars(query):
        old, outcome = before.get(job.submission_id), after.get(job.submission_id)
        refused = outcome is not None and not outcome.graded
        changes.append(
            Change(
                job.submission,
                old.points if old is not None and old.graded else None,
                outcome.points if outcome is not None and outcome.graded else None,
                job.state,
                "the current tests refuse this submission" if refused else job.message,
                outcome.tests_answered if outcome is not None else 0,
            )
        )
    changes.sort(key=lambda change: (not change.differs, change.submission.id))
    return Comparison(changes, _students(session, course, regrade, changes))


def tests_changed(session: Session, regrade: Regrade, numbers: Iterable[int]) -> dict[int, list[str]]:
    """The tests with a different result, as sentences, by submission."""
    ordered = list(numbers)
    outcomes = {
        number: outcome for number, outcome in results.of_regrade(session, regrade).items() if number in set(ordered)
    }
    new_reports = results.reports(session, outcomes)
    old_reports = results.reports(session, results.of(session, new_reports, without=regrade))
    sentences = {}
    for number in ordered:
        if number in old_reports:
            changed = diff.of_tests(reports.from_json(old_reports[number]), reports.from_json(new_reports[number]))
            sentences[number] = [
                f"{outcome.name}: {outcome.before or 'absent'}, now {outcome.after or 'absent'}" for outcome in changed
            ]
    return sentences


def count(session: Session, actor: Person, course: Course, regrade: Regrade) -> Comparison:
    """Make its results count. Raises DeepgradeError while some are being graded, or if it was decided already."""
    _undecided(regrade)
    comparison = compare(session, course, regrade)
    if comparison.waiting:
        raise DeepgradeError(
            f"{comparison.waiting} of its {len(comparison.changes)} submissions are still being graded"
        )
    regrade.counted_at = session.scalars(sa.select(db_now())).one()
    session.flush()
    after = {"submissions": len(comparison.changes), "other_points": comparison.differing}
    audit.write(session, actor, "regrade counted", _subject(regrade), None, after, regrade.reason, course)
    for student in comparison.students:
        _audit(session, actor, course, regrade, student, regrade.reason)
    return comparison


def withdraw(session: Session, actor: Person, course: Course, regrade: Regrade, reason: str) -> None:
    """Make its results not count. Waiting jobs are deleted."""
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
    people = {person.id: person for person in session.scalars(sa.select(Person).where(Person.id.in_(list(before))))}
    for person_id, points in before.items():
        if points != after.get(person_id) and person_id in people:
            _audit(session, actor, course, regrade, Student(people[person_id], points, after.get(person_id)), reason)


def _students(session: Session, course: Course, regrade: Regrade, changes: list[Change]) -> list[Student]:
    """The students whose points would change; empty after the decision."""
    if regrade.counted_at is not None or regrade.withdrawn_at is not None:
        return []
    course_assignment = regrade.course_assignment
    points = {change.submission.id: change.after for change in changes if change.after is not None}
    people = {change.submission.person_id: change.submission.person for change in changes}
    students = []
    cells = scores.load(session, course, [course_assignment]).cells
    for person_id, person in people.items():
        cell = cells.get((person_id, course_assignment.id))
        if cell is None:
            continue
        attempts = [dataclasses.replace(item, points=points.get(item.id, item.points)) for item in cell.attempts]
        after = late_policy.score(cell.terms, attempts, written=cell.written, override=cell.override).points
        if after != cell.score.points:
            students.append(Student(person, cell.score.points, after))
    return sorted(students, key=lambda item: (item.person.name.casefold(), item.person.id))


def _points(session: Session, course: Course, regrade: Regrade) -> dict[int, float | None]:
    """The points of each person with an entry in the assignment."""
    cells = scores.load(session, course, [regrade.course_assignment]).cells
    return {key[0]: cell.score.points for key, cell in cells.items()}


def _audit(session: Session, actor: Person, course: Course, regrade: Regrade, student: Student, reason: str) -> None:
    before, after = ({"points": value} if value is not None else None for value in (student.before, student.after))
    audit.write(
        session, actor, "grade changed", _subject(regrade), before, after, reason, course, person=student.person
    )


def _undecided(regrade: Regrade) -> None:
    if regrade.withdrawn_at is not None:
        raise DeepgradeError("this regrade was withdrawn; start another one")
    if regrade.counted_at is not None:
        raise DeepgradeError("this regrade was applied already")


def _subject(regrade: Regrade) -> str:
    return f"{regrade.name} {regrade.assignment}"


def _must_be_known(name: str, known: Sequence[str]) -> None:
    """Raises DeepgradeError with similar names for an unknown name."""
    if name in known:
        return
    similar = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    similar = similar or [test for test in known if name.removeprefix("test_").lower() in test.lower()][:3]
    hint = f"did you mean {' or '.join(similar)}?" if similar else f"it has {len(known)} others; tick some in the list"
    raise DeepgradeError(f"the assignment has no test {name[:80]!r}; {hint}")
