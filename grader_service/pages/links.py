"""One-time links: whoever has one sets a password. And asking for one by mail."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response

from autograder.errors import DeepgradeError
from grader_service import access, accounts, links, mail
from grader_service.forms import PasswordByLink
from grader_service.models import Person
from grader_service.pages import database, reading, settings
from grader_service.security import limiter

blueprint = Blueprint("links", __name__)

Page = str | tuple[str, int] | Response

ENDED = "This link was used already, or holds no more. Ask staff of your course for another."


@blueprint.route("/link/<secret>", methods=["GET", "POST"])
@limiter.limit("60 per minute", key_func=get_remote_address)
@access.anybody
def show(secret: str) -> Page:
    """404 for a link that holds no more: nothing tells it from one that never was."""
    found = links.find(reading(), secret)
    if found is None:
        return render_template("error.html", status=404, sentence=ENDED), 404
    form = PasswordByLink()
    if not form.validate_on_submit():
        return render_template("link.html", form=form, person=found[1]), 422 if form.is_submitted() else 200
    try:
        with database().write() as session:
            person = links.use(session, secret, form.password.data or "")
    except DeepgradeError:
        return render_template("error.html", status=404, sentence=ENDED), 404
    flash(f"Your password is set. Your login is {person.login}.")
    return redirect(url_for("auth.sign_in"), 303)


@blueprint.route("/forgot", methods=["GET", "POST"])
@limiter.limit(
    "5 per minute",
    methods=["POST"],
    key_func=get_remote_address,
    deduct_when=lambda answer: answer.status_code == 303,
)
@access.anybody
def forgot() -> Page:
    """The same answer whoever is named: it tells nobody who has an account."""
    if not mail.configured(settings()):
        abort(404)
    if request.method == "GET":
        return render_template("forgot.html")
    login = request.form.get("login", "")[:300]
    person = accounts.find(reading(), login)
    if person is None and "@" in login:
        by_mail = reading().scalars(sa.select(Person).where(sa.func.lower(Person.email) == login.strip().lower())).all()
        person = by_mail[0] if len(by_mail) == 1 else None
    if person is not None and person.email:
        with database().write() as session:
            secret = links.make(session, None, person, "reset")
        mail.send(settings(), "reset", to=person.email, name=person.name, login=person.login, secret=secret)
    flash("If that account has an address for mail, a link is on its way.")
    return redirect(url_for("auth.sign_in"), 303)
