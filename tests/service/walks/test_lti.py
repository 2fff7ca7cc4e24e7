"""A launch from a learning management system in a real Chromium: the frame, the first launch, an account, a submission,
and the grade that arrives over there. Then what must not open anything."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask
from joserfc.jwk import RSAKey
from narrowing import not_none
from werkzeug.serving import make_server

from autograder.report.schema import Report
from grader_service.accounts import accounts
from grader_service.database.models import Base, LtiContext, Person
from grader_service.lti import keys
from grader_service.lti.sender import Sender
from grader_service.queue import leases
from grader_service.queue.leases import Slot
from grader_service.web.app import create_app

from ..conftest import PASSWORD, RIGHT, zip_of
from ..support.browsers import chromium, hand_in, keep, needs_chromium, playwright
from ..support.looks import AXE, SCHEMES, look, violations
from ..support.platform import TEACHER, Platform, running

__all__ = ["chromium"]  # a fixture

pytestmark = needs_chromium


@dataclass
class Site:
    app: Flask
    url: str
    platform: Platform

    @property
    def database(self) -> Any:
        return self.app.extensions["services"].database

    def rows(self) -> dict[str, int]:
        with self.database.read() as session:
            return {
                name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for name, table in Base.metadata.tables.items()
            }


@pytest.fixture
def site(settings) -> Iterator[Site]:
    """The service at `localhost`, and a platform at another site, `127.0.0.1`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://localhost:{port}"
    settings = dataclasses.replace(settings, public_url=url)
    app = create_app(settings)
    with app.extensions["services"].database.write() as session:
        for login, role in (("ada", "student"), ("eve", "admin"), ("root", "admin")):
            person, _ = accounts.create(session, login=login, name=login.title(), role=role, password=PASSWORD)
            person.is_operator = login == "root"
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    platform = Platform(lambda: keys.public(settings), f"{url}/lti/launch")
    platform.person("t-eve", "Eve", role=TEACHER)
    platform.person("s-ada", "Ada Lovelace", "ada@example.edu")
    platform.person("s-new", "Nora New", "nora@example.edu")
    platform.link("link-1", "double", 1)
    try:
        with running(platform):
            yield Site(app, url, platform)
    finally:
        server.shutdown()
        thread.join()
        app.extensions["services"].database.close()


@pytest.fixture
def visit(chromium, site: Site) -> Iterator[Any]:
    """`visit("s-ada")`: somebody opens the link in the course over there, and the new window of its frame."""
    contexts = []

    def go(sub: str, link: str = "link-1", page: playwright.Page | None = None) -> playwright.Page:
        if page is None:
            contexts.append(chromium.new_context())
            page = contexts[-1].new_page()
        page.goto(f"{site.platform.url}/course?{urlencode({'as': sub, 'link': link})}")
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name="Open in a new window").wait_for()
        with page.context.expect_page() as opened:
            frame.get_by_role("link", name="Open in a new window").click()
        opened.value.wait_for_load_state()
        return opened.value

    yield go
    for context in contexts:
        context.close()


def sign_in(page: playwright.Page, login: str) -> None:
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_the_page_in_the_frame_is_for_everybody(site, chromium):
    page = chromium.new_context().new_page()
    page.goto(f"{site.platform.url}/course?{urlencode({'as': 's-ada', 'link': 'link-1'})}")
    page.frame_locator("iframe").get_by_role("link", name="Open in a new window").wait_for()
    frame = page.frames[1]
    frame.evaluate(AXE)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        keep(page, f"lti-frame-{scheme}")
        assert violations(frame) == []
    for path in ("/", "/sign-in", "/account", "/lti/continue/x"):
        page.evaluate("address => document.querySelector('iframe').src = address", f"{site.url}{path}")
        page.wait_for_timeout(300)
        assert "Sign in" not in page.frame_locator("iframe").locator("body").inner_text(), "no other page is framed"
    page.context.close()


def register(site: Site, chromium: playwright.Browser) -> None:
    """The operator enters what the platform says."""
    page = chromium.new_context().new_page()
    page.goto(f"{site.url}/platforms")
    sign_in(page, "root")
    given = site.platform.registration()
    for label, name in (
        ("Name for people", "name"),
        ("Issuer", "issuer"),
        ("Client id", "client_id"),
        ("Sign-in address", "auth_url"),
        ("Address for access tokens", "token_url"),
        ("Address of the public keys", "jwks_url"),
    ):
        page.get_by_label(label, exact=True).fill(given[name])
    page.get_by_label("Deployment ids one in a line").fill(site.platform.deployment)
    page.get_by_role("button", name="Register").click()
    page.get_by_text("Example LMS has been registered.").wait_for()
    assert page.get_by_text(f"{site.url}/lti/launch").is_visible()
    page.get_by_role("button", name="Make a new key").click()
    page.get_by_text("signs from").wait_for()
    look(page, "lti-platforms")
    page.context.close()


