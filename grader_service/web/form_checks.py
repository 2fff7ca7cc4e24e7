"""Checks of forms before their page runs. Each refusal has its own sentence, which says what to do.

    http        DEEPGRADE_HTTPS is set, and the request came over http: browsers do not send `Secure` cookies
    no cookie   the browser sent a form without a cookie of this service
    no token    the form came without its token
    expired     the token is of another session, for example after a sign-out in another tab
    other host  over https, the browser sent the form to another host than the one that the request names
    no origin   over https, the browser does not say from which page the form was sent

The token is the protection against forgery. Over https the address of the page is compared as well, since an attacker
on the network can set a cookie through http. The header `Origin` is enough: a browser that hides `Referer` sends it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFError

EXPIRED = "This form has expired. Go back, reload the page and send the form again."
NO_TOKEN = (
    "This form has expired, or it came without its token. Go back, reload the page and send the form again. A program "
    "must send the hidden field csrf_token of the page, or use /api/v1."
)
NO_COOKIE = (
    "Your browser sent this form without the service's cookie. Allow cookies for {host}, reload the page and send the "
    "form again."
)
OVER_HTTP = (
    "This form came over http, but the service is set to https (DEEPGRADE_HTTPS=1), so your browser withholds the "
    "cookie. Open the page at its address with https. If the service has no such address, it must run without "
    "DEEPGRADE_HTTPS: see docs/operations.md."
)
OTHER_HOST = (
    "This form was sent from {sent}, but the request is for {host}. Open the page at the address of the service. If "
    "{sent} is that address, the proxy must forward the header Host unchanged: see docs/operations.md."
)
NO_ORIGIN = (
    "Your browser sent neither Origin nor Referer with this form, so the service cannot see which page it comes from. "
    "Allow one of these headers for {host}, or use another browser. A proxy must forward both."
)


class WrongPlace(CSRFError):
    """Over https: the request does not say that it comes from a page of this service."""


def install(app: Flask) -> None:
    """Runs after Flask-WTF. Its own comparison of addresses ignores `Origin` and has only one message."""
    app.config["WTF_CSRF_SSL_STRICT"] = False
    app.before_request(_from_our_page)


def sentence(error: CSRFError) -> str:
    if isinstance(error, WrongPlace):
        return str(error.description)
    if current_app.config["SESSION_COOKIE_SECURE"] and not request.is_secure:
        return OVER_HTTP
    if error.description == "The CSRF token is missing.":
        return NO_TOKEN
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return NO_COOKIE.format(host=request.host)
    return EXPIRED


def _from_our_page() -> None:
    """Only for requests whose token was checked: the API uses no cookie."""
    if not g.get("csrf_valid") or not request.is_secure:
        return
    origin = request.headers.get("Origin", "")
    sent = origin if origin not in ("", "null") else request.headers.get("Referer", "")
    if not sent:
        raise WrongPlace(NO_ORIGIN.format(host=request.host))
    if _address(sent) != _address(f"https://{request.host}"):
        raise WrongPlace(OTHER_HOST.format(sent=_shown(sent), host=request.host))


def _address(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None if it is not an address."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port


def _shown(url: str) -> str:
    """The address without its path, which is private."""
    address = _address(url)
    if address is None or not address[1]:
        return "an unknown address"
    scheme, host, port = address
    return f"{scheme}://{host}" + ("" if port == {"https": 443, "http": 80}.get(scheme) else f":{port}")
