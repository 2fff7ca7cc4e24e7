"""A learning management system with LTI 1.3, as an HTTP server: it signs what it sends and checks what it gets.

    /course          its course: a link in a frame, as most of them open it; for a browser
    /auth            confirms a launch, and sends the signed message by the browser
    /keys            its public keys
    /token           access tokens, for a message that our key has signed, each id once
    /people          its list of people, in pages (NRPS)
    /columns/N?..    its columns of grades: scores and results (AGS)
    /return          what deep linking sends back

`faults` says for each score what goes wrong: see `Fault`. `recorded` has each score that was taken.
"""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from grader_service.lti.messages import AGS, CLAIM, DEEP, MEMBERSHIP, NRPS, RESOURCE, SCOPES
from grader_service.lti.roster import ACCEPT
from grader_service.lti.sender import RESULT_TYPE, SCORE_TYPE

# Before or after it has taken the score: an answer 500 or 429, or no answer at all.
Fault = Literal["", "500", "429", "silent", "500 taken", "silent taken"]

LEARNER, TEACHER = f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}#Instructor"
COLUMN_MAXIMUM = 100.0  # each column has this maximum, so a score is scaled


class Platform:
    """One platform with one course."""

    def __init__(self, tool_keys: Callable[[], dict[str, Any]], launch_url: str, name: str = "Example LMS") -> None:
        self.name, self.launch_url, self.tool_keys = name, launch_url, tool_keys
        self.client_id, self.deployment, self.context = f"client-{name}", "deployment-1", "context-1"
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)}, private=True)
        self.published = [self.key]
        self.people: dict[str, dict[str, Any]] = {}  # by sub: name, email, roles
        self.links: dict[str, dict[str, Any]] = {}  # by id: assignment, column
        self.scopes = list(SCOPES)
        self.faults: Callable[[], Fault] = lambda: ""
        self.recorded: list[tuple[int, str, float | None, float | None]] = []  # column, user, score, of
        self.results: dict[tuple[int, str], dict[str, Any]] = {}
        self.returned: list[dict[str, Any]] = []  # content items
        self.refused: list[str] = []  # what it has found wrong with our requests
        self.people_on_a_page = 2
        self.url = ""
        self._tokens: dict[str, set[str]] = {}
        self._used: set[str] = set()
        self._lock = threading.Lock()

    # --- what a test asks of it ------------------------------------------------------------------------------------

    def registration(self) -> dict[str, str]:
        """What an operator enters."""
        return {
            "name": self.name,
            "issuer": self.url,
            "client_id": self.client_id,
            "auth_url": f"{self.url}/auth",
            "token_url": f"{self.url}/token",
            "jwks_url": f"{self.url}/keys",
        }

    def person(self, sub: str, name: str = "", email: str = "", role: str = LEARNER) -> None:
        self.people[sub] = {"name": name or sub.title(), "email": email, "roles": [role]}

    def link(self, link: str, assignment: str, column: int | None) -> None:
        self.links[link] = {"assignment": assignment, "column": column}

    def login(self, sub: str, link: str = "") -> dict[str, str]:
        """The parameters of its first request."""
        return {
            "iss": self.url,
            "client_id": self.client_id,
            "login_hint": sub,
            "lti_message_hint": link,
            "target_link_uri": self.launch_url,
            "lti_deployment_id": self.deployment,
        }

    def claims(self, sub: str, nonce: str, link: str, now: float) -> dict[str, Any]:
        person = self.people[sub]
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": self.client_id,
            "sub": sub,
            "exp": int(now) + 300,
            "iat": int(now),
            "nonce": nonce,
            "jti": secrets.token_hex(8),
            "name": person["name"],
            "email": person["email"],
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}message_type": RESOURCE,
            f"{CLAIM}deployment_id": self.deployment,
            f"{CLAIM}target_link_uri": self.launch_url,
            f"{CLAIM}roles": person["roles"],
            f"{CLAIM}context": {"id": self.context, "title": f"Deep learning at {self.name}"},
            NRPS: {"context_memberships_url": f"{self.url}/people?page=0", "service_versions": ["2.0"]},
        }
        if link == "choose":
            claims[f"{CLAIM}message_type"] = "LtiDeepLinkingRequest"
            settings = {"deep_link_return_url": f"{self.url}/return", "accept_types": ["ltiResourceLink"]}
            claims[f"{DEEP}deep_linking_settings"] = settings | {"data": "as it came"}
            return claims
        there = self.links.get(link, {})
        claims[f"{CLAIM}resource_link"] = {"id": link}
        if there.get("assignment"):
            claims[f"{CLAIM}custom"] = {"assignment": there["assignment"]}
        if there.get("column") is not None:
            claims[AGS] = {"scope": self.scopes, "lineitem": f"{self.url}/columns/{there['column']}?type_id=3"}
        return claims

    def message(
        self, sub: str, nonce: str, link: str = "link-1", /, *, key: RSAKey | None = None, **changes: Any
    ) -> str:
        """A signed message. `changes` : claims that differ; None leaves one out."""
        claims = self.claims(sub, nonce, link, time.time()) | changes
        given = {name: value for name, value in claims.items() if value is not None}
        by = key or self.key
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, given, by)

    def grades(self, column: int) -> dict[str, float | None]:
        """Shares of the maximum, by user; None where a grade was cleared."""
        return {
            user: None if (score := one.get("scoreGiven")) is None else score / one["scoreMaximum"]
            for (number, user), one in self.results.items()
            if number == column
        }

    # --- what it answers ---------------------------------------------------------------------------------------------

    def token(self, form: dict[str, str]) -> tuple[int, Any]:
        try:
            claims = jwt.decode(form["client_assertion"], self.keys_of_tool(), ["RS256"]).claims
            assert form["grant_type"] == "client_credentials"
            assert claims["iss"] == claims["sub"] == self.client_id, "client"
            assert claims["aud"] == f"{self.url}/token", "audience"
            assert time.time() < claims["exp"] < time.time() + 3600, "expiry"
            assert claims["jti"] not in self._used, "used twice"
            wanted = set(form["scope"].split())
            assert wanted <= set(self.scopes), "scopes"
        except Exception as error:
            self.refused.append(f"token: {type(error).__name__} {error}")
            return 401, {"error": "invalid_client"}
        self._used.add(claims["jti"])
        token = secrets.token_urlsafe(16)
        self._tokens[token] = wanted
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": form["scope"]}

    def keys_of_tool(self) -> KeySet:
        return KeySet([RSAKey.import_key(key) for key in self.tool_keys()["keys"]])

    def may(self, authorization: str, scope: str) -> bool:
        kind, _, token = authorization.partition(" ")
        fine = kind == "Bearer" and any(one.endswith(scope) for one in self._tokens.get(token, ()))
        if not fine:
            self.refused.append(f"no token for {scope}")
        return fine

    def take(self, column: int, kind: str, body: bytes) -> int:
        """A score. 409 unless its time is later than that of the last one."""
        score = json.loads(body)
        known = {"userId", "timestamp", "scoreGiven", "scoreMaximum", "activityProgress", "gradingProgress"}
        if kind != SCORE_TYPE or not set(score) <= known or score["userId"] not in self.people:
            self.refused.append(f"score: {kind} {score}")
            return 422
        whole = score["gradingProgress"] == "FullyGraded"
        if whole != ("scoreGiven" in score) or (whole and not score["scoreMaximum"] > 0):
            self.refused.append(f"score: {score}")
            return 422
        with self._lock:
            last = self.results.get((column, score["userId"]))
            if last is not None and score["timestamp"] <= last["timestamp"]:
                return 409
            self.results[column, score["userId"]] = score
            self.recorded.append((column, score["userId"], score.get("scoreGiven"), score.get("scoreMaximum")))
        return 204

    def result(self, column: int, user: str) -> list[dict[str, Any]]:
        score = self.results.get((column, user))
        if score is None:
            return []
        one: dict[str, Any] = {"id": f"{self.url}/columns/{column}/results/{user}", "userId": user}
        if "scoreGiven" in score:
            share = score["scoreGiven"] / score["scoreMaximum"]
            one |= {"resultScore": share * COLUMN_MAXIMUM, "resultMaximum": COLUMN_MAXIMUM}
        return [one]

    def page_of_people(self, page: int) -> tuple[dict[str, Any], int | None]:
        subs = sorted(self.people)
        first = page * self.people_on_a_page
        members = [
            {"user_id": sub, "status": "Active", **self.people[sub]}
            for sub in subs[first : first + self.people_on_a_page]
        ]
        more = page + 1 if first + self.people_on_a_page < len(subs) else None
        return {"id": self.url, "context": {"id": self.context}, "members": members}, more


