"""What is handed in, and the work that it makes.

person ──< submission ──< job        what a student handed in, and the work that it makes: one job as it comes,
              │   │                  and one in each regrade that takes it in
              ├── course_assignment  what it was handed in for
              │   └──< result        the report of each job, and its points for lists
              └── upload             the bytes, found by their hash
result ──< picture                   drawn once, by the worker
upload ─── rendering ──< sheet       a written part as it is shown, laid out once
host, queue                          who grades, and what is paused
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grader_service.database.models.base import Base
from grader_service.database.models.courses import Course, CourseAssignment
from grader_service.database.models.people import Person

JOB_STATES = ("queued", "running", "done", "grader_error")
KINDS = ("code", "written")


class Upload(Base):
    """The bytes of a zip, kept once however often they are handed in. `database.files` alone reads and writes them."""

    __tablename__ = "upload"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)  # empty where the bytes lie in DEEPGRADE_FILES
    size: Mapped[int] = mapped_column(default=0)  # bytes


class Submission(Base):
    """One accepted upload. The form's key makes a repeated POST harmless. Only code has a job."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("course_assignment_id", "person_id", "form_key", "sha256"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        Index("ix_submission_person_id_course_assignment_id", "person_id", "course_assignment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignment.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(16), default="code")
    filename: Mapped[str] = mapped_column(String(200))  # as the browser said: shown, never opened
    sha256: Mapped[str] = mapped_column(ForeignKey("upload.sha256"))
    notes: Mapped[list[str]] = mapped_column(JSON)  # what was left out of the zip, in sentences
    form_key: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[float]

    person: Mapped[Person] = relationship()
    course_assignment: Mapped[CourseAssignment] = relationship(lazy="joined", innerjoin=True)
    # Of the upload itself, not of a regrade. Which of its results counts is for `results` to say.
    job: Mapped[Job] = relationship(
        primaryjoin="and_(Submission.id == Job.submission_id, Job.batch == '')", viewonly=True, uselist=False
    )

    @property
    def assignment(self) -> str:
        """Its name on the disk."""
        return self.course_assignment.assignment

    @property
    def course_id(self) -> int:
        return self.course_assignment.course_id

    @property
    def in_course(self) -> Course:
        return self.course_assignment.course


class Job(Base):
    """Work to be done. The room `queue` alone changes these rows."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(f"state IN {JOB_STATES}", name="state"),
        UniqueConstraint("submission_id", "batch"),
        Index("ix_job_claim", "state", "queue", "priority", "turn", "id"),
        Index("ix_job_person_id_state", "person_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))  # whose submission it is
    batch: Mapped[str] = mapped_column(String(64), default="")  # name of a regrade; "" is the upload's own job
    state: Mapped[str] = mapped_column(String(16), default="queued")
    queue: Mapped[str] = mapped_column(String(16))  # "cpu", "cpu-long" or "gpu"
    priority: Mapped[int] = mapped_column(default=0)  # lower goes first
    turn: Mapped[int] = mapped_column(default=0)  # lower goes first; see queue/enqueue.py
    not_before: Mapped[float] = mapped_column(default=0.0)  # a retry waits
    memory_mb: Mapped[int] = mapped_column(default=0)  # that its sandbox may use
    course: Mapped[str] = mapped_column(String(40), default="")  # version by which it is to be graded; "" is any
    attempt: Mapped[int] = mapped_column(default=0)  # times claimed
    token: Mapped[str | None] = mapped_column(String(32))  # of the claim that may write the result
    worker: Mapped[str | None] = mapped_column(String(100))
    host: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[float | None]
    workers_lost: Mapped[int] = mapped_column(default=0)  # claims whose worker was not heard of again
    faults: Mapped[int] = mapped_column(default=0)  # claims that ended in a failure of the grader
    late_refused: Mapped[int] = mapped_column(default=0)  # lost workers that came back, and were turned away
    message: Mapped[str] = mapped_column(Text, default="")  # the last of these failures, for staff
    tests_total: Mapped[int] = mapped_column(default=0)
    tests_done: Mapped[int] = mapped_column(default=0)
    curve: Mapped[str] = mapped_column(Text, default="")  # of a training, JSON; see queue/progress_curves.py
    queued_at: Mapped[float] = mapped_column(default=0.0)
    claimed_at: Mapped[float | None]  # the last time
    finished_at: Mapped[float | None]

    submission: Mapped[Submission] = relationship()


class Result(Base):
    """The report, whole; what a viewer may not see is removed when it is shown."""

    __tablename__ = "result"
    __table_args__ = (UniqueConstraint("submission_id", "batch"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    batch: Mapped[str] = mapped_column(String(64), default="")  # of its job
    token: Mapped[str] = mapped_column(String(32), default="")  # of the claim that wrote it
    report: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # JSON, as in report.schema.json
    state: Mapped[str] = mapped_column(String(16))
    points: Mapped[float]
    possible: Mapped[float]
    graded_at: Mapped[float]
    tests_sha256: Mapped[str] = mapped_column(String(64), default="")  # of the report: which tests made it
    # What a later grading needs to take results from this one (`autograder.reuse.earlier`).
    answer: Mapped[str] = mapped_column(String(64), default="")  # hash of files, secret and device; "" is unknown
    basis: Mapped[bytes] = mapped_column(LargeBinary, default=b"", deferred=True)  # JSON; what its results depend on
    # The earlier result of the same person from which it has results, and of how many tests.
    answered_from_id: Mapped[int | None] = mapped_column(ForeignKey("result.id"), index=True)
    tests_answered: Mapped[int] = mapped_column(default=0)

    submission: Mapped[Submission] = relationship()


class Picture(Base):
    """A figure of a report as PNG, named by the hash of its numbers."""

    __tablename__ = "picture"

    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)


class Rendering(Base):
    """A written part as it is shown. `rendering` alone makes these rows."""

    __tablename__ = "rendering"

    sha256: Mapped[str] = mapped_column(ForeignKey("upload.sha256", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # "pdf" or "markdown"
    html: Mapped[str] = mapped_column(Text, default="")  # of Markdown; "" where it is shown as it was written
    pages: Mapped[int] = mapped_column(default=0)  # of a PDF
    shown: Mapped[int] = mapped_column(default=0)  # of these, with a picture
    message: Mapped[str] = mapped_column(Text, default="")  # why less is shown than there is, in a sentence
    at: Mapped[float]


class Sheet(Base):
    """A page of a PDF as PNG."""

    __tablename__ = "sheet"

    sha256: Mapped[str] = mapped_column(ForeignKey("rendering.sha256", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # from 1
    png: Mapped[bytes] = mapped_column(LargeBinary)


class Host(Base):
    """A machine that grades, as it last said of itself. `hosts` alone changes these rows."""

    __tablename__ = "host"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    instance: Mapped[str] = mapped_column(String(32))  # of the process that speaks for it: another has another
    queues: Mapped[str] = mapped_column(String(64))  # with commas
    slots: Mapped[int]
    memory_mb: Mapped[int]
    course: Mapped[str] = mapped_column(String(40))  # version that it has
    started_at: Mapped[float]
    seen_at: Mapped[float]
    well: Mapped[bool | None]  # does its sandbox hold? None: it has not been tried yet
    trouble: Mapped[str] = mapped_column(Text, default="")  # what does not hold, in a sentence
    paused: Mapped[bool] = mapped_column(default=False)
    lacks: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)  # assignment -> distributions it has not


class Queue(Base):
    """A queue that was paused once; one without a row is open."""

    __tablename__ = "queue"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    paused: Mapped[bool] = mapped_column(default=False)
