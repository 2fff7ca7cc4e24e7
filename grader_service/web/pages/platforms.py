"""For operators: the learning management systems that may start launches, and the keys with which we sign."""

from __future__ import annotations

import time

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.database.models import LtiPlatform, Person
from grader_service.lti import keys, platforms
from grader_service.web import permissions
from grader_service.web.forms import PlatformForm
from grader_service.web.pages import database, me, settings
from grader_service.web.pages.lti import address_of

blueprint = Blueprint("platforms", __name__, url_prefix="/platforms")

Page = str | tuple[str, int] | Response

FIELDS = ("name", "issuer", "client_id", "auth_url", "token_url", "jwks_url", "audience")


@blueprint.route("", methods=["GET", "POST"])
@permissions.operator
def show() -> Page:
    form = PlatformForm()
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    values = {name: form[name].data or "" for name in FIELDS}
    try:
        with database().write() as session:
            actor = session.get_one(Person, me().id)
            platforms.add(session, actor, values, (form.deployments.data or "").splitlines())
    except DeepgradeError as error:
        return _page(form, f"{str(error)[:1].upper()}{str(error)[1:]}."), 422
    flash(f"{values['name']} has been registered.")
    return redirect(url_for("platforms.show"), 303)


@blueprint.post("/<int:platform_id>/deployments")
@permissions.operator
def deployments(platform_id: int) -> Page:
    """Replace the deployments that are accepted."""
    try:
        with database().write() as session:
            platform = session.get(LtiPlatform, platform_id) or abort(404)
            names = request.form.get("deployments", "").splitlines()
            platforms.set_deployments(session, me(), platform, names)
    except DeepgradeError as error:
        return _page(PlatformForm(formdata=None), f"{str(error)[:1].upper()}{str(error)[1:]}."), 422
    flash("The deployments have been saved.")
    return redirect(url_for("platforms.show"), 303)


@blueprint.post("/<int:platform_id>/close")
@permissions.operator
def close(platform_id: int) -> Page:
    """Close a platform, or open it again (`open`=1)."""
    closed = request.form.get("open") != "1"
    with database().write() as session:
        platform = session.get(LtiPlatform, platform_id) or abort(404)
        platforms.set_closed(session, me(), platform, closed)
    flash("The platform is closed." if closed else "The platform is open.")
    return redirect(url_for("platforms.show"), 303)


@blueprint.post("/key")
@permissions.operator
def key() -> Page:
    """Make a new key; with `at_once`=1 it replaces all others now."""
    keys.rotate(settings(), at_once=request.form.get("at_once") == "1")
    flash("A new key has been made.")
    return redirect(url_for("platforms.show"), 303)


def _page(form: PlatformForm, sentence: str = "") -> str:
    now = time.time()
    ours = keys.load(settings())
    with database().read() as session:
        registered = platforms.all_of_them(session)
        return render_template(
            "platforms.html",
            form=form,
            sentence=sentence,
            platforms=registered,
            addresses={
                "Login (OpenID Connect initiation) address": address_of("lti.login"),
                "Launch and redirect address": address_of("lti.launch"),
                "Address of the public keys (JWKS)": address_of("lti.public_keys"),
            },
            keys=ours,
            signing=keys.signing(ours, now),
            now=now,
        )
