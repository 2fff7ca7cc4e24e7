"""The record of everything that changed a grade, a date, a person or a right: who, when, what, from what to what, why.

Whatever makes such a change writes its entry in the same transaction, so that there is none without the other. Entries
are added and never changed; the deletion of a person alone takes that person out of them (`accounts.delete`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from autograder.core.errors import DeepgradeError
from grader_service.database.models import AuditEntry, Course, Person
from grader_service.database.session import db_now, storable

REASON_MOST = 10_000  # characters of a reason, wherever somebody gives one


def reason_of(text: str, *, required: bool = True) -> str:
    """The one rule for reasons. Raises DeepgradeError for one that is missing or too long; none is cut."""
    reason = storable(text).strip()
    if required and not reason:
        raise DeepgradeError("enter a reason; the audit shows it")
    if len(reason) > REASON_MOST:
        raise DeepgradeError(f"a reason has at most {REASON_MOST:,} characters, this one has {len(reason):,}")
    return reason


def write(
    session: Session,
    actor: Person | None,
    action: str,
    subject: str,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    course: Course | int | None = None,
    *,
    person: Person | int | None = None,
) -> AuditEntry:
    """Add an entry in the caller's transaction.

    actor : who did it; None is the service itself
    action : two words, as in "override set", "extension given", "regrade counted"
    subject : what was changed, by numbers and names of assignments and never by somebody's name: "submission 12 conv"
    before, after : JSON values; what there was and what there is now, None where there is nothing
    person : whom it concerns
    """
    entry = AuditEntry(
        course_id=course.id if isinstance(course, Course) else course,
        at=db_now(),
        actor_id=actor.id if actor else None,
        actor_name=actor.name if actor else "the service",
        action=action,
        subject=storable(subject)[:200],
        person_id=person.id if isinstance(person, Person) else person,
        before=before,
        after=after,
        reason=reason_of(reason, required=False),
    )
    session.add(entry)
    session.flush()
    return entry


def entries(
    session: Session, course: Course, *, before: int | None = None, limit: int = 100, person: int | None = None
) -> list[AuditEntry]:
    """A course's entries, the latest first, from the one before `before` on."""
    query = sa.select(AuditEntry).where(AuditEntry.course_id == course.id).options(joinedload(AuditEntry.person))
    if before:
        query = query.where(AuditEntry.id < before)
    if person:
        query = query.where(AuditEntry.person_id == person)
    return list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))
