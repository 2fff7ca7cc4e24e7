"""What people add to what the grader found: points by hand, points of a rubric, comments.

Whatever changes a grade has a reason and an entry in the audit, in the same transaction. Every function here raises
DeepgradeError, in a sentence for the page, for what cannot be, and then changes nothing.
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
    """A line of a rubric as a form has it; `id` is None for a new one, and no text takes a line away."""

    id: int | None
    text: str
    points: float


# --- points by hand ---------------------------------------------------------------------------------------------------


def overrides(session: Session, chosen: Sequence[CourseAssignment], person: Person) -> dict[int, Override]:
    """Those of one person that hold, by course_assignment's id."""
    query = sa.select(Override).where(
        Override.course_assignment_id.in_([one.id for one in chosen]),
        Override.person_id == person.id,
        Override.withdrawn_at.is_(None),
    )
    found = session.scalars(query.options(joinedload(Override.by)).order_by(Override.id))
    return {one.course_assignment_id: one for one in found}


def set_override(
    session: Session,
    actor: Person | None,
    chosen: CourseAssignment,
    person: Person,
    points: float,
    reason: str,
    *,
    submission_id: int | None = None,
) -> Override:
    """These points stand in place of what the assignment would give; one that held before is withdrawn."""
    points, reason = _points(points), audit.reason_of(reason)
    there = overrides(session, [chosen], person).get(chosen.id)
    if there is not None and there.points == points and there.reason == reason:
        return there
    now = session.scalars(sa.select(db_now())).one()
    session.execute(_holding(chosen, person).values(withdrawn_at=now))
    made = Override(
        submission_id=submission_id,
        person_id=person.id,
        course_assignment_id=chosen.id,
        points=points,
        reason=reason,
        by_id=actor.id if actor else None,
        at=now,
    )
    session.add(made)
    session.flush()
    before = None if there is None else {"points": there.points}
    _tell(session, actor, "override set", chosen, person, before, {"points": points}, reason)
    return made


def withdraw_override(session: Session, actor: Person, chosen: CourseAssignment, person: Person, reason: str) -> None:
    """What the grader and the rubric give counts again."""
    reason = audit.reason_of(reason)
    there = overrides(session, [chosen], person).get(chosen.id)
    if there is None:
        raise DeepgradeError("no points were set by hand, so there is nothing to withdraw")
    session.execute(_holding(chosen, person).values(withdrawn_at=db_now()))
    _tell(session, actor, "override withdrawn", chosen, person, {"points": there.points}, None, reason)


def _holding(chosen: CourseAssignment, person: Person) -> sa.Update:
    return sa.update(Override).where(
        Override.course_assignment_id == chosen.id,
        Override.person_id == person.id,
        Override.withdrawn_at.is_(None),
    )


# --- comments ---------------------------------------------------------------------------------------------------------


def comment(session: Session, actor: Person, submission: Submission, text: str) -> Comment:
    """Words for whoever handed it in."""
    text = storable(text).strip()
    if not text:
        raise DeepgradeError("a comment needs some text")
    if len(text) > TEXT_MOST:
        raise DeepgradeError(f"a comment has at most {TEXT_MOST} characters, this one has {len(text)}")
    made = Comment(
        submission_id=submission.id, by_id=actor.id, text=text, at=session.scalars(sa.select(db_now())).one()
    )
    session.add(made)
    session.flush()
    return made


def comments(session: Session, submission: Submission) -> list[Comment]:
    query = sa.select(Comment).where(Comment.submission_id == submission.id).options(joinedload(Comment.by))
    return list(session.scalars(query.order_by(Comment.id)))


# --- the rubric of a written part -------------------------------------------------------------------------------------


def rubric(session: Session, chosen: CourseAssignment) -> list[RubricItem]:
    query = sa.select(RubricItem).where(RubricItem.course_assignment_id == chosen.id)
    return list(session.scalars(query.order_by(RubricItem.position, RubricItem.id)))


