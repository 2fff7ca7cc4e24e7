"""The ways in beside a password, in a real Chromium: through a provider, an invitation, a link by mail.

The provider and the mail server are processes and sockets, as a university's are.
"""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from werkzeug.serving import make_server

from grader_service.accounts import accounts
from grader_service.web.app import create_app

from ..conftest import PASSWORD
from ..support.browsers import chromium, needs_chromium, playwright
from ..support.looks import look
from ..support.processes import wait_for
from ..support.provider import issuer
from ..support.rosters import Box

__all__ = ["chromium", "issuer"]  # fixtures

pytestmark = needs_chromium

NEW = "another horse battery"


@pytest.fixture
def site(settings, issuer) -> Iterator[tuple[str, Box]]:
    """The service with all ways in: its address, and what it has mailed."""
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as too:
        port, mails = free.getsockname()[1], too.getsockname()[1]
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=mails)
    controller.start()
    app = create_app(
        dataclasses.replace(
            settings,
            smtp=f"smtp://127.0.0.1:{mails}",
            mail_from="deepgrade@example.edu",
            public_url=f"http://localhost:{port}",
            oidc_issuer=issuer,
            oidc_client_id="deepgrade",
            oidc_client_secret="a secret of ours",
            oidc_name="Example University",
        )
    )
    with app.extensions["services"].database.write() as session:
        accounts.create(session, login="ada", name="Ada", email="ada@example.edu", password=PASSWORD)
        accounts.create(session, login="eve", name="Eve", role="staff", password=PASSWORD)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{port}", box
    finally:
        server.shutdown()
        thread.join()
        controller.stop()
        app.extensions["services"].database.close()


@pytest.fixture
def browser(chromium, site):
    """`browser()`: a page of somebody who is nobody yet, and reaches this machine alone."""
    contexts = []

    def new() -> playwright.Page:
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        page.route(re.compile("^https://"), lambda route: route.abort())  # the provider's fonts
        page.goto(site[0])
        return page

    yield new
    for context in contexts:
        context.close()


def link_in(box: Box) -> str:
    wait_for(lambda: box.mails)  # it is sent after the answer
    return re.findall(r"http://localhost:\d+/link/\S+", box.mails[-1].get_content())[0]


def test_through_the_provider_and_back(browser):
    page = browser()
    page.get_by_role("link", name="Sign in with Example University").wait_for()
    look(page, "sign-in-elsewhere")
    page.get_by_role("link", name="Sign in with Example University").click()
    page.get_by_role("button", name="s-ada", exact=True).click()
    page.get_by_role("heading", name="Assignments").wait_for()
    page.get_by_role("link", name="Ada").click()
    page.get_by_text("You can also sign in with Example University").wait_for()
    look(page, "account-elsewhere")
    stranger = browser()
    stranger.get_by_role("link", name="Sign in with Example University").click()
    stranger.get_by_role("button", name="s-nobody", exact=True).click()
    stranger.get_by_text("No account matches your identity").wait_for()


def test_a_forgotten_password_by_mail_and_an_invitation_from_the_roster(browser, site):
    _, box = site
    page = browser()
    page.get_by_role("link", name="Forgot your password?").click()
    look(page, "forgot")
    page.get_by_label("Login or e-mail address").fill("ada")
    page.get_by_role("button", name="Send a link").click()
    page.get_by_text("a link", exact=False).first.wait_for()
    page.goto(link_in(box))
    choose(page)
    page.get_by_label("Login").fill("ada")
    page.get_by_label("Password").fill(NEW)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Assignments").wait_for()
    page.goto(link_in(box))
    assert page.get_by_role("button", name="Set the password").count() == 0, "it was for once"

    staff = browser()
    staff.get_by_label("Login").fill("eve")
    staff.get_by_label("Password").fill(PASSWORD)
    staff.keyboard.press("Enter")
    staff.get_by_role("link", name="People").click()
    staff.get_by_role("link", name="a roster as CSV").click()
    staff.get_by_label("or its text").fill("login,name,email\ngrace,Grace Hopper,grace@example.edu\n")
    staff.get_by_role("button", name="Preview the changes").click()
    staff.get_by_text("new account, student, gets an invitation").wait_for()
    assert len(box.mails) == 1, "nothing is sent before it is done"
    staff.get_by_role("button", name="Apply the changes").click()
    staff.get_by_text("1 new").wait_for()
    look(staff, "staff-people-invited")
    invited = browser()
    invited.goto(link_in(box))
    assert invited.get_by_text("Grace Hopper").is_visible()
    choose(invited)


def choose(page: playwright.Page) -> None:
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("Repeat the password").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    page.get_by_role("button", name="Sign in", exact=True).wait_for()
