"""Servers that settings name and that the service can do without for a while: whether they answer, at the start.

Each sentence is a note of the start and a line of `deepgrade doctor`. The database and the broker are looked at where
they are used.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from grader_service.core.settings import Settings

ANSWER_SECONDS = 5.0  # for a server to answer; past it the start says that it does not
PORTS = {"smtp": 587, "smtps": 465}


def unreachable(settings: Settings) -> list[str]:
    """A sentence for each server that does not answer."""
    return [*_mail(settings.smtp), *_provider(settings.oidc_issuer)]


def _mail(address: str) -> Iterator[str]:
    if not address:
        return
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        yield (
            f"the mail server {host}:{port} of DEEPGRADE_SMTP does not answer ({error.strerror or error}), so no mail "
            "is sent; start it, or correct the address"
        )


def _provider(issuer: str) -> Iterator[str]:
    if not issuer:
        return
    try:
        answer = requests.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=ANSWER_SECONDS)
        problem = "" if answer.ok else f"status {answer.status_code}"
    except requests.RequestException as error:
        problem = type(error).__name__
    if problem:
        yield (
            f"the provider {issuer} of DEEPGRADE_OIDC_ISSUER does not answer ({problem}), so nobody can sign in "
            "through it; passwords go on working"
        )
