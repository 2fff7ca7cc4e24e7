"""For staff of a course: when each assignment is due, and how it counts."""

from __future__ import annotations

import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from autograder.errors import DeepgradeError
from grader_service import access, courses
from grader_service.forms import Policy
from grader_service.models import CourseAssignment
from grader_service.pages import database, here, me, reading

blueprint = Blueprint("dates", __name__, url_prefix="/courses/<slug>/staff/dates")

Page = str | tuple[str, int] | Response

DATES = ("release_at", "due_at", "hard_end_at")


@blueprint.get("")
@access.staff
def show() -> Page:
    return render_template("staff/dates.html", assignments=courses.assignments(reading(), here()))


@blueprint.route("/<name>", methods=["GET", "POST"])
@access.staff
def change(name: str) -> Page:
    """303 to the list when it is done; 422 with what makes no sense, and then nothing is changed."""
    chosen = courses.assignment(reading(), here(), name) or abort(404)
    form = Policy(data=_shown(chosen))
    if not form.validate_on_submit():
        return _page(chosen, form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            mine = courses.assignment(session, here(), name) or abort(404)
            changed = courses.set_policy(session, me(), mine, _meant(form), form.reason.data or "")
    except DeepgradeError as error:
        return _page(chosen, form, sentence=str(error)), 422
    flash(f"{name}: {'changed' if changed else 'nothing to change'}")
    return redirect(url_for("dates.show"), 303)


def _page(chosen: CourseAssignment, form: Policy, sentence: str = "") -> str:
    return render_template("staff/policy.html", chosen=chosen, form=form, sentence=sentence)


def _shown(chosen: CourseAssignment) -> dict[str, Any]:
    """As the form has it: dates by the clock on the wall of the course."""
    policy = courses.policy_of(chosen)
    zone = courses.zone(here())
    for name in DATES:
        if policy[name]:
            policy[name] = datetime.datetime.fromtimestamp(policy[name], zone).replace(tzinfo=None)
        else:
            policy[name] = None
    policy["penalty_per_day"] = 100 * policy["penalty_per_day"]
    return policy


def _meant(form: Policy) -> dict[str, Any]:
    """As the policy has it: seconds since 1970, and a share of the points."""
    zone = courses.zone(here())
    values: dict[str, Any] = {field.name: field.data for field in form if field.name in courses.POLICY}
    for name in DATES:
        if values[name] is not None:
            values[name] = values[name].replace(tzinfo=zone).timestamp()
    values["release_at"] = values["release_at"] or 0.0
    values["penalty_per_day"] = values["penalty_per_day"] / 100
    return values
