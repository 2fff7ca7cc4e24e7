"""Every answer of every route, well or ill, carries the same protection; every page loads our own files alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from grader_service.web import permissions
from grader_service.web.security import HEADERS

from ..conftest import User, zip_of

# What each part of a route's address is made of here: something that is there, and something that is not.
PARTS = {
    "slug": ("course", "none"),
    "filename": ("deepgrade.css", "none.css"),
    "name": ("double", "none"),
    "key": ("0" * 32,),
}


def addresses(app) -> list[tuple[str, str]]:
    """Method and address of every route, its parts filled in."""
    found = set()
    for rule in app.url_map.iter_rules():
        for number in (0, -1):
            address = re.sub(
                r"<(?:[^:<>]+:)?(\w+)>",
                lambda part, n=number: PARTS.get(part[1], ("1", "999"))[n],  # type: ignore[misc]
                rule.rule,
            )
            found |= {(method, address) for method in (rule.methods or set()) | {"TRACE"}}
    return sorted(found)


@pytest.mark.parametrize("role", ["", "student", "staff", "admin"])
def test_every_answer_is_protected(app, user, role):
    reader: User = user(role, role=role) if role else user()
    if role:
        reader.handed_in(zip_of("x"))
    pages = {address: page for method, address in addresses(app) if (page := check(reader, method, address))}
    assert "/sign-in" in pages if not role else "/" in pages
    for address, page in pages.items():
        found = Parts()
        found.feed(page)
        assert found.wrong == [], address


def check(reader: User, method: str, address: str) -> str:
    """The page, if it is one."""
    answer = reader.client.open(address, method=method)
    where = f"{method} {address} -> {answer.status_code}"
    assert answer.status_code < 500, where
    expected = {name: [value] for name, value in HEADERS.items()}
    if address == "/lti/login" and method in ("GET", "HEAD", "POST"):  # the one page that other sites may frame
        policy = HEADERS["Content-Security-Policy"].replace("frame-ancestors 'none'", "frame-ancestors *")
        expected |= {"Content-Security-Policy": [policy], "X-Frame-Options": []}
        expected["Cross-Origin-Resource-Policy"] = ["cross-origin"]
    for name, values in expected.items():
        assert answer.headers.getlist(name) == values, f"{where}: {name}"
    if not address.startswith("/static/") and "max-age" not in answer.headers.get("Cache-Control", ""):
        assert answer.headers["Cache-Control"] == "no-store", where
    if "X-Powered-By" in answer.headers or "Access-Control-Allow-Origin" in answer.headers:
        raise AssertionError(where)
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie, where
        assert "SameSite=Lax" in cookie, where
    return answer.text if answer.mimetype == "text/html" and method == "GET" else ""


class Parts(HTMLParser):
    """What a strict content policy would stop, or what leads away from us."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        loads = [given[name] for name in ("src", "srcset", "action", "formaction", "data") if name in given]
        loads += [given["href"]] if tag in ("link", "use", "image") and "href" in given else []
        self.wrong += [
            f"<{tag}> loads {address}" for address in loads if re.match(r"\s*(//|[a-z][a-z0-9+.-]*:)", address)
        ]
        self.wrong += [f"<{tag} {name}>" for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given) or tag in ("iframe", "object", "embed", "base"):
            self.wrong.append(f"<{tag}>")
        if (
            tag == "form"
            and given.get("method", "get").lower() == "post"
            and not given.get("action", "/").startswith("/")
        ):
            self.wrong.append(f"<form> to {given['action']}")


def test_answers_that_no_route_gave_are_protected_too(app, user):
    reader = user("eve", role="staff")
    for method, address in (
        ("GET", "/no/such/page"),
        ("PUT", "/"),
        ("GET", "/static/../app.py"),
        ("GET", "/static/%2e%2e/app.py"),
        ("POST", "/courses/course/assignments/double"),  # without the token of a form
        ("GET", "/%00"),
        ("GET", "/submissions/99999999999999999999999999"),
        ("GET", "/courses/course/staff/submissions?before=99999999999999999999999999"),
    ):
        check(reader, method, address)
    app.view_functions["health.alive"] = permissions.anybody(lambda: 1 / 0)
    app.testing = False
    answer = reader.get("/healthz")
    assert answer.status_code == 500
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


def test_over_https_cookies_are_secure_and_browsers_come_back_by_https(settings):
    import dataclasses

    from grader_service.web.app import create_app

    app = create_app(dataclasses.replace(settings, https=True))
    answer = app.test_client().get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in answer.headers["Set-Cookie"]
    app.extensions["services"].database.close()


def test_the_policy_forbids_what_is_not_ours():
    policy = dict(one.split(" ", 1) for one in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert not re.search(r"unsafe|\*|https?:|data:|blob:", HEADERS["Content-Security-Policy"])