def connect(site: Site, visit: Any) -> None:
    """An admin of the course links their account, connects the course, and adds an assignment to it."""
    page = visit("t-eve", "choose")
    page.get_by_role("link", name="Sign in to my account").click()
    sign_in(page, "eve")
    page.get_by_role("button", name="Link this account").click()
    page.get_by_role("heading", name="Connect a course").wait_for()
    look(page, "lti-connect")
    page.get_by_role("button", name="Connect").click()
    page.get_by_label("Twice as much").check()
    look(page, "lti-choose")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Add 1 assignment").wait_for()
    look(page, "lti-send")
    page.get_by_role("button", name="Add to Example LMS").click()
    page.get_by_role("heading", name="The links were added").wait_for()
    assert [item["custom"] for item in site.platform.returned] == [{"assignment": "double"}]


def test_from_the_first_launch_to_the_grade_over_there(site, visit, chromium):
    register(site, chromium)
    connect(site, visit)

    page = visit("s-ada")
    page.get_by_role("heading", name="Link your account").wait_for()
    look(page, "lti-link")
    page.get_by_role("link", name="Sign in to my account").click()
    sign_in(page, "ada")
    page.get_by_text("You are signed in as").wait_for()
    look(page, "lti-link-signed-in")
    page.get_by_role("button", name="Link this account").click()
    page.get_by_role("heading", name="Twice as much").wait_for()
    look(page, "lti-arrived")
    hand_in(page, zip_of(RIGHT))
    page.wait_for_url("**/submissions/1")
    with site.database.write() as session:
        claim = not_none(leases.claim(session, Slot("worker", ("cpu",)), lease_seconds=45))
        leases.finish(session, claim, Report("double", "Twice as much", "graded", points=4.0, possible=5.0), {})
    services = site.app.extensions["services"]
    sender = Sender(services.settings, services.database, services.course)
    while sender.step():
        pass
    assert site.platform.grades(1) == {"s-ada": 0.8}

    # The next launch asks nothing, in any browser.
    visit("s-ada").get_by_role("heading", name="Twice as much").wait_for()

    new = visit("s-new")
    new.get_by_role("button", name="I have no account: make one").click()
    new.get_by_role("heading", name="Twice as much").wait_for()
    new.get_by_role("link", name="Nora New").wait_for()

    staff = visit("t-eve")
    staff.goto(f"{site.url}/courses/course/staff/lti")
    staff.get_by_role("cell", name="1").first.wait_for()
    look(staff, "lti-course")
    site.platform.person("s-roster", "Rosa Roster", "rosa@example.edu")
    del site.platform.people["s-new"]
    staff.get_by_role("link", name="Read the list of people").click()
    staff.get_by_text("new account, student").wait_for()
    assert staff.get_by_role("row", name="Nora New leaves; submissions stay").is_visible()
    look(staff, "lti-roster")
    staff.get_by_role("button", name="Apply the changes").click()
    staff.get_by_text("The people of the course have been brought up to date.").wait_for()
    with site.database.read() as session:
        course = accounts.first_course(session)
        names = {person.name for person in session.scalars(sa.select(Person)) if person.role_in(course.id)}
    assert "Rosa Roster" in names
    assert "Nora New" not in names
    assert site.platform.refused == []


@pytest.mark.threat(61)
def test_what_is_not_right_opens_nothing_and_changes_nothing(site, visit, chromium, monkeypatch, caplog):
    """In the browser, by a platform that signs, but not as it should: each is refused, logged, and changes no row."""
    register(site, chromium)
    connect(site, visit)
    page = visit("s-ada")
    page.get_by_role("link", name="Sign in to my account").click()
    sign_in(page, "ada")
    page.get_by_role("button", name="Link this account").click()
    page.get_by_role("heading", name="Twice as much").wait_for()
    before = site.rows()
    message = Platform.message
    kept: list[str] = []

    def replayed(self: Platform, sub: str, nonce: str, link: str = "", /, **changes: Any) -> str:
        kept.append(message(self, sub, nonce, link, **changes))
        return kept[0]

    other = RSAKey.generate_key(2048, private=True)
    for name, change, reason in (
        ("expired", {"exp": 1, "iat": 1}, "has expired"),
        ("another audience", {"aud": "somebody else"}, "another audience"),
        ("another key", {"key": other}, "the signature is not valid"),
        ("another platform", {"iss": "https://other.example"}, "of another platform"),
    ):
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Platform, "message", lambda *given, _change=change: message(*given, **_change))
            refused = visit("s-ada")
        assert refused.get_by_role("heading", name="The launch was refused").is_visible(), name
        assert reason in caplog.text
        assert site.rows() == before, name
    look(refused, "lti-refused")

    with monkeypatch.context() as patch:
        patch.setattr(Platform, "message", replayed)
        visit("s-ada").get_by_role("heading", name="Twice as much").wait_for()
        before = site.rows()
        again = visit("s-ada")  # the platform sends the first message once more
        assert again.get_by_role("heading", name="The launch was refused").is_visible()
    assert "the nonce is not the one of this state" in caplog.text
    assert site.rows() == before
    with site.database.read() as session:
        assert len(session.scalars(sa.select(LtiContext)).all()) == 1
