"""The leaderboard of an assignment, and taking part in it."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.database.models import CourseAssignment
from grader_service.grading import leaderboard
from grader_service.submissions import submissions
from grader_service.web import permissions
from grader_service.web.pages import database, here, me, reading
from grader_service.web.pages.assignments import title_of

blueprint = Blueprint("leaderboard", __name__, url_prefix="/courses/<slug>/assignments/<name>/leaderboard")

Page = str | tuple[str, int] | Response


@blueprint.get("")
@permissions.member
def show(name: str) -> Page:
    return _page(_course_assignment(name))


@blueprint.post("")
@permissions.member
def take_part(name: str) -> Page:
    """`pseudonym` is the public name; an empty one ends the participation."""
    course_assignment = _course_assignment(name)
    if not any(one.course_id == here().id for one in me().memberships):
        abort(403)  # an operator who is not in the course
    pseudonym = request.form.get("pseudonym", "")[:200]
    try:
        with database().write() as session:
            leaderboard.choose(session, here(), me().id, pseudonym)
    except DeepgradeError as error:
        return _page(course_assignment, str(error)), 422
    flash(
        "You now take part under this pseudonym."
        if pseudonym.strip()
        else "You no longer take part in the leaderboards."
    )
    return redirect(url_for("leaderboard.show", name=name), 303)


def _page(course_assignment: CourseAssignment, sentence: str = "") -> str:
    columns, rows = leaderboard.load(
        reading(),
        here(),
        course_assignment,
        me=me().id,
        by=request.args.get("by", 0, type=int),
        now=submissions.now(reading()),
    )
    mine = next((one.pseudonym for one in me().memberships if one.course_id == here().id), None)
    return render_template(
        "leaderboard.html",
        course_assignment=course_assignment,
        title=title_of(course_assignment.assignment),
        columns=columns,
        rows=rows,
        by=request.args.get("by", 0, type=int),
        mine=mine,
        may_take_part=any(one.course_id == here().id and one.role == "student" for one in me().memberships),
        sentence=sentence,
    )


def _course_assignment(name: str) -> CourseAssignment:
    course_assignment = permissions.assignment(name)
    if not course_assignment.leaderboard:
        abort(404)
    return course_assignment
