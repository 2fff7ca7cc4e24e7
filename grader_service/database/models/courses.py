"""Courses, and what each makes of the assignments that lie on the disk.

course ──< course_assignment ──< extension      dates and policy; other dates for one student
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Select, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grader_service.database.models.base import Base

COUNTS = ("best", "latest")
HIDDEN_RESULTS = ("now", "after_due", "never")


class Course(Base):
    """A course as it is held once: its people, its dates. What there is to do lies in DEEPGRADE_COURSE."""

    __tablename__ = "course"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)  # in addresses
    title: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")  # IANA, as in Europe/Warsaw
    created_at: Mapped[float]
    archived_at: Mapped[float | None]  # nobody hands in any more

    assignments: Mapped[list[CourseAssignment]] = relationship(
        back_populates="course", order_by="(CourseAssignment.position, CourseAssignment.id)"
    )


class CourseAssignment(Base):
    """An assignment in a course: from when to when, and how it counts. `late_policy` says what each of these means."""

    __tablename__ = "course_assignment"
    __table_args__ = (
        UniqueConstraint("course_id", "assignment"),
        CheckConstraint(f"counts IN {COUNTS}", name="counts"),
        CheckConstraint(f"hidden_results IN {HIDDEN_RESULTS}", name="hidden_results"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    assignment: Mapped[str] = mapped_column(String(32))  # its name on the disk
    position: Mapped[int] = mapped_column(default=0)
    draft: Mapped[bool] = mapped_column(default=False)  # students do not see it, whatever its release
    release_at: Mapped[float] = mapped_column(default=0.0)  # students do not see it before
    due_at: Mapped[float | None]  # none: it is never late
    hard_end_at: Mapped[float | None]  # nothing is accepted after it; none: late is never too late
    grace_days: Mapped[int] = mapped_column(default=0)
    penalty_per_day: Mapped[float] = mapped_column(default=0.0)  # fraction of the points, 0 to 1
    attempts_per_day: Mapped[int | None]
    attempts_total: Mapped[int | None]
    counts: Mapped[str] = mapped_column(String(16), default="best")
    hidden_results: Mapped[str] = mapped_column(String(16), default="now")
    weight: Mapped[float] = mapped_column(default=1.0)  # in the course's total
    written_points: Mapped[float] = mapped_column(default=0.0)  # 0: there is no written part
    leaderboard: Mapped[bool] = mapped_column(default=False)

    course: Mapped[Course] = relationship(back_populates="assignments")

    @classmethod
    def ids_in(cls, *course_ids: int) -> Select[int]:
        """The ids of all assignments of these courses, for conditions on a `course_assignment_id`."""
        return select(cls.id).where(cls.course_id.in_(course_ids))


class Extension(Base):
    """Other dates for one student. The row that is there holds; what it was before is in the audit."""

    __tablename__ = "extension"

    course_assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignment.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    due_at: Mapped[float]
    hard_end_at: Mapped[float | None]
    attempts_extra: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[float]

    course_assignment: Mapped[CourseAssignment] = relationship()
