"""Where things stand on a page, in a real Chromium: with usual names and with the longest that somebody may have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import Course, Membership, Person, Submission, Token

from ..conftest import COURSE
from ..support.browsers import SCREENS, World, fits, keep, needs_chromium, playwright, world_of
from ..support.pages_list import PAGES, Page

pytestmark = needs_chromium


LONG = "Wolfeschlegelsteinhausenbergerdorff" * 6  # cut to what each column takes


def lengthen(app: Flask) -> None:
    """All that people may choose is as long as it may be, and is one word."""
    with app.extensions["services"].database.write() as session:
        for person in session.scalars(sa.select(Person)):
            person.name, person.email = LONG[:200], f"{LONG[:60]}@{LONG[:60]}.example.org"
            if person.login == "bob":
                person.login = LONG[:64].lower()
        for submission in session.scalars(sa.select(Submission)):
            submission.filename = LONG[:196] + ".zip"
        for token in session.scalars(sa.select(Token)):
            token.name = LONG[:80]
        for membership in session.scalars(sa.select(Membership).where(Membership.pseudonym.is_not(None))):
            membership.pseudonym = LONG[:40]
        first = session.scalars(sa.select(Course)).one()
        first.title = LONG[:200]
        second = courses.create(session, None, slug="second", title=LONG[:199] + "2", timezone="UTC")
        for login in ("ada", "eve"):
            person = accounts.find(session, login)
            assert person is not None
            accounts.join(session, person, second, "staff")


@pytest.fixture(scope="module", params=["usual", "longest"])
def world(request, tmp_path_factory) -> Iterator[World]:
    home = tmp_path_factory.mktemp(request.param) / "home"
    change = lengthen if request.param == "longest" else lambda app: None
    with world_of(Settings(home=home, course=COURSE), change) as world:
        yield world


def opened(world: World, page: Page, screen: str = "desktop") -> playwright.Page:
    seen = world.page(page.who)
    width, height = SCREENS[screen]
    seen.set_viewport_size({"width": width, "height": height})
    seen.goto(world.url + page.path)
    if page.act:
        page.act(seen)
    return seen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_scrolls_sideways_on_no_screen_and_shows_whole_tables_on_a_desktop(world, page: Page):
    seen = opened(world, page, "phone")
    keep(seen, f"layout-{page.name}-phone")
    assert fits(seen), "phone: something sticks out sideways"
    for details in seen.locator(".bar details").all():
        details.locator("summary").click()
        assert fits(seen), "phone: the switch of courses sticks out"
        details.locator("summary").click()
    width, height = SCREENS["desktop"]
    seen.set_viewport_size({"width": width, "height": height})
    keep(seen, f"layout-{page.name}-desktop")
    assert fits(seen), "desktop: something sticks out sideways"
    scrolling = seen.evaluate(
        """() => [...document.querySelectorAll(".wide")]
            .filter(box => !box.querySelector(".diff, code.link") && box.scrollWidth > box.clientWidth + 1)
            .map(box => `${box.getAttribute("aria-label")}: ${box.scrollWidth} of ${box.clientWidth}`)"""
    )
    assert scrolling == [], "desktop: a column is hidden"
    seen.close()


def test_the_names_of_the_grade_book_leave_room_for_the_points(world):
    page = next(one for one in PAGES if one.name == "staff-grades")
    for screen, (width, _) in SCREENS.items():
        seen = opened(world, page, screen)
        names = seen.evaluate("Math.max(...[...document.querySelectorAll('.book tbody th')].map(e => e.offsetWidth))")
        assert names <= max(0.3 * width, 160), screen
        seen.close()


def test_all_pages_begin_at_the_same_place(world):
    begins = {}
    for page in PAGES:
        if not page.who:
            continue  # who is not signed in sees a box in the middle
        seen = opened(world, page)
        seen.set_viewport_size({"width": 1600, "height": 900})
        begins[page.name] = seen.evaluate(
            """() => ["#main > *", ".wordmark"].map(
                what => Math.round(document.querySelector(what).getBoundingClientRect().left))"""
        )
        seen.close()
    assert len({tuple(place) for place in begins.values()}) == 1, begins
    assert len(set(begins["assignments"])) == 1, "the bar begins elsewhere"
