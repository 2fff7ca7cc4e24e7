"""What every answer and every request is held to, whatever page it is for.

Who may see it is in `access`. A page loads nothing but this service's own
files and runs no inline script. Every form carries a token against forgery. Sign-in is slowed after failures.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from flask import Flask, Request, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_wtf import CSRFProtect
from sqlalchemy.orm import selectinload

from autograder.errors import DeepgradeError
from grader_service import access, accounts, tokens
from grader_service.models import Person, Token

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

csrf = CSRFProtect()
logins = LoginManager()
limiter = Limiter(get_remote_address, storage_uri="memory://")  # there is one web process, with threads


def must_not_be_debugged(environment: Mapping[str, str]) -> None:
    """Raises DeepgradeError where Flask is told to debug: it would show its insides to whoever makes a page fail."""
    if environment.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        raise DeepgradeError("FLASK_DEBUG is set, and a service that students use is not debugged; unset it")


def install(app: Flask) -> None:
    csrf.init_app(app)
    logins.init_app(app, add_context_processor=False)
    limiter.init_app(app)
    access.install(app)
    app.after_request(_add_headers)


def sign_in_key() -> str:
    """Failures are counted by address and login together, so that a whole campus behind one address can sign in."""
    return f"{get_remote_address()} {accounts.fold(request.form.get('login', ''))[:64]}"


@logins.user_loader
def _by_cookie(cookie: str) -> SignedIn | None:
    """A browser's session: good for pages, not for the API, where no form's token would stand beside it."""
    person_id, _, session_id = cookie.partition(":")
    if not person_id.isdecimal() or _api():
        return None
    with_courses = (selectinload(Person.memberships),)
    person = current_app.extensions["reading"]().get(Person, int(person_id), options=with_courses)
    return SignedIn(person) if person is not None and person.session_id == session_id else None


@logins.request_loader
def _by_token(request: Request) -> SignedIn | None:
    """A program's token: good for the API alone."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if not _api() or kind.lower() != "bearer":
        return None
    token = tokens.find(current_app.extensions["reading"](), secret.strip())
    if token is None:
        return None
    if token.last_used_at is None or time.time() - token.last_used_at > tokens.USED_EVERY:
        with current_app.extensions["database"].write() as session:
            tokens.used(session, token)
    return SignedIn(token.person, token)


def _api() -> bool:
    return request.path.startswith("/api/")


class SignedIn:
    """A person as Flask-Login wants one, and the token that the request came with."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, person: Person, token: Token | None = None) -> None:
        self.person = person
        self.token = token

    def get_id(self) -> str:
        return f"{self.person.id}:{self.person.session_id}"


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        # Not even the browser's own history may show it to whoever comes after.
        response.headers.setdefault("Cache-Control", "no-store")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
