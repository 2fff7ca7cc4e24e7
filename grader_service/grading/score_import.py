"""Imports scores of other graders into the grade book, as points by hand with a reason and entries in the audit.

    scores ── match each with a student ──> Plan, for review ── write ──> overrides

A match is **sure** if the e-mail address, the student's number or the whole file name is a login or an address of the
course, and all of these name one person. It is a **guess** if only a part of the file name does, or if only the
student's name matches; the plan names the method. Nothing is written while a score has no student, or a guessed one,
unless the caller allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.batch.import_results import Score
from autograder.core.errors import DeepgradeError
from grader_service.accounts.accounts import fold
from grader_service.database.models import Course, CourseAssignment, Membership, Person
from grader_service.grading import manual, scores


@dataclass(frozen=True)
class Planned:
    """One score, its student, and the points that count now."""

    score: Score
    person: Person | None
    before: float | None
    trouble: str = ""  # why it cannot be imported
    guess: str = ""  # the method of an unsure match

    @property
    def changes(self) -> bool:
        return self.person is not None and not self.trouble and self.score.points != self.before

    @property
    def after(self) -> float | None:
        """The points that would count after the import."""
        return self.score.points if self.changes else self.before


@dataclass(frozen=True)
class Plan:
    course_assignment: CourseAssignment
    rows: list[Planned] = field(default_factory=list)

    @property
    def unknown(self) -> list[Planned]:
        return [row for row in self.rows if row.person is None and row.score.points is not None]

    @property
    def guessed(self) -> list[Planned]:
        return [row for row in self.rows if row.guess and not row.trouble]

    @property
    def changing(self) -> list[Planned]:
        return [row for row in self.rows if row.changes]


def plan(session: Session, course: Course, course_assignment: CourseAssignment, imported: Sequence[Score]) -> Plan:
    """The changes that an import would make. Raises DeepgradeError for two scores of one person."""
    students = sa.select(Person).join(Membership).where(Membership.course_id == course.id, Membership.role == "student")
    people = list(session.scalars(students))
    ids_by_key: dict[str, set[int]] = {}
    names: dict[str, set[int]] = {}
    for person in people:
        for key in {fold(person.login), fold(person.email or "")} - {""}:
            ids_by_key.setdefault(key, set()).add(person.id)
        names.setdefault(fold(person.name), set()).add(person.id)
    by_id = {person.id: person for person in people}
    counting = scores.load(session, course, [course_assignment])
    rows: list[Planned] = []
    earlier: dict[int, Score] = {}
    for score in imported:
        ids, guess = _matches(score, ids_by_key, names)
        if len(ids) != 1:
            trouble = "more than one student matches" if ids else "no student of the course matches"
            rows.append(Planned(score, None, None, trouble))
            continue
        person = by_id[next(iter(ids))]
        if person.id in earlier and score.points is not None:
            first = earlier[person.id].submission
            raise DeepgradeError(f"{first!r} and {score.submission!r} are both scores of {person.login}; keep one")
        before = counting.cell(person.id, course_assignment).score.points
        if score.points is None:
            rows.append(Planned(score, person, before, "the score is missing", guess))
            continue
        earlier[person.id] = score
        rows.append(Planned(score, person, before, guess=guess))
    return Plan(course_assignment, rows)


def write(
    session: Session,
    actor: Person | None,
    plan: Plan,
    reason: str,
    *,
    without_unknown: bool = False,
    with_guesses: bool = False,
) -> int:
    """Set all points by hand that differ from the points that count, or none of them. Returns their number."""
    if plan.unknown and not without_unknown:
        first = plan.unknown[0]
        raise DeepgradeError(
            f"{len(plan.unknown)} of {len(plan.rows)} scores match no student, such as {first.score.submission!r} "
            f"({first.trouble}); correct the file, or leave these scores out with --without-unknown"
        )
    if plan.guessed and not with_guesses:
        guess = plan.guessed[0]
        assert guess.person is not None
        raise DeepgradeError(
            f"{len(plan.guessed)} of {len(plan.rows)} matches are guesses, such as {guess.score.submission!r} for "
            f"{guess.person.login} ({guess.guess}); check each of them, then add --with-guesses, or correct the file"
        )
    for row in plan.changing:
        assert row.person is not None
        assert row.score.points is not None
        manual.set_override(session, actor, plan.course_assignment, row.person, row.score.points, reason)
    return len(plan.changing)


def _matches(score: Score, ids_by_key: Mapping[str, set[int]], names: Mapping[str, set[int]]) -> tuple[set[int], str]:
    """Ids of the matching students, and the method of a guess; "" for a sure match."""
    sure = set().union(*(ids_by_key.get(key, set()) for key in _keys(score)))
    if sure:
        return sure, ""
    stem = _stem(score)
    for method, text in (("by the beginning of the file name", stem.partition("_")[0]), ("by the name", score.student)):
        if ids := ids_by_key.get(fold(text), set()):
            return ids, method
    last, _, first = score.student.partition(",")
    reordered = " ".join(f"{first} {last}".split()) if first else score.student
    return names.get(fold(score.student), set()) | names.get(fold(reordered), set()), "by the name"


def _keys(score: Score) -> Iterator[str]:
    """The texts that identify a student for sure."""
    for text in (score.login, score.email, score.sid, PurePosixPath(score.submission).name, _stem(score)):
        if text:
            yield fold(text)


def _stem(score: Score) -> str:
    stem = PurePosixPath(score.submission).name
    for ending in (".zip", ".ipynb", ".json", ".py"):
        stem = stem.removesuffix(ending)
    return stem
