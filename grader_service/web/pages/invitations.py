"""One-time links to set a password, and the form to request one by mail."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, invitations, mail
from grader_service.core.settings import Settings
from grader_service.database.models import Person
from grader_service.database.session import Database
from grader_service.web import permissions
from grader_service.web.forms import PasswordByLink
from grader_service.web.pages import database, reading, services, settings

blueprint = Blueprint("links", __name__)

Page = str | tuple[str, int] | Response

ENDED = "This link has been used or has expired. Ask the staff of your course for a new one."


@blueprint.route("/link/<secret>", methods=["GET", "POST"])
@permissions.anybody
def show(secret: str) -> Page:
    """404 for a link that has expired. A link that never existed gets the same answer."""
    row = invitations.find(reading(), secret)
    if row is None:
        return render_template("error.html", status=404, sentence=ENDED), 404
    form = PasswordByLink()
    if not form.validate_on_submit():
        return render_template("link.html", form=form, person=row[1]), 422 if form.is_submitted() else 200
    password = accounts.hashed(form.password.data or "")
    try:
        with database().write() as session:
            person = invitations.use(session, secret, password)
    except DeepgradeError:
        return render_template("error.html", status=404, sentence=ENDED), 404
    flash(f"Your password has been set. Your login is {person.login}.")
    return redirect(url_for("auth.sign_in"), 303)


@blueprint.route("/forgot", methods=["GET", "POST"])
@permissions.anybody
def forgot() -> Page:
    """All logins get the same answer after the same time, so it does not reveal who has an account."""
    if not mail.configured(settings()):
        abort(404)
    if request.method == "GET":
        return render_template("forgot.html")
    login = request.form.get("login", "")[:300]
    outbox: mail.Outbox = services().outbox
    outbox.later(partial(_send_reset, database(), settings(), login))
    flash("If the account has an e-mail address, a link was sent to it. An account gets at most a few links per hour.")
    return redirect(url_for("auth.sign_in"), 303)


def _send_reset(database: Database, settings: Settings, login: str) -> None:
    with database.write() as session:
        person = accounts.find(session, login)
        if person is None and "@" in login:
            same = sa.func.lower(Person.email) == login.strip().lower()
            by_mail = session.scalars(sa.select(Person).where(same)).all()
            person = by_mail[0] if len(by_mail) == 1 else None
        if person is None or not person.email or invitations.lately(session, person) >= invitations.MAILS_PER_HOUR:
            return
        secret = invitations.make(session, None, person, "reset")
    mail.send(settings, "reset", to=person.email, name=person.name, login=person.login, secret=secret)
