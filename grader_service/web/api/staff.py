"""For staff, with a token of scope `staff`: everybody's submissions and scores, people, the queues."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from autograder.core.errors import DeepgradeError
from grader_service.database.models import CourseAssignment, Membership, Person, Submission
from grader_service.queue import hosts, monitor
from grader_service.web import permissions
from grader_service.web.api.forms import Everybodys, Pause, People, Queues, Scores, Submissions
from grader_service.web.api.parsing import Blueprint, abort
from grader_service.web.api.serializers import of_scores
from grader_service.web.api.work import page
from grader_service.web.pages import database, reading

blueprint = Blueprint("api-staff", __name__, description="Requests for staff; they need a token with the scope `staff`")


@blueprint.get("/courses/<slug>/submissions")
@permissions.staff
@blueprint.arguments(Everybodys, location="query")
@blueprint.response(200, Submissions)
def submissions(asked: dict[str, Any]) -> dict[str, Any]:
    """All submissions in a course"""
    query = sa.select(Submission)
    if asked["login"] is not None:
        query = query.join(Person).where(Person.login == asked["login"])
    return page(query, asked, CourseAssignment.ids_in(permissions.here().id))


@blueprint.get("/courses/<slug>/people")
@permissions.staff
@blueprint.response(200, People)
def people() -> dict[str, Any]:
    """The people of a course"""
    rows = reading().execute(
        sa.select(Person.login, Person.name, Membership.role)
        .join(Membership)
        .where(Membership.course_id == permissions.here().id)
        .order_by(Person.login)
    )
    return {"people": [{"login": login, "name": name, "role": role} for login, name, role in rows]}


@blueprint.get("/courses/<slug>/scores")
@permissions.staff
@blueprint.response(200, Scores)
def scores() -> dict[str, Any]:
    """The points that count, for all students"""
    return {"students": of_scores(reading(), permissions.here())}


@blueprint.get("/queues")
@permissions.any_staff
@blueprint.response(200, Queues)
def queues() -> dict[str, Any]:
    """The queues of all courses together"""
    session = reading()
    return {"queues": [_of_line(one) for one in monitor.lines(session, hosts.courses(hosts.all_of_them(session)))]}


@blueprint.put("/queues/<name>")
@permissions.pauser
@blueprint.arguments(Pause)
@blueprint.response(204)
def pause(wanted: dict[str, Any], name: str) -> None:
    """Pause or resume a queue or a host

    Running jobs will finish.
    """
    try:
        with database().write() as session:
            hosts.pause(session, name, wanted["paused"])
    except DeepgradeError as error:
        abort(404, message=str(error))


def _of_line(line: monitor.Line) -> dict[str, Any]:
    return {
        "name": line.queue,
        "paused": line.paused,
        "waiting": line.waiting,
        "running": line.running,
        "oldest_seconds": line.oldest_seconds,
    }
