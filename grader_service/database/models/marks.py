"""What staff add to what the grader found, and the record of all that changed a grade.

submission ──< comment, rubric_score        for the written part, and in words
person ──< override                         points by hand
regrade                                     a batch of jobs, which counts from when staff say so
audit_entry                                 written once, by `audit` alone
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grader_service.database.models.base import Base
from grader_service.database.models.courses import CourseAssignment
from grader_service.database.models.people import Person

# Whoever did it may be deleted later: `by_id` is then null.


class Override(Base):
    """Points that stand in place of what an assignment would give this person, until withdrawn."""

    __tablename__ = "override"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"), index=True)  # at whose sight
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    course_assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignment.id"), index=True)
    points: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[float]
    withdrawn_at: Mapped[float | None]

    by: Mapped[Person | None] = relationship(foreign_keys=by_id)


class Comment(Base):
    __tablename__ = "comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[float]

    by: Mapped[Person | None] = relationship()


class RubricItem(Base):
    """A line of the written part's rubric."""

    __tablename__ = "rubric_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    course_assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignment.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    text: Mapped[str] = mapped_column(Text)
    points: Mapped[float]  # at most


class RubricScore(Base):
    """What a written submission got for a line."""

    __tablename__ = "rubric_score"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("rubric_item.id"), primary_key=True, index=True)
    points: Mapped[float]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[float]


class Regrade(Base):
    """Submissions graded again. Their new results count from `counted_at` on, if it was not withdrawn."""

    __tablename__ = "regrade"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))  # its jobs' batch
    course_assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignment.id"), index=True)
    tests: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # names; none: all of them
    anew: Mapped[bool] = mapped_column(default=False)  # take no results from earlier gradings
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float]
    counted_at: Mapped[float | None]
    withdrawn_at: Mapped[float | None]

    course_assignment: Mapped[CourseAssignment] = relationship(lazy="joined", innerjoin=True)
    by: Mapped[Person | None] = relationship()

    @property
    def assignment(self) -> str:
        """Its name on the disk."""
        return self.course_assignment.assignment


class AuditEntry(Base):
    """Something that changed a grade, a person or a date. Rows are added and never changed, but for a person's
    deletion, which takes the person out of them.

    subject : what was changed, by numbers and names of assignments, never by a person's name: "extension 3 softmax"
    person_id : whom it concerns
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_course_id_id", "course_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    at: Mapped[float]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    actor_name: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    before: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    reason: Mapped[str] = mapped_column(Text, default="")

    person: Mapped[Person | None] = relationship(foreign_keys=person_id)
