"""What every answer and every request is held to, whatever page it is for.

Nobody sees a page without signing in, unless its endpoint is in `OPEN`. A page loads nothing but this service's own
files and runs no inline script. Every form carries a token against forgery. Sign-in is slowed after failures.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, current_app, redirect, request, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response as AnyResponse

from autograder.errors import DeepgradeError
from grader_service import accounts
from grader_service.models import Person

OPEN = {"static", "auth.sign_in", "health.alive", "health.ready", "metrics.metrics"}
OPEN_WITH_A_MADE_UP_PASSWORD = OPEN | {"auth.password", "auth.sign_out"}

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
    app.before_request(_sign_in_first)
    app.after_request(_add_headers)


def sign_in_key() -> str:
    """Failures are counted by address and login together, so that a whole campus behind one address can sign in."""
    return f"{get_remote_address()} {accounts.fold(request.form.get('login', ''))[:64]}"


@logins.user_loader
def _load(cookie: str) -> SignedIn | None:
    person_id, _, session_id = cookie.partition(":")
    if not person_id.isdecimal():
        return None
    with_courses = (selectinload(Person.memberships),)
    person = current_app.extensions["reading"]().get(Person, int(person_id), options=with_courses)
    return SignedIn(person) if person is not None and person.session_id == session_id else None


class SignedIn:
    """A person as Flask-Login wants one."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, person: Person) -> None:
        self.person = person

    def get_id(self) -> str:
        return f"{self.person.id}:{self.person.session_id}"


def _sign_in_first() -> AnyResponse | None:
    if request.endpoint is None or request.endpoint in OPEN:
        return None
    if not current_user.is_authenticated:
        return _go(url_for("auth.sign_in", next=request.full_path.rstrip("?") if request.method == "GET" else None))
    if current_user.person.must_change_password and request.endpoint not in OPEN_WITH_A_MADE_UP_PASSWORD:
        return _go(url_for("auth.password"))
    return None


def _go(target: str) -> AnyResponse:
    """Pages send the reader there; what is no page says so."""
    if request.headers.get("HX-Request"):
        # A part of a page polls for progress: the whole page must go there.
        return Response(status=401, headers={"HX-Redirect": url_for("auth.sign_in")})
    if request.path.endswith((".json", ".png", ".zip")):
        return Response("sign in first\n", status=401, mimetype="text/plain")
    return redirect(target, 303)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        # Not even the browser's own history may show it to whoever comes after.
        response.headers.setdefault("Cache-Control", "no-store")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
