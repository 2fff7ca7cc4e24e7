"""Security rules for every request and every answer.

`permissions` says who may see a page. A page loads nothing but this service's own
files and runs no inline script. Every form carries a token against forgery. Sign-in is slowed after failures.

**Failures** of passwords are counted by account and network (`failed_attempts`): ten a minute and a hundred an hour,
2,400 a day, against passwords of ten characters or more. A browser in which the same account has signed in before has a
count of its own, so that other people at the same address cannot lock out the account's owner. Secrets of 256 random
bits (tokens, links) are not counted: they cannot be guessed, and a count by address would lock out a whole campus.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Mapping

from flask import Flask, Request, Response, current_app, g, request
from flask_limiter import Limiter
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import selectinload

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, tokens
from grader_service.accounts.failed_attempts import Failures
from grader_service.database.models import Person, Token
from grader_service.web import form_checks, permissions

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

POLICY = "Content-Security-Policy"

csrf = CSRFProtect()
logins = LoginManager()
# How often an account may do costly things. There is one web process, with threads, so the counts are exact.
limiter = Limiter(lambda: current_user.get_id(), storage_uri="memory://")

KNOWN = "deepgrade_known"  # the cookie of a browser in which an account has signed in
KNOWN_DAYS = 180


def must_not_be_debugged(environment: Mapping[str, str]) -> None:
    """Raises DeepgradeError if Flask's debug mode is on: an error page would show internal data to everybody."""
    if environment.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        raise DeepgradeError("FLASK_DEBUG is set, but a service for students must not run in debug mode; unset it")


def install(app: Flask) -> None:
    csrf.init_app(app)
    form_checks.install(app)
    logins.init_app(app, add_context_processor=False)
    limiter.init_app(app)
    permissions.install(app)
    app.extensions["failures"] = Failures()
    app.after_request(_add_headers)


def failures() -> Failures:
    app_failures: Failures = current_app.extensions["failures"]
    return app_failures


def sign_in_key(login: str) -> str:
    """The key by which wrong passwords are counted: the login, and the browser or network."""
    name = accounts.fold(login)[:64]
    known = _known(name)
    return f"{name} in browser {known}" if known else f"{name} from {_network(request.remote_addr or '')}"


def know_browser(login: str) -> None:
    """Sets a cookie with the answer: this account has signed in with this browser."""
    name = accounts.fold(login)
    g.known = _signer(name).dumps(_known(name) or secrets.token_urlsafe(12))


def _known(name: str) -> str:
    """The name of this browser from the account's last sign-in with it; "" for another browser."""
    try:
        return str(_signer(name).loads(request.cookies.get(KNOWN, ""), max_age=KNOWN_DAYS * 86400))
    except BadSignature:
        return ""


def _signer(name: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=f"known browser of {name}")


def _network(address: str) -> str:
    """The address; for IPv6 its network of 64 bits, since one client has all addresses of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def _by_cookie(cookie: str) -> SignedIn | None:
    """The session of a browser: valid for pages but not for the API, whose requests have no form token."""
    person_id, _, session_id = cookie.partition(":")
    if not person_id.isdecimal() or _api():
        return None
    with_courses = (selectinload(Person.memberships),)
    person = current_app.extensions["reading"]().get(Person, int(person_id), options=with_courses)
    return SignedIn(person) if person is not None and person.session_id == session_id else None


def _by_token(request: Request) -> SignedIn | None:
    """The token of a program: valid only for the API."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if not _api() or kind.lower() != "bearer":
        return None
    token = tokens.find(current_app.extensions["reading"](), secret.strip())
    if token is None:
        return None
    if token.last_used_at is None or time.time() - token.last_used_at > tokens.USED_EVERY:
        with current_app.extensions["services"].database.write() as session:
            tokens.used(session, token)
    return SignedIn(token.person, token)


logins.user_loader(_by_cookie)
logins.request_loader(_by_token)


def _api() -> bool:
    return request.path.startswith("/api/")


class SignedIn:
    """A person for Flask-Login, and the token of the request."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, person: Person, token: Token | None = None) -> None:
        self.person = person
        self.token = token

    def get_id(self) -> str:
        return f"{self.person.id}:{self.person.session_id}"


def may_be_framed(response: Response) -> Response:
    """Other sites may show this answer in a frame."""
    g.framed = True
    response.headers[POLICY] = HEADERS[POLICY].replace("frame-ancestors 'none'", "frame-ancestors *")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def may_send_forms_to(origin: str, response: Response) -> Response:
    """The forms of this answer go to another site: https://lms.example.edu"""
    response.headers[POLICY] = HEADERS[POLICY].replace("form-action 'self'", f"form-action {origin}")
    return response


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        if not (name == "X-Frame-Options" and g.get("framed")):  # that header cannot allow all sites
            response.headers.setdefault(name, value)
    if request.endpoint != "static":
        # The browser's history must not show it to the next person.
        response.headers.setdefault("Cache-Control", "no-store")
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    if "known" in g:
        options = {"secure": secure, "httponly": True, "samesite": "Lax"}
        response.set_cookie(KNOWN, g.known, max_age=KNOWN_DAYS * 86400, **options)
    if secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
