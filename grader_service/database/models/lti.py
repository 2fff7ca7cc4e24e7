"""The university's systems: who they are, what they call our courses and people, and which grades they have.

lti_platform ──< lti_deployment ──< lti_context ──> course        connected with one of our courses
     │                                  ├──< lti_link ──> course_assignment    a link, and its column
     │                                  │       └──< lti_score ──> person      what a column shall have, and what it has
     │                                  └──< lti_member ──> person
     ├──< lti_identity ──> person       who a person is over there
     ├──< lti_launch                    a launch that is not finished yet
     └──< lti_used                      values that are accepted once
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grader_service.database.models.base import Base
from grader_service.database.models.courses import Course, CourseAssignment

SCORE_STATES = ("waiting", "sent", "refused")


class LtiPlatform(Base):
    """A learning management system that may start launches. An operator registers it."""

    __tablename__ = "lti_platform"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(255))
    auth_url: Mapped[str] = mapped_column(String(500))  # where a launch is confirmed
    token_url: Mapped[str] = mapped_column(String(500))  # where we get access tokens
    jwks_url: Mapped[str] = mapped_column(String(500))  # its public keys
    audience: Mapped[str] = mapped_column(String(500), default="")  # of our requests for tokens; "" is `token_url`
    created_at: Mapped[float]
    closed_at: Mapped[float | None]  # it starts no launches and gets no grades

    deployments: Mapped[list[LtiDeployment]] = relationship(
        back_populates="platform", order_by="LtiDeployment.id", lazy="selectin"
    )


class LtiDeployment(Base):
    """An installation of this service in a platform, by the platform's own name for it."""

    __tablename__ = "lti_deployment"
    __table_args__ = (UniqueConstraint("platform_id", "deployment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platform.id"))
    deployment: Mapped[str] = mapped_column(String(255))
    closed_at: Mapped[float | None]

    platform: Mapped[LtiPlatform] = relationship(back_populates="deployments", lazy="joined", innerjoin=True)


class LtiContext(Base):
    """A course of a platform, connected with one of ours."""

    __tablename__ = "lti_context"
    __table_args__ = (UniqueConstraint("deployment_id", "context"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("lti_deployment.id"))
    context: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    title: Mapped[str] = mapped_column(String(200), default="")  # over there
    memberships_url: Mapped[str] = mapped_column(String(1000), default="")  # its list of people; "" where it has none
    connected_at: Mapped[float]

    deployment: Mapped[LtiDeployment] = relationship(lazy="joined", innerjoin=True)
    course: Mapped[Course] = relationship()


class LtiIdentity(Base):
    """Who a person is on a platform."""

    __tablename__ = "lti_identity"
    __table_args__ = (UniqueConstraint("platform_id", "person_id"),)

    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platform.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)


class LtiMember(Base):
    """A person of a course over there, by a launch or by its list of people."""

    __tablename__ = "lti_member"

    context_id: Mapped[int] = mapped_column(ForeignKey("lti_context.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)


class LtiLink(Base):
    """A link in a course over there, to one assignment. `line_item` is its column in the platform's grade book."""

    __tablename__ = "lti_link"
    __table_args__ = (UniqueConstraint("context_id", "link"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    context_id: Mapped[int] = mapped_column(ForeignKey("lti_context.id"))
    link: Mapped[str] = mapped_column(String(255))
    course_assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignment.id"), index=True)
    line_item: Mapped[str] = mapped_column(String(1000), default="")
    scopes: Mapped[list[str]] = mapped_column(JSON, default=list)  # what the platform lets us do with it

    context: Mapped[LtiContext] = relationship(lazy="joined", innerjoin=True)
    course_assignment: Mapped[CourseAssignment] = relationship(lazy="joined", innerjoin=True)


class LtiScore(Base):
    """What a column shall have of one person, and what the platform has confirmed. `lti.sender` sends the difference.

    points : None clears the grade over there
    moment : of the last change of what is wanted; the platform keeps the grade with the latest one
    unsure : a try has ended without an answer, so the platform may have what was sent
    """

    __tablename__ = "lti_score"
    __table_args__ = (
        CheckConstraint(f"state IN {SCORE_STATES}", name="state"),
        Index("ix_lti_score_state_not_before", "state", "not_before"),
    )

    link_id: Mapped[int] = mapped_column(ForeignKey("lti_link.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    points: Mapped[float | None]
    possible: Mapped[float]
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    moment: Mapped[float]
    tries: Mapped[int] = mapped_column(default=0)  # of what is wanted now
    unsure: Mapped[bool] = mapped_column(default=False)
    not_before: Mapped[float] = mapped_column(default=0.0)  # the next try
    message: Mapped[str] = mapped_column(Text, default="")  # why the last try failed, for staff
    sent_points: Mapped[float | None]
    sent_possible: Mapped[float | None]
    sent_at: Mapped[float | None]  # none: the platform has confirmed nothing yet


class LtiLaunch(Base):
    """A launch whose message was checked, until its person has finished it. Its secret is not kept, only its hash."""

    __tablename__ = "lti_launch"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("lti_platform.id"))
    state_hash: Mapped[str] = mapped_column(String(64))  # of the browser that began it
    message: Mapped[Any] = mapped_column(JSON)  # a `messages.Launch`
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)  # once it is known
    expires_at: Mapped[float]


class LtiUsed(Base):
    """A state, a nonce or the id of a message: the hash of what a platform has used."""

    __tablename__ = "lti_used"

    value: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[float] = mapped_column(index=True)
