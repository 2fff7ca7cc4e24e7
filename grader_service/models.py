"""What is kept, as tables. Times are seconds since 1970 by the database's clock, the one clock that all hosts share.

person ──< submission ──1 job        what a student handed in, and the work that it makes
              │       └──1 result    the report, and its points for lists
              └── upload             the bytes, found by their hash
result ──< picture                   drawn once, by the worker
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

ROLES = ("student", "staff", "admin")
JOB_STATES = ("queued", "running", "done", "grader_error")


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {float: Double}

    # Every constraint has a name, so that a later migration can name the one it changes.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Person(Base):
    """Somebody who may sign in."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint(f"role IN {ROLES}", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)  # case-folded
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(300))
    must_change_password: Mapped[bool] = mapped_column(default=False)
    session_id: Mapped[str] = mapped_column(String(64))  # cookies carry it; a new one signs out everywhere
    created_at: Mapped[float]

    @property
    def is_staff(self) -> bool:
        return self.role in ("staff", "admin")


class Upload(Base):
    """The bytes of a zip, kept once however often they are handed in."""

    __tablename__ = "upload"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Submission(Base):
    """One accepted upload. The form's key makes a repeated POST harmless."""

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("person_id", "assignment", "form_key", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    assignment: Mapped[str] = mapped_column(String(32))
    filename: Mapped[str] = mapped_column(String(200))  # as the browser said: shown, never opened
    sha256: Mapped[str] = mapped_column(ForeignKey("upload.sha256"))
    notes: Mapped[list[str]] = mapped_column(JSON)  # what was left out of the zip, in sentences
    form_key: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[float]

    person: Mapped[Person] = relationship()
    job: Mapped[Job] = relationship(back_populates="submission")
    result: Mapped[Result | None] = relationship(back_populates="submission")


Index("ix_submission_person_id_assignment", Submission.person_id, Submission.assignment)


class Job(Base):
    """Work to be done. `jobs` alone changes these rows."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(f"state IN {JOB_STATES}", name="state"),
        Index("ix_job_claim", "state", "queue", "priority", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), unique=True)
    state: Mapped[str] = mapped_column(String(16), default="queued")
    queue: Mapped[str] = mapped_column(String(16))  # "cpu" or "gpu"
    priority: Mapped[int] = mapped_column(default=0)  # higher goes first
    not_before: Mapped[float] = mapped_column(default=0.0)  # a retry waits
    attempt: Mapped[int] = mapped_column(default=0)  # times claimed
    token: Mapped[str | None] = mapped_column(String(32))  # of the claim that may write the result
    worker: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[float | None]
    workers_lost: Mapped[int] = mapped_column(default=0)  # claims whose worker was not heard of again
    faults: Mapped[int] = mapped_column(default=0)  # claims that ended in a fault of ours
    message: Mapped[str] = mapped_column(Text, default="")  # the last of these faults, for staff
    tests_total: Mapped[int] = mapped_column(default=0)
    tests_done: Mapped[int] = mapped_column(default=0)

    submission: Mapped[Submission] = relationship(back_populates="job")


class Result(Base):
    """The report, whole; what a viewer may not see is removed when it is shown."""

    __tablename__ = "result"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), unique=True)
    report: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # JSON, as in report.schema.json
    state: Mapped[str] = mapped_column(String(16))
    points: Mapped[float]
    possible: Mapped[float]
    graded_at: Mapped[float]

    submission: Mapped[Submission] = relationship(back_populates="result")


class Picture(Base):
    """A figure of a report as PNG, named by the hash of its numbers."""

    __tablename__ = "picture"

    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)
