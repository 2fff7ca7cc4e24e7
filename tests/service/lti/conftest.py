"""A platform with a course that is connected with ours, and launches from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from narrowing import not_none
from werkzeug.test import TestResponse

from grader_service.accounts import accounts
from grader_service.database.models import LtiContext, LtiDeployment
from grader_service.database.session import Database, db_now
from grader_service.lti import contexts, keys, launches, platforms

from ..conftest import PASSWORD, User
from ..support.platform import TEACHER, Platform, running

WINDOW = {"Sec-Fetch-Dest": "document"}


@pytest.fixture
def new_platform(app: Flask, settings, database: Database) -> Iterator[Callable[..., Platform]]:
    """`new_platform("Other")`: a platform that runs, and that the operator has registered."""
    with ExitStack() as stack:

        def make(name: str = "Example LMS") -> Platform:
            made = Platform(lambda: keys.public(settings), "http://localhost/lti/launch", name)
            stack.enter_context(running(made))
            with database.write() as session:
                operator = accounts.find(session, "root")
                if operator is None:
                    operator, _ = accounts.create(session, login="root", role="admin", password=PASSWORD)
                    operator.is_operator = True
                platforms.add(session, operator, made.registration(), [made.deployment])
            return made

        yield make


@pytest.fixture
def platform(new_platform, database: Database) -> Platform:
    """A platform whose course is connected, with a link to `double`."""
    made: Platform = new_platform()
    made.person("t-eve", "Eve", role=TEACHER)
    made.link("link-1", "double", 1)
    connected(database, made)
    return made


def connected(database: Database, platform: Platform) -> None:
    with database.write() as session:
        registered = not_none(platforms.find(session, platform.url, platform.client_id))
        context = LtiContext(
            deployment_id=registered.deployments[0].id,
            context=platform.context,
            course_id=accounts.first_course(session).id,
            title=f"Deep learning at {platform.name}",
            memberships_url=f"{platform.url}/people?page=0",
            connected_at=db_now(),
        )
        session.add(context)


def begun(user: User, platform: Platform, sub: str, link: str = "link-1") -> tuple[str, str]:
    """Begin a launch: its state and its nonce."""
    answer = user.get("/lti/login", query_string=platform.login(sub, link), headers=WINDOW)
    assert answer.status_code == 303, answer.text
    assert answer.location.startswith(f"{platform.url}/auth?")
    query = parse_qs(urlsplit(answer.location).query)
    return query["state"][0], query["nonce"][0]


def sent(user: User, token: str, state: str) -> TestResponse:
    """The platform's message, as the browser sends it: without cookies, since it comes from another site."""
    return User(user.client.application.test_client()).client.post(
        "/lti/launch", data={"id_token": token, "state": state}
    )


def launched(user: User, platform: Platform, sub: str, link: str = "link-1") -> TestResponse:
    """A whole launch: what the browser sees in the end."""
    state, nonce = begun(user, platform, sub, link)
    answer = sent(user, platform.message(sub, nonce, link), state)
    assert answer.status_code == 303, answer.text
    return user.client.get(answer.location, follow_redirects=True)


def known(database: Database, platform: Platform, sub: str, login: str, role: str = "student") -> int:
    """A person of the course whose identity is linked, and who is a member over there: their number."""
    platform.person(sub, login.title())
    with database.write() as session:
        person = accounts.find(session, login)
        if person is None:
            person, _ = accounts.create(session, login=login, role=role, password=PASSWORD)
        registered = not_none(platforms.find(session, platform.url, platform.client_id))
        launches.link(session, registered.id, sub, person)
        context = session.query(LtiContext).join(LtiDeployment).filter_by(platform_id=registered.id).one()
        contexts.join(session, context, person, role, actor=person, reason="")
        return person.id
