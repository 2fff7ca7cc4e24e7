"""Courses of platforms, connected with ours: who joins with which role, and which link leads to which assignment.

The roles of a platform give rights in the connected course alone, and never those of an admin. A launch raises a
student to staff where the platform says so, and takes nothing away: staff of this service remove people.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.courses import courses
from grader_service.database import audit
from grader_service.database.models import (
    Course,
    LtiContext,
    LtiDeployment,
    LtiIdentity,
    LtiLink,
    LtiMember,
    LtiPlatform,
    LtiScore,
    Membership,
    Person,
)
from grader_service.database.session import db_now, one_at_a_time
from grader_service.lti.messages import RESOURCE, Launch

CHUNK = 500  # values in one condition


def find(session: Session, launch: Launch) -> LtiContext | None:
    """The connected course of a launch."""
    query = (
        sa.select(LtiContext)
        .join(LtiDeployment)
        .where(
            LtiDeployment.platform_id == launch.platform_id,
            LtiDeployment.deployment == launch.deployment,
            LtiContext.context == launch.context,
        )
    )
    return session.scalar(query)


def of_course(session: Session, course: Course) -> list[LtiContext]:
    return list(session.scalars(sa.select(LtiContext).where(LtiContext.course_id == course.id).order_by(LtiContext.id)))


def may_connect(launch: Launch, person: Person, course: Course) -> bool:
    """To connect gives a platform's people rights in a course, so both sides must agree: an admin of the course, whom
    the platform calls a teacher."""
    return launch.role == "staff" and person.role_in(course.id) == "admin"


def connect(session: Session, person: Person, launch: Launch, course: Course) -> LtiContext:
    """Raises DeepgradeError if the person may not, or if the course over there is connected already."""
    if not may_connect(launch, person, course):
        raise DeepgradeError("only an admin of the course, who teaches over there, can connect it")
    one_at_a_time(session, "lti contexts")
    if find(session, launch) is not None:
        raise DeepgradeError("the course of the platform is connected already")
    deployment = sa.select(LtiDeployment).where(
        LtiDeployment.platform_id == launch.platform_id, LtiDeployment.deployment == launch.deployment
    )
    context = LtiContext(
        deployment_id=session.scalars(deployment).one().id,
        context=launch.context,
        course_id=course.id,
        title=launch.context_title,
        memberships_url=launch.memberships_url,
        connected_at=db_now(),
    )
    session.add(context)
    session.flush()
    after = {"platform": launch.platform_id, "title": launch.context_title}
    audit.write(session, person, "context connected", f"context {context.id}", after=after, course=course)
    return context


def disconnect(session: Session, actor: Person, context: LtiContext) -> None:
    """No launch of it opens the course any longer. The members stay; grades that were sent stay over there."""
    links = sa.select(LtiLink.id).where(LtiLink.context_id == context.id)
    session.execute(sa.delete(LtiScore).where(LtiScore.link_id.in_(links)))
    session.execute(sa.delete(LtiLink).where(LtiLink.context_id == context.id))
    session.execute(sa.delete(LtiMember).where(LtiMember.context_id == context.id))
    before = {"title": context.title}
    audit.write(session, actor, "context removed", f"context {context.id}", before, course=context.course_id)
    session.delete(context)


def arrive(session: Session, context: LtiContext, launch: Launch, person: Person) -> LtiLink | None:
    """The person joins the course with the role of the launch. Returns the link, if it leads to an assignment.

    Raises DeepgradeError for somebody who is in neither course.
    """
    if launch.memberships_url:
        context.memberships_url = launch.memberships_url
    if launch.role:
        join(session, context, person, launch.role, actor=person, reason="a launch of the platform")
    if person.role_in(context.course_id) is None:
        raise DeepgradeError("the platform says neither that you are a student of this course nor that you teach it")
    return _link(session, context, launch) if launch.kind == RESOURCE else None


def join(session: Session, context: LtiContext, person: Person, role: str, *, actor: Person, reason: str) -> bool:
    """Give the role unless the person has it or a higher one. Returns whether something changed."""
    if session.get(LtiMember, (context.id, person.id)) is None:
        session.add(LtiMember(context_id=context.id, person_id=person.id))
    membership = session.get(Membership, (person.id, context.course_id))
    before = membership.role if membership else None
    if role not in ("student", "staff") or before in (role, "staff", "admin"):
        session.flush()
        return False
    accounts.join(session, person, session.get_one(Course, context.course_id), role)
    session.expire(person, ["memberships"])
    subject = f"person {person.id}"
    audit.write(session, actor, "member changed", subject, before, role, reason, context.course_id, person=person)
    return True


def people(session: Session, context: LtiContext) -> dict[str, Person]:
    """The people of the platform whose identity is linked, by their id over there."""
    query = sa.select(LtiIdentity.subject, Person).join(Person, Person.id == LtiIdentity.person_id)
    query = query.where(LtiIdentity.platform_id == context.deployment.platform_id)
    return {row[0]: row[1] for row in session.execute(query)}


def platform(context: LtiContext) -> LtiPlatform:
    return context.deployment.platform


def _link(session: Session, context: LtiContext, launch: Launch) -> LtiLink | None:
    """The link of the launch, made or brought up to date. A column that was replaced by another has no grades yet."""
    query = sa.select(LtiLink).where(LtiLink.context_id == context.id, LtiLink.link == launch.link)
    existing = session.scalar(query)
    name = launch.assignment
    course_assignment = courses.assignment(session, context.course, name) if name else None
    if course_assignment is None:
        return existing if not name else None
    link = existing or LtiLink(context_id=context.id, link=launch.link, line_item="")
    if launch.line_item and launch.line_item != link.line_item:
        if existing is not None:
            session.execute(sa.delete(LtiScore).where(LtiScore.link_id == existing.id))
        link.line_item = launch.line_item
    link.course_assignment_id = course_assignment.id
    if launch.scopes:
        link.scopes = launch.scopes
    session.add(link)
    session.flush()
    session.refresh(link)
    return link