class _Handler(BaseHTTPRequestHandler):
    platform: Platform

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        at, authorization = self.platform, self.headers.get("Authorization", "")
        if url.path == "/keys":
            self._json(200, {"keys": [{**key.as_dict(private=False), "kid": key.kid} for key in at.published]})
        elif url.path == "/auth":
            self._auth(query)
        elif url.path == "/course":
            self._course(query)
        elif url.path == "/people":
            if not at.may(authorization, "contextmembership.readonly") or self.headers["Accept"] != ACCEPT:
                self._json(401, {})
                return
            page, more = at.page_of_people(int(query["page"]))
            self._json(200, page, {} if more is None else {"Link": f'<{at.url}/people?page={more}>; rel="next"'})
        elif url.path.startswith("/columns/") and url.path.endswith("/results"):
            if not at.may(authorization, "result.readonly") or self.headers["Accept"] != RESULT_TYPE:
                self._json(401, {})
                return
            assert query["type_id"] == "3"
            self._json(200, at.result(int(url.path.split("/")[2]), query["user_id"]))
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        url, body = urlsplit(self.path), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        at, authorization = self.platform, self.headers.get("Authorization", "")
        form = dict(parse_qsl(body.decode("utf-8", "replace"))) if url.path in ("/token", "/return") else {}
        if url.path == "/token":
            self._json(*at.token(form))
        elif url.path == "/return":
            self._returned(form)
        elif url.path.startswith("/columns/") and url.path.endswith("/scores") and url.query == "type_id=3":
            if not at.may(authorization, "scope/score"):
                self._json(401, {})
                return
            self._score(int(url.path.split("/")[2]), body)
        else:
            self._json(404, {})

    def _score(self, column: int, body: bytes) -> None:
        fault = self.platform.faults()
        kind = self.headers.get("Content-Type", "")
        status = self.platform.take(column, kind, body) if fault in ("", "500 taken", "silent taken") else 0
        if fault.startswith("silent"):
            self.close_connection = True
            return
        if fault.startswith("500"):
            self._json(500, {})
        elif fault == "429":
            self._json(429, {}, {"Retry-After": "0.01"})
        else:
            self._json(status, {})

    def _auth(self, query: dict[str, str]) -> None:
        """OpenID Connect's implicit flow, as LTI has it."""
        at = self.platform
        expected = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
        expected |= {"client_id": at.client_id, "redirect_uri": at.launch_url}
        wrong = [name for name, value in expected.items() if query.get(name) != value]
        if wrong or not query.get("nonce") or not query.get("state"):
            at.refused.append(f"auth: {wrong}")
            self._html(400, "<p>refused</p>")
            return
        token = at.message(query["login_hint"], query["nonce"], query.get("lti_message_hint", ""))
        fields = {"id_token": token, "state": query["state"]}
        inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
        form = (
            f'<form method="post" action="{at.launch_url}">{inputs}</form><script>document.forms[0].submit()</script>'
        )
        self._html(200, form)

    def _course(self, query: dict[str, str]) -> None:
        address = self.platform.launch_url.replace("/launch", "/login")
        source = html.escape(f"{address}?{urlencode(self.platform.login(query['as'], query['link']))}")
        self._html(
            200, f'<h1>{self.platform.name}</h1><iframe title="the tool" src="{source}" width="800" height="500">'
        )

    def _returned(self, form: dict[str, str]) -> None:
        at = self.platform
        claims = jwt.decode(form["JWT"], at.keys_of_tool(), ["RS256"]).claims
        assert claims["iss"] == at.client_id
        assert claims["aud"] == [at.url]
        assert claims[f"{CLAIM}message_type"] == "LtiDeepLinkingResponse"
        assert claims[f"{CLAIM}deployment_id"] == at.deployment
        assert claims[f"{DEEP}data"] == "as it came"
        at.returned += claims[f"{DEEP}content_items"]
        self._html(200, "<h1>The links were added</h1>")

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._answer(status, "application/json", json.dumps(value).encode(), headers or {})

    def _html(self, status: int, text: str) -> None:
        page = f"<!doctype html><html lang=en><title>{self.platform.name}</title>{text}"
        self._answer(status, "text/html; charset=utf-8", page.encode(), {})

    def _answer(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(platform: Platform) -> Iterator[Platform]:
    """The platform, on a free port of this machine."""
    handler = type("Handler", (_Handler,), {"platform": platform})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    platform.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
