"""Scores that other graders wrote, into the grade book: as points by hand, with a reason and entries in the audit.

    scores ── whose is each? ──> Plan, to be looked at ── write ──> overrides

A match is **sure** when the e-mail address, the number of the student or the whole name of the file is a login or an
address of the course, and all of these name one person. It is a **guess** when only a part of the file's name is, or
the student's name is that of one person alone: the plan says by what. Nothing is written while one score is nobody's,
or somebody's by a guess, unless that is wanted.
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
    """One score: whose it is, and what counts now."""

    score: Score
    person: Person | None
    before: float | None
    trouble: str = ""  # why it cannot be imported
    guess: str = ""  # by what it was matched, where that is not sure

    @property
    def changes(self) -> bool:
        return self.person is not None and not self.trouble and self.score.points != self.before

    @property
    def after(self) -> float | None:
        """What would count then."""
        return self.score.points if self.changes else self.before


@dataclass(frozen=True)
class Plan:
    chosen: CourseAssignment
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
        ids, guess = _matches(score, known, names)
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
            rows.append(Planned(score, person, before, "the score is missing", guess))
            continue
        seen[person.id] = score
        rows.append(Planned(score, person, before, guess=guess))
    return Plan(chosen, rows)


def write(
    session: Session,
    actor: Person | None,
    made: Plan,
    reason: str,
    *,
    without_unknown: bool = False,
    with_guesses: bool = False,
) -> int:
    """Set the points by hand that differ from what counts; returns how many. All of them, or none."""
    if made.unknown and not without_unknown:
        first = made.unknown[0]
        raise DeepgradeError(
            f"{len(made.unknown)} of {len(made.rows)} scores match no student, such as {first.score.submission!r} "
            f"({first.trouble}); correct the file, or leave these scores out with --without-unknown"
        )
    if made.guessed and not with_guesses:
        one = made.guessed[0]
        assert one.person is not None
        raise DeepgradeError(
            f"{len(made.guessed)} of {len(made.rows)} matches are guesses, such as {one.score.submission!r} for "
            f"{one.person.login} ({one.guess}); check each of them, then add --with-guesses, or correct the file"
        )
    for row in made.changing:
        assert row.person is not None
        assert row.score.points is not None
        manual.set_override(session, actor, made.chosen, row.person, row.score.points, reason)
    return len(made.changing)


def _matches(score: Score, known: Mapping[str, set[int]], names: Mapping[str, set[int]]) -> tuple[set[int], str]:
    """Who it may be, and by which guess; "" where it is sure."""
    sure = set().union(*(known.get(key, set()) for key in _keys(score)))
    if sure:
        return sure, ""
    stem = _stem(score)
    for words, text in (("by the beginning of the file name", stem.partition("_")[0]), ("by the name", score.student)):
        if found := known.get(fold(text), set()):
            return found, words
    last, _, first = score.student.partition(",")
    spoken = " ".join(f"{first} {last}".split()) if first else score.student
    return names.get(fold(score.student), set()) | names.get(fold(spoken), set()), "by the name"


def _keys(score: Score) -> Iterator[str]:
    """What names the student for sure."""
    for text in (score.email, score.sid, PurePosixPath(score.submission).name, _stem(score)):
        if text:
            yield fold(text)


def _stem(score: Score) -> str:
    stem = PurePosixPath(score.submission).name
    for ending in (".zip", ".ipynb", ".json", ".py"):
        stem = stem.removesuffix(ending)
    return stem
