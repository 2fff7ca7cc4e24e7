"""Requests to platforms: bounded in time and size, without redirects, and with access tokens where they are needed.

A platform is not trusted with our memory or our threads: no answer may have more than `BYTES`, and a whole request has
a deadline.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.database.models import LtiPlatform
from grader_service.lti import keys

SECONDS = 10.0  # for each answer of a platform
BYTES = 4 * 2**20  # of an answer
MARGIN = 60.0  # seconds before it expires, a token is replaced


class PlatformError(DeepgradeError):
    """A platform did not answer, or its answer is not usable.

    status : of the answer; 0 without one
    retry_after : seconds that the platform asks us to wait; 0 where it says nothing
    """

    def __init__(self, sentence: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, what: str) -> Any:
        """Raises PlatformError if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise PlatformError(f"{what} is not valid JSON", self.status) from None


def ask(method: str, url: str, *, what: str, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
    """Any answer of the platform. Raises PlatformError without one.

    what : the thing that is asked for, for the error
    """
    until = time.monotonic() + SECONDS
    try:
        with requests.request(
            method, url, headers=dict(headers or {}), timeout=SECONDS, allow_redirects=False, stream=True, **options
        ) as answer:
            body = bytearray()
            for chunk in answer.iter_content(2**16):
                body += chunk
                if len(body) > BYTES or time.monotonic() > until:
                    raise PlatformError(f"the answer for {what} is too large or too slow", answer.status_code)
            return Answer(answer.status_code, answer.headers, bytes(body))
    except (requests.RequestException, ValueError) as error:
        raise PlatformError(f"the platform did not answer for {what} ({type(error).__name__})") from error


def get_json(url: str, *, what: str, headers: Mapping[str, str] | None = None) -> tuple[Any, Answer]:
    """Raises PlatformError for any other status than 200."""
    answer = ask("GET", url, what=what, headers=headers)
    if answer.status != 200:
        raise PlatformError(
            f"the platform answered {answer.status} for {what}", answer.status, retry_after(answer.headers)
        )
    return answer.json(what), answer


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds of the header `Retry-After`, at most an hour; 0 where it has none, or a date."""
    try:
        return min(3600.0, max(0.0, float(headers.get("Retry-After", ""))))
    except ValueError:
        return 0.0


class Tokens:
    """Access tokens of platforms, by their scopes: got with a signed message (RFC 7523), kept until they expire."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, str], tuple[str, float]] = {}

    def headers(self, platform: LtiPlatform, scopes: Sequence[str]) -> dict[str, str]:
        """Raises PlatformError if the platform gives no token."""
        wanted = (platform.id, " ".join(sorted(scopes)))
        with self._lock:
            token, until = self._kept.get(wanted, ("", 0.0))
        if time.monotonic() >= until:
            token, seconds = self._get(platform, wanted[1])
            with self._lock:
                self._kept[wanted] = (token, time.monotonic() + seconds - MARGIN)
        return {"Authorization": f"Bearer {token}"}

    def forget(self, platform: LtiPlatform) -> None:
        """The platform has refused a token of ours."""
        with self._lock:
            self._kept = {wanted: kept for wanted, kept in self._kept.items() if wanted[0] != platform.id}

    def _get(self, platform: LtiPlatform, scopes: str) -> tuple[str, float]:
        audience = platform.audience or platform.token_url
        claims = {"iss": platform.client_id, "sub": platform.client_id, "aud": audience}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": keys.sign(self._settings, claims),
            "scope": scopes,
        }
        answer = ask("POST", platform.token_url, what="an access token", data=form)
        if answer.status != 200:
            raise PlatformError(
                f"the platform answered {answer.status} for an access token",
                answer.status,
                retry_after(answer.headers),
            )
        given = answer.json("an access token")
        if not isinstance(given, dict) or not isinstance(given.get("access_token"), str):
            raise PlatformError("the platform gave no access token", answer.status)
        try:
            seconds = float(given.get("expires_in", 3600))
        except (TypeError, ValueError):
            seconds = 0.0
        return given["access_token"], seconds
