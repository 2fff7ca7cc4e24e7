"""For staff of a course: the courses of platforms that it is connected with, their people, and the grades they have."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.database.models import LtiContext, LtiLink, LtiScore, Person
from grader_service.lti import contexts, roster, scores
from grader_service.web import formatting, permissions
from grader_service.web.pages import database, here, me, reading

blueprint = Blueprint("lti_course", __name__, url_prefix="/courses/<slug>/staff/lti")

Page = str | tuple[str, int] | Response


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of grades over there."""

    link: LtiLink
    counts: dict[str, int]  # grades by state
    message: str  # of one that failed
    sent_at: float | None  # the last one


@blueprint.get("")
@permissions.staff
def show() -> Page:
    """All connected courses, with their columns of grades."""
    connected = contexts.of_course(reading(), here())
    columns = {context.id: _columns(reading(), context) for context in connected}
    return render_template("staff/lti.html", contexts=connected, columns=columns)


@blueprint.post("/<int:context_id>/again")
@permissions.staff
def again(context_id: int) -> Page:
    """Send again what the platform has refused."""
    with database().write() as session:
        count = scores.send_again(session, _context(session, context_id))
    flash(f"{formatting.count(count, 'grade')} will be sent again.")
    return redirect(url_for("lti_course.show"), 303)


@blueprint.post("/<int:context_id>/disconnect")
@permissions.admin
def disconnect(context_id: int) -> Page:
    _context(reading(), context_id)
    if request.form.get("confirm") != "1":
        flash("Tick the box beside Disconnect first.")
        return redirect(url_for("lti_course.show"), 303)
    with database().write() as session:
        contexts.disconnect(session, me(), _context(session, context_id))
    flash("The course of the platform is no longer connected. Its people stay in this course.")
    return redirect(url_for("lti_course.show"), 303)


@blueprint.route("/<int:context_id>/roster", methods=["GET", "POST"])
@permissions.staff
def people(context_id: int) -> Page:
    """The planned changes. The form with the digest of that plan applies them."""
    context = _context(reading(), context_id)
    facts: dict[str, Any] = {"context": context}
    try:
        entries = roster.fetch(current_app.extensions["lti tokens"], context)
        with database().write() as session:
            context = _context(session, context_id)
            changes = roster.plan(session, me(), context, entries)
            facts |= {"changes": changes, "digest": roster.digest(changes)}
            if request.method == "GET" or request.form.get("digest") != facts["digest"]:
                stale = request.method == "POST"
                return render_template("staff/lti_roster.html", **facts, stale=stale), 409 if stale else 200
            roster.apply(session, session.get_one(Person, me().id), context, changes)
    except DeepgradeError as error:
        sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return render_template("staff/lti_roster.html", **facts, sentence=sentence), 502
    flash("The people of the course have been brought up to date.")
    return redirect(url_for("lti_course.show"), 303)


def _context(session: Session, context_id: int) -> LtiContext:
    """A connected course of this course; 404 for all others."""
    context = session.get(LtiContext, context_id)
    return context if context is not None and context.course_id == here().id else abort(404)


def _columns(session: Session, context: LtiContext) -> list[Column]:
    links = session.scalars(sa.select(LtiLink).where(LtiLink.context_id == context.id).order_by(LtiLink.id))
    return [_column(session, link) for link in links]


def _column(session: Session, link: LtiLink) -> Column:
    of_link = LtiScore.link_id == link.id
    counts = sa.select(LtiScore.state, sa.func.count()).where(of_link).group_by(LtiScore.state)
    message = sa.select(LtiScore.message).where(of_link, LtiScore.message != "", LtiScore.state != "sent").limit(1)
    sent_at = session.scalar(sa.select(sa.func.max(LtiScore.sent_at)).where(of_link))
    by_state = {row[0]: row[1] for row in session.execute(counts)}
    return Column(link, by_state, session.scalar(message) or "", sent_at)
