"""Signing in and out, and one's own password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from grader_service.accounts import accounts, mail
from grader_service.database.models import Person
from grader_service.web import permissions
from grader_service.web.forms import NewPassword, SignIn
from grader_service.web.pages import database, me, reading, settings
from grader_service.web.security import SignedIn, failures, know_browser, sign_in_key

blueprint = Blueprint("auth", __name__)

Page = str | tuple[str, int] | Response


@blueprint.route("/sign-in", methods=["GET", "POST"])
@permissions.anybody
def sign_in() -> Page:
    """401 for a wrong password, 429 after too many of them."""
    if current_user.is_authenticated:
        return redirect(url_for("assignments.index"), 303)
    form = SignIn()
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    login = form.login.data or ""
    with failures().attempt(sign_in_key(login)) as attempt:
        person = accounts.authenticate(reading(), login, form.password.data or "")
        if person is None:
            attempt.failed()
            return _page(form, "The login or the password is wrong."), 401
    begin(person)
    return redirect(local(request.args.get("next")) or url_for("assignments.index"), 303)


@blueprint.post("/sign-out")
@permissions.newcomer
def sign_out() -> Page:
    logout_user()
    session.clear()
    return redirect(url_for("auth.sign_in"), 303)


@blueprint.route("/password", methods=["GET", "POST"])
@permissions.newcomer
def password() -> Page:
    form = NewPassword()
    if not form.validate_on_submit():
        return render_template("password.html", form=form), 422 if form.is_submitted() else 200
    with failures().attempt(f"password of person {me().id}") as attempt:
        if accounts.authenticate(reading(), me().login, form.current.data or "") is None:
            attempt.failed()
            return render_template("password.html", form=form, sentence="That is not your current password."), 401
    hashed = accounts.hashed(form.password.data or "")
    with database().write() as writing:
        person = writing.get_one(Person, me().id)
        accounts.set_password(person, hashed)
    begin(person)
    flash("Your password has been changed. You have been signed out everywhere else.")
    return redirect(permissions.home(), 303)


def _page(form: SignIn, sentence: str = "") -> str:
    elsewhere = (settings().oidc_name or "your institution") if settings().oidc_issuer else ""
    return render_template(
        "sign_in.html", form=form, sentence=sentence, elsewhere=elsewhere, mail=mail.configured(settings())
    )


def begin(person: Person) -> None:
    """Starts a new session and deletes the old one, which an attacker may have set."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(person))
    know_browser(person.login)


def local(target: str | None) -> str | None:
    """Where to go on after signing in, if that is a page of ours: `//host` and `/\\host` are not."""
    if target and target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable():
        return target
    return None
