"""The list of people of a course over there: who joins, who leaves, and who must sign in first."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from narrowing import not_none

from grader_service.accounts import accounts
from grader_service.database.models import LtiContext, Person
from grader_service.lti import platform_requests, roster
from grader_service.lti.platform_requests import PlatformError, Tokens

from ..conftest import PASSWORD
from ..support.platform import TEACHER
from .conftest import known


@pytest.fixture
def plan(platform, database, settings):
    """`plan("eve", apply=True)`: what would change, by name."""

    def make(login: str = "max", *, apply: bool = False) -> dict[str, str]:
        with database.read() as session:
            entries = roster.fetch(Tokens(settings), session.scalars(sa.select(LtiContext)).one())
        with database.write() as session:
            context, actor = session.scalars(sa.select(LtiContext)).one(), not_none(accounts.find(session, login))
            changes = roster.plan(session, actor, context, entries)
            if apply:
                roster.apply(session, actor, context, changes)
        return {change.name: change.kind for change in changes}

    with database.write() as session:
        accounts.create(session, login="max", role="admin", password=PASSWORD)
        accounts.create(session, login="eve", role="staff", password=PASSWORD)
    return make


def members(database) -> dict[str, str]:
    with database.read() as session:
        course = accounts.first_course(session)
        return {one.name: role for one in session.scalars(sa.select(Person)) if (role := one.role_in(course.id))}


def test_people_of_all_pages_join_with_their_role_and_leave(platform, database, plan):
    known(database, platform, "s-1", "ada")
    for sub, name in (("s-2", "Bob"), ("s-3", "Carol"), ("s-4", "Dan")):
        platform.person(sub, name, f"{name.lower()}@example.edu")
    kinds = plan()
    assert {kinds[name] for name in ("Eve", "Bob", "Carol", "Dan")} == {"new"}
    assert members(database).keys().isdisjoint({"Bob", "Carol", "Dan"}), "a plan changes nothing"
    assert plan(apply=True)["Bob"] == "new"
    assert members(database)["Bob"] == "student"
    assert members(database)["Eve"] == "staff"
    assert set(plan().values()) == {"same"}
    del platform.people["s-2"]
    assert plan(apply=True)["Bob"] == "leaves"
    assert "Bob" not in members(database)
    assert plan().get("Bob") is None
    assert platform.refused == []


def test_an_account_with_the_address_joins_only_after_a_sign_in(platform, database, plan):
    with database.write() as session:
        accounts.create(session, login="bob", email="bob@example.edu", role=None, password=PASSWORD)
    platform.person("s-2", "Bob", "BOB@example.edu")
    assert plan(apply=True)["Bob"] == "signs_in"
    assert "bob" not in members(database)


def test_staff_who_are_not_admins_add_students_alone(platform, database, plan):
    platform.person("s-2", "Bob")
    platform.person("t-2", "Tom", role=TEACHER)
    kinds = plan("eve", apply=True)
    assert (kinds["Bob"], kinds["Tom"]) == ("new", "skipped")
    assert "Tom" not in members(database)


def test_who_is_not_active_or_has_no_role_is_left_out(platform, database, plan):
    platform.person("s-2", "Bob")
    platform.people["s-2"]["status"] = "Inactive"
    platform.person("s-3", "Carol", role="http://purl.imsglobal.org/vocab/lis/v2/membership#Mentor")
    assert not {"Bob", "Carol"} & plan().keys()


def test_a_list_that_does_not_end_is_refused(platform, database, plan, monkeypatch):
    platform.page_of_people = lambda page: ({"members": []}, 0)
    with pytest.raises(PlatformError, match="does not end"):
        plan()


def test_an_answer_that_is_too_large_is_refused(platform, database, plan, monkeypatch):
    monkeypatch.setattr(platform_requests, "BYTES", 10)
    with pytest.raises(PlatformError, match="too large or too slow"):
        plan()


def test_a_platform_without_a_list_says_so(platform, database, plan):
    with database.write() as session:
        session.scalars(sa.select(LtiContext)).one().memberships_url = ""
    with pytest.raises(PlatformError, match="has offered no list of people"):
        plan()