def set_rubric(session: Session, actor: Person, chosen: CourseAssignment, lines: Sequence[Line], reason: str) -> bool:
    """The rubric is these lines, in this order; returns whether anything changed.

    A line that goes takes its points with it, so that needs a reason once some were given.
    """
    before = rubric(session, chosen)
    there = {item.id: item for item in before}
    kept = [line for line in lines if line.text.strip()]
    if len(kept) > LINES_MOST:
        raise DeepgradeError(f"a rubric has at most {LINES_MOST} lines, this one has {len(kept)}")
    for line in kept:
        _points(line.points)
        if line.id is not None and line.id not in there:
            raise DeepgradeError("a line of the rubric was removed meanwhile; reload the page")
    most = _most_given(session, list(there))
    for line in kept:
        given = most.get(line.id or 0)
        if given is not None and given > line.points:
            raise DeepgradeError(
                f"a submission has {given:.15g} points for {line.text.strip()[:60]!r}; give the line at least that many"
            )
    gone = set(there) - {line.id for line in kept}
    if gone & set(most) and not reason.strip():
        raise DeepgradeError("you are removing a line for which points were given; enter a reason")
    was = [_of_item(item) for item in before]
    for item_id in gone:
        session.execute(sa.delete(RubricScore).where(RubricScore.item_id == item_id))
        session.delete(there[item_id])
    for position, line in enumerate(kept):
        item = there[line.id] if line.id is not None else RubricItem(course_assignment_id=chosen.id)
        item.position, item.text, item.points = position, storable(line.text).strip()[:1000], line.points
        session.add(item)
    session.flush()
    now = [_of_item(item) for item in rubric(session, chosen)]
    if now == was:
        return False
    audit.write(
        session,
        actor,
        "rubric changed",
        f"rubric {chosen.assignment}",
        was,
        now,
        audit.reason_of(reason, required=False),
        chosen.course_id,
    )
    return True


def rubric_scores(session: Session, submission: Submission) -> dict[int, float]:
    """Points of a written submission, by the rubric's lines."""
    rows = session.execute(
        sa.select(RubricScore.item_id, RubricScore.points).where(RubricScore.submission_id == submission.id)
    )
    return {row[0]: row[1] for row in rows}


def score_rubric(
    session: Session,
    actor: Person,
    submission: Submission,
    chosen: CourseAssignment,
    points: Mapping[int, float | None],
) -> bool:
    """Give a written submission points line by line; None takes a line's points away. Returns whether any changed."""
    items = {item.id: item for item in rubric(session, chosen)}
    for item_id, value in points.items():
        if item_id not in items:
            raise DeepgradeError("a line of the rubric was removed meanwhile; reload the page")
        most, name = items[item_id].points, items[item_id].text[:60]
        if value is not None and not 0 <= _points(value) <= most:
            raise DeepgradeError(f"{value:.15g} is more than the maximum of {most:.15g} points for {name!r}")
    before = rubric_scores(session, submission)
    after = {**before, **points}
    after_given = {item_id: value for item_id, value in after.items() if value is not None}
    if after_given == before:
        return False
    now = session.scalars(sa.select(db_now())).one()
    for item_id, value in points.items():
        there = session.get(RubricScore, (submission.id, item_id))
        if value is None:
            if there is not None:
                session.delete(there)
        elif there is None:
            session.add(RubricScore(submission_id=submission.id, item_id=item_id, points=value, by_id=actor.id, at=now))
        elif there.points != value:
            there.points, there.by_id, there.at = value, actor.id, now
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


def _tell(
    session: Session,
    actor: Person | None,
    action: str,
    chosen: CourseAssignment,
    person: Person,
    before: object,
    after: object,
    reason: str,
) -> None:
    subject = f"assignment {chosen.assignment}"
    audit.write(session, actor, action, subject, before, after, reason, chosen.course_id, person=person)
