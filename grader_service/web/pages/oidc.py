"""Sign-in through an OpenID Connect provider, beside passwords: the code flow with PKCE, state and nonce.

The provider's issuer and subject identify a person. At the first sign-in, the account is the one with the address that
the provider has verified. There must be exactly one, and it must not be an operator's. A person who is signed in can
add an identity on the account page.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import requests
import sqlalchemy as sa
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, abort, current_app, flash, redirect, request, session, url_for
from flask_login import current_user
from joserfc.errors import JoseError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.database import audit
from grader_service.database.models import Identity, Person
from grader_service.web import permissions
from grader_service.web.pages import database, me, reading, settings
from grader_service.web.pages.auth import begin as begin_session
from grader_service.web.pages.auth import local

log = logging.getLogger("deepgrade.web")

blueprint = Blueprint("elsewhere", __name__, url_prefix="/sign-in/elsewhere")

SECONDS = 10  # for each answer of the provider
KEPT = "elsewhere"  # in the cookie: the next page, and the person who started the sign-in


def install(app: Flask, settings: Settings) -> None:
    if not settings.oidc_issuer:
        return
    oauth = OAuth(app)
    oauth.register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": SECONDS},
    )
    app.extensions["oauth"] = oauth


@blueprint.get("")
@permissions.anybody
def begin() -> Response:
    """Redirects to the provider. If a person is signed in, their account gets the identity."""
    session[KEPT] = {
        "next": local(request.args.get("next")),
        "person": me().id if current_user.is_authenticated else None,
    }
    back = f"{settings().public_url.rstrip('/')}{url_for('elsewhere.back')}"
    try:
        answer: Response = _provider().authorize_redirect(back)
        return answer
    except (OAuthError, requests.RequestException, ValueError) as error:
        return _no(error)


@blueprint.get("/back")
@permissions.anybody
def back() -> Response:
    kept = session.pop(KEPT, None) or {}
    try:
        answer = _provider().authorize_access_token()
    except (OAuthError, JoseError, requests.RequestException, ValueError, KeyError) as error:
        return _no(error)
    claims = dict(answer.get("userinfo") or {})
    if not claims.get("sub") or claims.get("exp", 0) < time.time():
        return _no(ValueError("the identity token names nobody"))
    signed_in = me() if current_user.is_authenticated else None
    if kept.get("person") != (signed_in.id if signed_in else None):
        return _no(ValueError("another account began this sign-in"))
    try:
        with database().write() as writing:
            person = _who(writing, claims, writing.get(Person, signed_in.id) if signed_in else None)
    except DeepgradeError as error:
        flash(str(error))
        return redirect(url_for("account.show" if signed_in else "auth.sign_in"), 303)
    if signed_in is not None:
        flash("You can now sign in with this identity.")
        return redirect(url_for("account.show"), 303)
    begin_session(reading().get_one(Person, person.id))
    return redirect(kept.get("next") or url_for("assignments.index"), 303)


def _who(writing: Session, claims: dict[str, Any], signed_in: Person | None) -> Person:
    """Raises DeepgradeError if no account matches, or if the identity belongs to another account."""
    issuer, subject = settings().oidc_issuer, str(claims["sub"])[:255]
    known = writing.get(Identity, (issuer, subject))
    if known is not None:
        if signed_in is not None and known.person_id != signed_in.id:
            raise DeepgradeError("this identity belongs to another account")
        return writing.get_one(Person, known.person_id)
    person = signed_in or _by_address(writing, claims)
    if person is None:
        raise DeepgradeError(
            "No account matches your identity. Ask the staff of your course to add your e-mail address."
        )
    writing.add(Identity(issuer=issuer, subject=subject, person_id=person.id))
    audit.write(writing, person, "identity added", f"person {person.id}", after={"issuer": issuer}, person=person)
    return person


def _by_address(writing: Session, claims: dict[str, Any]) -> Person | None:
    """The one account with the address that the provider says it has verified."""
    address = str(claims.get("email") or "").strip().lower()
    if claims.get("email_verified") is not True or not accounts.EMAIL.fullmatch(address):
        return None
    same = sa.or_(sa.func.lower(Person.email) == address, Person.login == accounts.fold(address))
    people = writing.scalars(sa.select(Person).where(same, Person.is_operator.is_(False))).all()
    return people[0] if len(people) == 1 else None


def _provider() -> Any:
    oauth = current_app.extensions.get("oauth")
    if oauth is None:
        abort(404)
    return oauth.provider


def _no(error: Exception) -> Response:
    """The log has the cause; the page says to try again. Neither has the provider's answer."""
    log.warning("sign-in elsewhere failed: %s", type(error).__name__)
    flash("The sign-in failed. Try again, or sign in with your password.")
    return redirect(url_for("account.show" if current_user.is_authenticated else "auth.sign_in"), 303)
