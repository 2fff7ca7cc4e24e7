"""A real Chromium for the tests of the pages, and the pages of `pages_list` to look at with it.

A module that needs it says `pytestmark = needs_chromium`: without one its tests are skipped, with what to install.
`DEEPGRADE_SCREENSHOTS=FOLDER` keeps a picture of each page, for people to look at.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.serving import make_server

from grader_service.core.settings import Settings
from grader_service.web.app import create_app

from ..conftest import PASSWORD
from . import pages_list
from .uploads import unlike_earlier

if TYPE_CHECKING:
    import playwright.sync_api as playwright
else:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: `pip install playwright`"
    )
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: `apt-get install chromium`")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
)
SCREENS = {"phone": (390, 844), "desktop": (1280, 900)}


@contextmanager
def launched() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


def keep(page: playwright.Page, name: str) -> None:
    if folder := os.environ.get("DEEPGRADE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def fits(page: playwright.Page) -> bool:
    """Nothing sticks out sideways: only boxes that scroll by themselves are wider than the screen."""
    # One question, asked again after a page is loaded anew: between two pages there is nothing to measure.
    # A function, since a page's policy forbids that a text is evaluated once more, should the first answer be no.
    measured = "() => document.readyState === 'complete' && document.documentElement.scrollWidth <= window.innerWidth"
    try:
        page.wait_for_function(measured, timeout=10_000)
    except playwright.TimeoutError:
        return False
    return True


class World:
    """The service, and a browser for each of those who look."""

    def __init__(self, url: str, cookies: dict[str, str], browser: playwright.Browser) -> None:
        self.url = url
        self._cookies = cookies
        self._browser = browser
        self._contexts: dict[str, playwright.BrowserContext] = {}

    def page(self, who: str) -> playwright.Page:
        if who not in self._contexts:
            self._contexts[who] = self._browser.new_context()
            if who:
                self._contexts[who].add_cookies([{"name": "deepgrade", "value": self._cookies[who], "url": self.url}])
        return self._contexts[who].new_page()


@contextmanager
def world_of(settings: Settings, change: Callable[[Flask], None] = lambda app: None) -> Iterator[World]:
    """The world of `pages_list` after a change, and a browser in it."""
    app = create_app(settings)
    cookies = pages_list.populate(app)
    change(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with launched() as browser:
        yield World(f"http://127.0.0.1:{server.port}", cookies, browser)
    server.shutdown()
    thread.join()
    app.extensions["services"].database.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(chromium, service) -> Iterator[Callable[..., playwright.Page]]:
    """`visit("ada", "phone", "dark")`: a page on which ada is signed in. Nothing it runs may fail or be forbidden."""
    contexts = []
    complaints: list[str] = []

    def go(login: str, screen: str = "desktop", scheme: str = "light", *, url: str = "", **options) -> playwright.Page:
        width, height = SCREENS[screen]
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
        page.goto(url or service.url)
        page.get_by_label("Login").fill(login)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Assignments").wait_for()
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def _is_complaint(said: playwright.ConsoleMessage) -> bool:
    """Answers of 4xx are said in the console as well, and are no fault of the page."""
    return said.type == "error" and "Failed to load resource" not in said.text


def upload(data: bytes, name: str = "double.zip") -> playwright.FilePayload:
    return {"name": name, "mimeType": "application/zip", "buffer": data}


def hand_in(page: playwright.Page, data: bytes, name: str = "double.zip") -> None:
    page.get_by_label("A zip with").set_input_files(upload(unlike_earlier(data, urlsplit(page.url).netloc), name))
    page.get_by_role("button", name="Hand in", exact=True).click()
