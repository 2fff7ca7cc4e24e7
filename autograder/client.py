"""What `deepgrade login`, `submit`, `status` and `report` say to a service elsewhere, over HTTP.

The service's address and a token lie in one file, for nobody else's eyes; DEEPGRADE_URL and DEEPGRADE_TOKEN come before
it. A token goes to that address alone, and over https unless that is this machine. What is sent again because an answer
was lost is the same submission: it carries a key of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autograder.core.errors import DeepgradeError, Refused

URL_VARIABLE, TOKEN_VARIABLE = "DEEPGRADE_URL", "DEEPGRADE_TOKEN"
API = "/api/v1"
TIMEOUT = (10, 60)  # seconds until there is a connection, and until the next byte
MOST_BYTES = 32 * 2**20  # of an answer: a report with its figures is some hundred kB
TRIES = 4  # of a request whose answer did not come
PAUSE = 1.0  # seconds before the next try; twice as long each time
LOOK_SECONDS = (1.0, 5.0)  # between two looks at a submission that waits: at first, and later
HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Account:
    """Where to, and as whom."""

    url: str
    token: str


class Unreachable(DeepgradeError):
    """The service gave no answer."""


class Service:
    """The API of a service. Raises DeepgradeError with the service's own words where it says no."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def make_token(self, login: str, password: str, name: str) -> str:
        """A new token of somebody who has a password there. Raises DeepgradeError where they do not agree."""
        sent = {"login": login, "password": password, "name": name}
        return str(_decoded(self._send("POST", "/tokens", json=sent)[1]).get("token", ""))

    def me(self) -> dict[str, Any]:
        return self._get("/me")

    def assignments(self, course: str) -> list[dict[str, Any]]:
        assignments: list[dict[str, Any]] = self._get(f"/courses/{course}/assignments")["assignments"]
        return assignments

    def submissions(self, **query: Any) -> list[dict[str, Any]]:
        """One's own, the latest first."""
        submissions: list[dict[str, Any]] = self._get("/submissions", params=query)["submissions"]
        return submissions

    def submission(self, number: int) -> dict[str, Any]:
        return self._get(f"/submissions/{number}")

    def report(self, number: int) -> bytes | None:
        """JSON as in report.schema.json, or None while there is none."""
        status, body = self._send("GET", f"/submissions/{number}/report")
        return body if status == 200 else None

    def hand_in(self, course: str, assignment: str, data: bytes, filename: str) -> dict[str, Any]:
        """The receipt. Raises Refused with the reason."""
        key = secrets.token_urlsafe(18)
        path = f"/courses/{course}/assignments/{assignment}/submissions"
        files = {"zip": (filename, data, "application/zip")}
        _, body = self._send("POST", path, files=files, headers={"Idempotency-Key": key})
        return _decoded(body)

    def watch(self, number: int) -> Iterator[dict[str, Any]]:
        """The submission again and again, until it is graded or given up."""
        pause = LOOK_SECONDS[0]
        while True:
            seen = self.submission(number)
            yield seen
            if seen["state"] in ("done", "grader_error"):
                return
            time.sleep(pause)
            pause = min(LOOK_SECONDS[1], 1.2 * pause)

    def _get(self, path: str, **options: Any) -> dict[str, Any]:
        return _decoded(self._send("GET", path, **options)[1])

    def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> tuple[int, bytes]:
        import requests  # takes its time: who checks and packs does not wait for it

        headers = {"Accept": "application/json", **(headers or {})}
        if self._account.token:
            headers["Authorization"] = f"Bearer {self._account.token}"
        address = self._account.url + API + path
        for left in reversed(range(TRIES)):
            try:
                with requests.request(
                    method, address, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True, **options
                ) as answer:
                    body = _body(answer.iter_content(2**16))
                    status = answer.status_code
            except requests.RequestException as error:
                if not left:
                    raise Unreachable(
                        f"{self._account.url} does not answer ({type(error).__name__}); look at your network, try again"
                    ) from error
            else:
                if status not in (502, 503, 504) or not left:
                    return status, self._checked(status, body)
            time.sleep(PAUSE * 2 ** (TRIES - 1 - left))
        raise AssertionError

    def _checked(self, status: int, body: bytes) -> bytes:
        """The body of an answer that says yes."""
        if status in (200, 201, 202):
            return body
        words = _words(body)
        if status == 401 and not self._account.token:
            raise DeepgradeError(f"{self._account.url} says: {words}")
        if status == 401:
            raise DeepgradeError(f"{self._account.url} does not know the token ({words}); run `deepgrade login` again")
        if status == 422:
            raise Refused(words)
        if 300 <= status < 400:
            raise DeepgradeError(f"{self._account.url} leads elsewhere; give its own address to `deepgrade login`")
        raise DeepgradeError(f"{self._account.url} says {status}: {words}")


def _body(pieces: Iterator[bytes]) -> bytes:
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > MOST_BYTES:
            raise DeepgradeError(f"the answer is larger than {MOST_BYTES // 2**20} MB, which no answer of a service is")
    return bytes(found)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DeepgradeError("the answer is not one of a deepgrade service; check the address")
    return found


def _words(body: bytes) -> str:
    try:
        found = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        return "without a reason"
    return str(found)[:500]


def address(given: str, *, insecure: bool = False) -> str:
    """The address as it is kept. Raises DeepgradeError where it is none, or would carry a token in the open."""
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        _ = parts.port
    except ValueError as error:
        raise DeepgradeError(f"{given!r} is no address of a service ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DeepgradeError(f"{given!r} is no address of a service; write it like https://deepgrade.example.edu")
    if parts.username or parts.query or parts.fragment:
        raise DeepgradeError(f"{given!r} holds more than an address; leave out what stands before @ and after ? or #")
    if parts.scheme == "http" and parts.hostname not in HERE and not insecure:
        raise DeepgradeError(
            f"{given}: without https others could read your token on its way; use https://, or --insecure if you must"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(API)}"


def keep(account: Account, environment: Mapping[str, str] = os.environ) -> Path:
    """Written whole, for nobody else's eyes."""
    path = _file(environment)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"url": account.url, "token": account.token}, file)
        draft.replace(path)
    except OSError as error:
        raise DeepgradeError(
            f"{path}: cannot be written ({error.strerror}); set {URL_VARIABLE} and {TOKEN_VARIABLE}"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return path


def forget(environment: Mapping[str, str] = os.environ) -> Path:
    path = _file(environment)
    path.unlink(missing_ok=True)
    return path


def account(environment: Mapping[str, str] = os.environ) -> Account:
    """Raises DeepgradeError where nobody has signed in."""
    url, token = environment.get(URL_VARIABLE), environment.get(TOKEN_VARIABLE)
    if url and token:
        return Account(address(url), token)
    path = _file(environment)
    try:
        kept = json.loads(path.read_bytes())
        found = Account(url or str(kept["url"]), token or str(kept["token"]))
    except FileNotFoundError as error:
        raise DeepgradeError(
            "you are not signed in; run `deepgrade login ADDRESS`, with that of your course"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeepgradeError(f"{path}: cannot be read; run `deepgrade login ADDRESS` again") from error
    if url and url != str(kept["url"]) and not token:
        raise DeepgradeError(f"{URL_VARIABLE} is another service than that of your token; set {TOKEN_VARIABLE} too")
    return found


def _file(environment: Mapping[str, str]) -> Path:
    folder = environment.get("XDG_CONFIG_HOME")
    base = Path(folder) if folder else Path.home() / ".config"
    return base / "deepgrade" / "account.json"
