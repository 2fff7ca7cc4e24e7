"""Every moment on a page has the name of its zone, and that is the zone of the page's course."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from narrowing import not_none

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.web import formatting
from grader_service.web.app import create_app

from ..conftest import COURSE
from ..support import pages_list
from ..support.pages_list import PAGES

MOMENT = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}, \d{2}:\d{2}(.{0,6})")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    """All pages of a course in India, which has one time the year round."""
    app = create_app(Settings(home=tmp_path_factory.mktemp("times") / "home", course=COURSE))
    cookies = pages_list.populate(app)
    database = app.extensions["services"].database
    with database.write() as session:
        course = accounts.first_course(session)
        course.timezone = "Asia/Kolkata"
        chosen = not_none(courses.assignment(session, course, "double"))
        actor = not_none(accounts.find(session, "eve"))
        for release_at in (1_000_000_000.0, 0.0):
            courses.set_policy(session, actor, chosen, {"release_at": release_at})
    found = {}
    for page in PAGES:
        client = app.test_client()
        if page.who:
            client.set_cookie("deepgrade", cookies[page.who])
        found[page.name] = client.get(page.path).text
    database.close()
    return found


def test_every_moment_names_the_zone_of_the_course(pages):
    named = {name: MOMENT.findall(page) for name, page in pages.items() if MOMENT.search(page)}
    assert {"account", "report", "staff-audit", "staff-dates", "staff-queue", "staff-submissions"} <= set(named)
    wrong = {name: ends for name, ends in named.items() if not all(end.startswith(" IST") for end in ends)}
    assert wrong == {}


def test_nothing_happened_in_1970(pages):
    assert [name for name, page in pages.items() if re.search(r">[^<]*\b1970\b", page)] == []
    assert "from the start" in pages["staff-audit"]


@pytest.mark.parametrize(
    "zone, name", [("Europe/Warsaw", "CET"), ("America/Sao_Paulo", "UTC-03"), ("Asia/Kathmandu", "UTC+0545")]
)
def test_a_zone_without_a_name_is_told_by_its_distance_from_utc(zone, name):
    moment = datetime.datetime(2026, 12, 6, 12, tzinfo=datetime.UTC).timestamp()
    assert formatting.moment(moment, ZoneInfo(zone)).endswith(f" {name}")


def test_no_script_shows_a_moment_in_another_zone():
    """A browser of another zone would show one time and a page without scripts another."""
    script = Path(formatting.__file__).with_name("static") / "deepgrade.js"
    assert "Date(" not in script.read_text()
