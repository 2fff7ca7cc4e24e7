"""One's own account: tokens for programs, and who one is elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import SelectChoice

from autograder.core.errors import DeepgradeError
from grader_service.accounts import tokens
from grader_service.courses import courses
from grader_service.database.models import Identity, Person
from grader_service.submissions import submissions
from grader_service.web import permissions
from grader_service.web.forms import NewToken
from grader_service.web.pages import database, me, reading, settings
from grader_service.web.security import limiter

blueprint = Blueprint("account", __name__, url_prefix="/account")

Page = str | tuple[str, int] | Response

SCOPES = {
    "read": "read my submissions and reports",
    "submit": "hand in, and read my submissions and reports",
    "staff": "use my staff permissions",
}
DAYS = {"30": "30 days", "120": "120 days", "366": "a year", "": "until it is revoked"}


@blueprint.route("", methods=["GET", "POST"])
@limiter.limit(
    "20 per hour", methods=["POST"], error_message="You made more than 20 tokens in one hour. Try again later."
)
@permissions.in_person
def show() -> Page:
    """What programs may do in my name; and a new token, whose secret is shown once."""
    form = _form()
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            course = courses.find(session, form.course.data) if form.course.data else None
            token, secret = tokens.make(
                session,
                session.get_one(Person, me().id),
                name=form.name.data or "",
                scope=form.scope.data or "",
                course=course,
                days=int(form.days.data) if form.days.data else None,
            )
    except DeepgradeError as error:
        return _page(form, sentence=str(error)), 422
    return _page(_form(empty=True), made=(token.name, secret))


@blueprint.post("/tokens/<int:token_id>/revoke")
@permissions.in_person
def revoke(token_id: int) -> Page:
    with database().write() as session:
        if not tokens.revoke(session, session.get_one(Person, me().id), token_id):
            abort(404)
    flash("The token has been revoked. Programs can no longer use it.")
    return redirect(url_for("account.show"), 303)


def _form(*, empty: bool = False) -> NewToken:
    form = NewToken(formdata=None) if empty else NewToken()
    scopes = [scope for scope in SCOPES if scope != "staff" or me().is_staff]
    form.scope.choices = [SelectChoice(scope, label=SCOPES[scope]) for scope in scopes]
    mine = [SelectChoice(one.slug, label=one.title) for one in permissions.my_courses(reading())]
    form.course.choices = [SelectChoice("", label="all my courses"), *mine]
    form.days.choices = [SelectChoice(days, label=words) for days, words in DAYS.items()]
    return form


def _page(form: NewToken, *, made: tuple[str, str] | None = None, sentence: str = "") -> str:
    with database().read() as session:  # the request's own session sees what was before
        mine = tokens.of(session, me())
        slugs = {one.id: one.slug for one in permissions.my_courses(session)}
        identities = session.scalars(sa.select(Identity.issuer).where(Identity.person_id == me().id)).all()
        now = submissions.now(session)
    return render_template(
        "account.html",
        form=form,
        made=made,
        sentence=sentence,
        tokens=mine,
        slugs=slugs,
        scopes=SCOPES,
        now=now,
        elsewhere=_elsewhere(),
        identities=identities,
    )


def _elsewhere() -> str:
    """What the provider is called, where there is one."""
    return (settings().oidc_name or "your institution") if settings().oidc_issuer else ""
