"""No page has a violation by axe: in light and dark, on a phone and on a desktop, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader_service.core.settings import Settings

from ..conftest import COURSE
from ..support import pages_list
from ..support.browsers import World, needs_chromium, world_of
from ..support.looks import AXE, look, violations
from ..support.pages_list import PAGES, Page

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    with world_of(Settings(home=tmp_path_factory.mktemp("accessibility") / "home", course=COURSE)) as world:
        yield world


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
    assert html - pages_list.PARTS - listed == set(), "add them to tests/service/support/pages_list.py"
