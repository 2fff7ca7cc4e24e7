"""Who may sign in, by what, and as what.

person ──< membership >── course      the role in each course
   │──< identity                      who it is at an OpenID Connect provider
   │──< token                         for programs
   └──< one_time_link                 an invitation, or a way back in
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grader_service.database.models.base import Base
from grader_service.database.models.courses import Course

ROLES = ("student", "staff", "admin")  # in a course
SCOPES = ("read", "submit", "staff")  # each allows what the ones before it allow
PURPOSES = ("invite", "reset")


class Person(Base):
    """Somebody who may sign in."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)  # case-folded
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254))
    is_operator: Mapped[bool] = mapped_column(default=False)  # of the whole service: makes courses
    password_hash: Mapped[str] = mapped_column(String(300))  # "" lets no password in
    must_change_password: Mapped[bool] = mapped_column(default=False)
    session_id: Mapped[str] = mapped_column(String(64))  # cookies carry it; a new one signs out everywhere
    created_at: Mapped[float]

    memberships: Mapped[list[Membership]] = relationship(back_populates="person")

    def role_in(self, course_id: int | None) -> str | None:
        """The role in a course; an operator has an admin's in each."""
        if self.is_operator:
            return "admin"
        return next((one.role for one in self.memberships if one.course_id == course_id), None)

    def is_staff_in(self, course_id: int | None) -> bool:
        return self.role_in(course_id) in ("staff", "admin")

    @property
    def is_staff(self) -> bool:
        """Staff somewhere."""
        return self.is_operator or any(one.role in ("staff", "admin") for one in self.memberships)


class Membership(Base):
    """A person's part in a course."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role"),
        UniqueConstraint("course_id", "pseudonym"),
        Index("ix_membership_course_id_role", "course_id", "role"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    joined_at: Mapped[float]
    pseudonym: Mapped[str | None] = mapped_column(String(40))  # its own choice; without one it is on no leaderboard

    person: Mapped[Person] = relationship(back_populates="memberships")
    course: Mapped[Course] = relationship(lazy="joined")


class Identity(Base):
    """Who a person is at an OpenID Connect provider."""

    __tablename__ = "identity"

    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)


class OneTimeLink(Base):
    """Sets a password once. The link's secret is not kept, only its hash."""

    __tablename__ = "one_time_link"
    __table_args__ = (CheckConstraint(f"purpose IN {PURPOSES}", name="purpose"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    purpose: Mapped[str] = mapped_column(String(16))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    expires_at: Mapped[float]
    used_at: Mapped[float | None]


class Token(Base):
    """A program's key to the service. The secret is shown once and not kept, only its hash."""

    __tablename__ = "token"
    __table_args__ = (CheckConstraint(f"scope IN {SCOPES}", name="scope"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    scope: Mapped[str] = mapped_column(String(16))
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))  # for this course alone
    created_at: Mapped[float]
    expires_at: Mapped[float | None]
    last_used_at: Mapped[float | None]
    revoked_at: Mapped[float | None]

    person: Mapped[Person] = relationship()
