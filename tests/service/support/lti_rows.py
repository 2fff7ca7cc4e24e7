"""Rows of a platform that never answers: registered, connected with a course, with a column of grades."""

from __future__ import annotations

from narrowing import not_none
from sqlalchemy.orm import Session

from grader_service.accounts import accounts
from grader_service.courses import courses
from grader_service.database.models import LtiContext, LtiIdentity, LtiLink, LtiMember, LtiScore, Person
from grader_service.database.session import db_now
from grader_service.lti import platforms
from grader_service.lti.messages import SCOPES

SILENT = "http://127.0.0.1:1"  # nobody listens there


def connect(session: Session, operator: Person, student: Person, *, subject: str, message: str) -> LtiContext:
    """The first course, with its assignment `double`. `message` says why the student's grade was refused."""
    values = {"name": "Example LMS", "issuer": "https://lms.example.edu", "client_id": "10000000000042"}
    values |= {name: f"{SILENT}/{name}" for name in platforms.ADDRESSES}
    platform = platforms.add(session, operator, values, ["deployment-1"])
    context = LtiContext(
        deployment_id=platform.deployments[0].id,
        context="context-1",
        course_id=accounts.first_course(session).id,
        title="Deep learning, spring",
        memberships_url=f"{SILENT}/people",
        connected_at=db_now(),
    )
    session.add(context)
    session.flush()
    session.add(LtiIdentity(platform_id=platform.id, subject=subject, person_id=student.id))
    session.add(LtiMember(context_id=context.id, person_id=student.id))
    double = not_none(courses.assignment(session, accounts.first_course(session), "double"))
    link = LtiLink(
        context_id=context.id,
        link="link-1",
        course_assignment_id=double.id,
        line_item=f"{SILENT}/columns/1",
        scopes=list(SCOPES),
    )
    session.add(link)
    session.flush()
    session.add(
        LtiScore(
            link_id=link.id,
            person_id=student.id,
            points=1.0,
            possible=2.0,
            moment=1.0,
            state="refused",
            message=message,
        )
    )
    return context
