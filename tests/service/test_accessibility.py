"""No page has a violation by axe: in light and dark, on a phone and on a desktop, in a real Chromium.

`DEEPGRADE_SCREENSHOTS=FOLDER` keeps a picture of each, for people to look at.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from grader_service.core.settings import Settings
from grader_service.web.app import create_app

from . import pages_list
from .conftest import COURSE
from .pages_list import PAGES, Page
from .test_browser import FLAGS, SCREENS, fits, keep

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: `pip install playwright`")
axe = pytest.importorskip(
    "axe_playwright_python.base", reason="axe is not installed: `pip install axe-playwright-python`"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: `apt-get install chromium`")

LOOKS = [(screen, scheme) for screen in SCREENS for scheme in ("light", "dark")]
AXE = axe.AXE_SCRIPT


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
                cookie = {"name": "deepgrade", "value": self._cookies[who], "url": self.url}
                self._contexts[who].add_cookies([cookie])
        return self._contexts[who].new_page()


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    app = create_app(Settings(home=tmp_path_factory.mktemp("accessibility") / "home", course=COURSE))
    cookies = pages_list.populate(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield World(f"http://127.0.0.1:{server.port}", cookies, browser)
        browser.close()
    server.shutdown()
    thread.join()
    app.extensions["services"].database.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_for_everybody(world, page: Page):
    seen = world.page(page.who)
    complaints: list[str] = []
    seen.on("pageerror", lambda error: complaints.append(str(error)))
    answer = seen.goto(world.url + page.path)
    assert answer is not None
    assert answer.url == world.url + page.path, "it led elsewhere"
    if page.act:
        page.act(seen)
    look(seen, page.name)
    assert complaints == []
    seen.close()


def look(page: playwright.Page, name: str) -> None:
    """A page in all looks: nothing sticks out, and axe has nothing to say."""
    page.evaluate(AXE)
    for screen, scheme in LOOKS:
        width, height = SCREENS[screen]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        keep(page, f"{name}-{screen}-{scheme}")
        assert fits(page), f"{screen}: something sticks out sideways"
        assert violations(page) == [], f"{screen}, {scheme}"


def violations(page: playwright.Page) -> list[str]:
    """Each in a line: the rule, where it is broken, and how."""
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
    return [
        f"{one['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for one in found
        for node in one["nodes"]
    ]


def test_axe_finds_what_is_wrong(world):
    """Else the tests above could not fail."""
    page = world.page("")
    page.set_content("<html><body><img src=x><p style='color:#999;background:#aaa'>pale</p></body></html>")
    page.evaluate(AXE)
    rules = {line.partition(":")[0] for line in violations(page)}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= rules
    page.close()


def test_every_page_is_in_the_list(world, app):
    """Every route that answers somebody with HTML."""
    cookies = pages_list.populate(app)
    listed = set()
    html = set()
    urls = app.url_map.bind("localhost")
    for page in PAGES:
        if page.name != "not-found":
            listed.add(urls.match(page.path.partition("?")[0])[0])
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint == "static":
            continue
        known = {
            "name": "double",
            "slug": "course",
            "secret": pages_list.SECRET,
            "submission_id": 2,
            "first_id": 1,
            "second_id": 2,
        }
        values = {part: known.get(part, 1) for part in rule.arguments}
        for who in cookies:
            client = app.test_client()
            client.set_cookie("deepgrade", cookies[who])
            address = urls.build(rule.endpoint, values)
            answer = client.get(address)
            if answer.status_code == 200 and answer.mimetype == "text/html":
                html.add(rule.endpoint)
    assert html - pages_list.PARTS - listed == set(), "add them to tests/service/pages_list.py"
