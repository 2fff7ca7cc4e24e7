"""Grading by people: points by hand, points of a rubric, comments.

Every change of a grade has a reason and an entry in the audit, in the same transaction. Every function here raises
DeepgradeError with a sentence for the page if the change is not valid, and then changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from autograder.core.errors import DeepgradeError
from grader_service.database import audit
from grader_service.database.models import (
    Comment,
    CourseAssignment,
    Override,
    Person,
    RubricItem,
    RubricScore,
    Submission,
)
from grader_service.database.session import db_now, storable

POINTS_MOST = 10_000.0
TEXT_MOST = 10_000  # characters of a comment
LINES_MOST = 50  # of a rubric


@dataclass(frozen=True)
class Line:
    """A line of a rubric in a form. `id` is None for a new line. An empty text removes the line."""

    id: int | None
    text: str
    points: float


# --- points by hand ---------------------------------------------------------------------------------------------------


def overrides(session: Session, course_assignments: Sequence[CourseAssignment], person: Person) -> dict[int, Override]:
    """The valid points by hand of one person, by the id of the course_assignment."""
    query = sa.select(Override).where(
        Override.course_assignment_id.in_([item.id for item in course_assignments]),
        Override.person_id == person.id,
        Override.withdrawn_at.is_(None),
    )
    valid = session.scalars(query.options(joinedload(Override.by)).order_by(Override.id))
    return {item.course_assignment_id: item for item in valid}


def set_override(
    session: Session,
    actor: Person | None,
    course_assignment: CourseAssignment,
    person: Person,
    points: float,
    reason: str,
    *,
    submission_id: int | None = None,
) -> Override:
    """Set points by hand, which replace the points of the assignment. An earlier override is withdrawn first."""
    points, reason = _points(points), audit.reason_of(reason)
    existing = overrides(session, [course_assignment], person).get(course_assignment.id)
    if existing is not None and existing.points == points and existing.reason == reason:
        return existing
    now = session.scalars(sa.select(db_now())).one()
    session.execute(_holding(course_assignment, person).values(withdrawn_at=now))
    override = Override(
        submission_id=submission_id,
        person_id=person.id,
        course_assignment_id=course_assignment.id,
        points=points,
        reason=reason,
        by_id=actor.id if actor else None,
        at=now,
    )
    session.add(override)
    session.flush()
    before = None if existing is None else {"points": existing.points}
    _audit(session, actor, "override set", course_assignment, person, before, {"points": points}, reason)
    return override


def withdraw_override(
    session: Session, actor: Person, course_assignment: CourseAssignment, person: Person, reason: str
) -> None:
    """Withdraw points by hand. The points of the grader and the rubric count again."""
    reason = audit.reason_of(reason)
    existing = overrides(session, [course_assignment], person).get(course_assignment.id)
    if existing is None:
        raise DeepgradeError("no points were set by hand, so there is nothing to withdraw")
    session.execute(_holding(course_assignment, person).values(withdrawn_at=db_now()))
    _audit(session, actor, "override withdrawn", course_assignment, person, {"points": existing.points}, None, reason)


def _holding(course_assignment: CourseAssignment, person: Person) -> sa.Update:
    return sa.update(Override).where(
        Override.course_assignment_id == course_assignment.id,
        Override.person_id == person.id,
        Override.withdrawn_at.is_(None),
    )


# --- comments ---------------------------------------------------------------------------------------------------------


def comment(session: Session, actor: Person, submission: Submission, text: str) -> Comment:
    """Add a comment for the student."""
    text = storable(text).strip()
    if not text:
        raise DeepgradeError("a comment needs some text")
    if len(text) > TEXT_MOST:
        raise DeepgradeError(f"a comment has at most {TEXT_MOST} characters, this one has {len(text)}")
    comment = Comment(
        submission_id=submission.id, by_id=actor.id, text=text, at=session.scalars(sa.select(db_now())).one()
    )
    session.add(comment)
    session.flush()
    return comment


def comments(session: Session, submission: Submission) -> list[Comment]:
    query = sa.select(Comment).where(Comment.submission_id == submission.id).options(joinedload(Comment.by))
    return list(session.scalars(query.order_by(Comment.id)))


# --- the rubric of a written part -------------------------------------------------------------------------------------


def rubric(session: Session, course_assignment: CourseAssignment) -> list[RubricItem]:
    query = sa.select(RubricItem).where(RubricItem.course_assignment_id == course_assignment.id)
    return list(session.scalars(query.order_by(RubricItem.position, RubricItem.id)))


def set_rubric(
    session: Session, actor: Person, course_assignment: CourseAssignment, lines: Sequence[Line], reason: str
) -> bool:
    """Replace the rubric by these lines, in this order. Returns whether anything changed.

    Removing a line removes its points too, and needs a reason if points were given.
    """
    before = rubric(session, course_assignment)
    existing = {item.id: item for item in before}
    filled = [line for line in lines if line.text.strip()]
    if len(filled) > LINES_MOST:
        raise DeepgradeError(f"a rubric has at most {LINES_MOST} lines, this one has {len(filled)}")
    for line in filled:
        _points(line.points)
        if line.id is not None and line.id not in existing:
            raise DeepgradeError("a line of the rubric was removed meanwhile; reload the page")
    most_given = _most_given(session, list(existing))
    for line in filled:
        given = most_given.get(line.id or 0)
        if given is not None and given > line.points:
            raise DeepgradeError(
                f"a submission has {given:.15g} points for {line.text.strip()[:60]!r}; give the line at least that many"
            )
    removed = set(existing) - {line.id for line in filled}
    if removed & set(most_given) and not reason.strip():
        raise DeepgradeError("you are removing a line for which points were given; enter a reason")
    old_lines = [_of_item(item) for item in before]
    for item_id in removed:
        session.execute(sa.delete(RubricScore).where(RubricScore.item_id == item_id))
        session.delete(existing[item_id])
    for position, line in enumerate(filled):
        item = existing[line.id] if line.id is not None else RubricItem(course_assignment_id=course_assignment.id)
        item.position, item.text, item.points = position, storable(line.text).strip()[:1000], line.points
        session.add(item)
    session.flush()
    new_lines = [_of_item(item) for item in rubric(session, course_assignment)]
    if new_lines == old_lines:
        return False
    audit.write(
        session,
        actor,
        "rubric changed",
        f"rubric {course_assignment.assignment}",
        old_lines,
        new_lines,
        audit.reason_of(reason, required=False),
        course_assignment.course_id,
    )
    return True


def rubric_scores(session: Session, submission: Submission) -> dict[int, float]:
    """The points of a written submission, by line of the rubric."""
    rows = session.execute(
        sa.select(RubricScore.item_id, RubricScore.points).where(RubricScore.submission_id == submission.id)
    )
    return {row[0]: row[1] for row in rows}


def score_rubric(
    session: Session,
    actor: Person,
    submission: Submission,
    course_assignment: CourseAssignment,
    points: Mapping[int, float | None],
) -> bool:
    """Set the points of a written submission, line by line; None removes them. Returns whether any changed."""
    items = {item.id: item for item in rubric(session, course_assignment)}
    for item_id, value in points.items():
        if item_id not in items:
            raise DeepgradeError("a line of the rubric was removed meanwhile; reload the page")
        maximum, name = items[item_id].points, items[item_id].text[:60]
        if value is not None and not 0 <= _points(value) <= maximum:
            raise DeepgradeError(f"{value:.15g} is more than the maximum of {maximum:.15g} points for {name!r}")
    before = rubric_scores(session, submission)
    after = {**before, **points}
    after_given = {item_id: value for item_id, value in after.items() if value is not None}
    if after_given == before:
        return False
    now = session.scalars(sa.select(db_now())).one()
    for item_id, value in points.items():
        existing = session.get(RubricScore, (submission.id, item_id))
        if value is None:
            if existing is not None:
                session.delete(existing)
        elif existing is None:
            session.add(RubricScore(submission_id=submission.id, item_id=item_id, points=value, by_id=actor.id, at=now))
        elif existing.points != value:
            existing.points, existing.by_id, existing.at = value, actor.id, now
    session.flush()
    audit.write(
        session,
        actor,
        "rubric scored",
        f"submission {submission.id} {submission.assignment}",
        {"points": sum(before.values())} if before else None,
        {"points": sum(after_given.values())} if after_given else None,
        "",
        submission.course_id,
        person=submission.person_id,
    )
    return True


def _most_given(session: Session, items: list[int]) -> dict[int, float]:
    rows = session.execute(
        sa.select(RubricScore.item_id, sa.func.max(RubricScore.points))
        .where(RubricScore.item_id.in_(items))
        .group_by(RubricScore.item_id)
    )
    return {row[0]: row[1] for row in rows}


def _of_item(item: RubricItem) -> dict[str, object]:
    return {"text": item.text, "points": item.points}


def _points(value: float) -> float:
    if not (math.isfinite(value) and 0 <= value <= POINTS_MOST):
        raise DeepgradeError(f"{value:.15g} is not a valid number of points; write a number from 0 to {POINTS_MOST:g}")
    return value


def _audit(
    session: Session,
    actor: Person | None,
    action: str,
    course_assignment: CourseAssignment,
    person: Person,
    before: object,
    after: object,
    reason: str,
) -> None:
    subject = f"assignment {course_assignment.assignment}"
    audit.write(session, actor, action, subject, before, after, reason, course_assignment.course_id, person=person)
