"""Scores that other graders wrote, into the grade book: as points by hand, with a reason and entries in the audit.

    scores ── whose is each? ──> Plan, to be looked at ── write ──> overrides

A score is somebody's when its e-mail address, number of a student or file name is a login or an address of the course,
or its name that of one person alone. Nothing is written while one score is nobody's, unless that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.errors import DeepgradeError
from autograder.import_results import Score
from grader_service.accounts.accounts import fold
from grader_service.database.models import Course, CourseAssignment, Membership, Person
from grader_service.grading import manual, scores


@dataclass(frozen=True)
class Planned:
    """One score: whose it is, what counts now, and what would count then."""

    score: Score
    person: Person | None
    before: float | None
    trouble: str = ""  # why it cannot be imported

    @property
    def changes(self) -> bool:
        return self.person is not None and not self.trouble and self.score.points != self.before


@dataclass(frozen=True)
class Plan:
    chosen: CourseAssignment
    rows: list[Planned] = field(default_factory=list)

    @property
    def unknown(self) -> list[Planned]:
        return [row for row in self.rows if row.person is None and row.score.points is not None]

    @property
    def changing(self) -> list[Planned]:
        return [row for row in self.rows if row.changes]


def plan(session: Session, course: Course, chosen: CourseAssignment, found: Sequence[Score]) -> Plan:
    """What importing would do. Raises DeepgradeError for two scores of one person: somebody must say which counts."""
    students = sa.select(Person).join(Membership).where(Membership.course_id == course.id, Membership.role == "student")
    people = list(session.scalars(students))
    known: dict[str, set[int]] = {}
    names: dict[str, set[int]] = {}
    for person in people:
        for key in {fold(person.login), fold(person.email or "")} - {""}:
            known.setdefault(key, set()).add(person.id)
        names.setdefault(fold(person.name), set()).add(person.id)
    by_id = {person.id: person for person in people}
    counting = scores.load(session, course, [chosen])
    rows: list[Planned] = []
    seen: dict[int, Score] = {}
    for score in found:
        ids = next((known[key] for key in _keys(score) if key in known), names.get(fold(score.student), set()))
        if len(ids) != 1:
            trouble = "more than one student matches" if ids else "no student of the course matches"
            rows.append(Planned(score, None, None, trouble))
            continue
        person = by_id[next(iter(ids))]
        if person.id in seen and score.points is not None:
            raise DeepgradeError(
                f"{seen[person.id].submission!r} and {score.submission!r} are both scores of {person.login}; keep one"
            )
        before = counting.cell(person.id, chosen).score.points
        if score.points is None:
            rows.append(Planned(score, person, before, "the score is missing"))
            continue
        seen[person.id] = score
        rows.append(Planned(score, person, before))
    return Plan(chosen, rows)


def write(session: Session, actor: Person | None, made: Plan, reason: str, *, without_unknown: bool = False) -> int:
    """Set the points by hand that differ from what counts; returns how many. All of them, or none."""
    if made.unknown and not without_unknown:
        first = made.unknown[0]
        raise DeepgradeError(
            f"{len(made.unknown)} of {len(made.rows)} scores match no student, such as {first.score.submission!r} "
            f"({first.trouble}); correct the file, or leave these scores out with --without-unknown"
        )
    for row in made.changing:
        assert row.person is not None
        assert row.score.points is not None
        manual.set_override(session, actor, made.chosen, row.person, row.score.points, reason)
    return len(made.changing)


def _keys(score: Score) -> Iterator[str]:
    """What may name the student, the surest first."""
    name = PurePosixPath(score.submission).name
    stem = name
    for ending in (".zip", ".ipynb", ".json", ".py"):
        stem = stem.removesuffix(ending)
    for text in (score.email, score.sid, name, stem, stem.partition("_")[0], score.student):
        if text:
            yield fold(text)
