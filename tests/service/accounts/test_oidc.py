"""Sign-in through an OpenID Connect provider: a real one, as a process of its own, over http."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from narrowing import not_none

from grader_service.accounts import accounts
from grader_service.database.models import Identity, Person
from grader_service.web.app import create_app

from ..conftest import PASSWORD, User
from ..support.provider import issuer

__all__ = ["issuer"]  # a fixture


@pytest.fixture
def app(settings, issuer) -> Iterator[Flask]:
    """ada and root have addresses; `two` is the address of two accounts."""
    app = create_app(
        dataclasses.replace(
            settings,
            public_url="http://localhost",
            oidc_issuer=issuer,
            oidc_client_id="deepgrade",
            oidc_client_secret="a secret of ours",
            oidc_name="Example University",
        )
    )
    app.testing = True
    with app.extensions["services"].database.write() as session:
        for login in ("ada", "root", "two-1", "two-2"):
            address = f"{login.partition('-')[0]}@example.edu"
            person, _ = accounts.create(session, login=login, email=address, password=PASSWORD)
            person.is_operator = login == "root"
    yield app
    app.extensions["services"].database.close()


def to_provider(user: User, **query: str) -> str:
    answer = user.client.get("/sign-in/elsewhere", query_string=query)
    assert answer.status_code == 302
    return answer.location


def at_provider(address: str, sub: str, action: str = "") -> str:
    """Sign in there: the path with which the browser comes back."""
    answer = requests.post(address, data={"sub": sub, "action": action}, allow_redirects=False, timeout=10)
    assert answer.status_code in (302, 303), answer.text
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://localhost/sign-in/elsewhere/back"
    return f"{back.path}?{back.query}"


def sign_in(app: Flask, sub: str, user: User | None = None, **query: str) -> tuple[User, str]:
    """Whoever it is, and where the browser is sent in the end."""
    user = user or User(app.test_client())
    return user, user.get(at_provider(to_provider(user, **query), sub)).location


def identities(app: Flask) -> dict[str, str]:
    with app.extensions["services"].database.read() as session:
        rows = session.execute(sa.select(Identity.subject, Person.login).join(Person, Person.id == Identity.person_id))
        return {row[0]: row[1] for row in rows}


def test_the_account_with_the_verified_address_is_signed_in_and_known_from_then_on(app):
    assert "Sign in with Example University" in User(app.test_client()).get("/sign-in").text
    ada, where = sign_in(app, "s-ada", next="/courses/course")
    assert where == "/courses/course"
    assert "ada" in ada.get("/account").text
    assert identities(app) == {"s-ada": "ada"}
    with app.extensions["services"].database.write() as session:
        not_none(accounts.find(session, "ada")).email = None
    again, where = sign_in(app, "s-ada")
    assert (where, again.get("/").status_code) == ("/", 200)


@pytest.mark.threat(46)
@pytest.mark.parametrize("sub", ["s-mallory", "s-said", "s-root", "s-two", "s-nobody"])
def test_nobody_is_signed_in_by_an_address_that_is_not_verified_or_not_one_account_s(app, sub):
    """An operator is not either: whoever runs the provider would run this service."""
    user, where = sign_in(app, sub)
    assert where == "/sign-in"
    assert "No account matches your identity" in user.get("/sign-in").text
    assert identities(app) == {}


@pytest.mark.threat(46)
def test_what_comes_back_must_have_been_asked_for_by_this_browser_and_once(app):
    """Another browser's answer (a forged sign-in), one that was used, one without its state, and a no."""
    ada, mallory = User(app.test_client()), User(app.test_client())
    back = at_provider(to_provider(ada), "s-ada")
    assert mallory.get(back).location == "/sign-in"
    assert mallory.get("/").status_code == 303
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert ada.get(f"/sign-in/elsewhere/back?code=made-up&state={state}").location == "/sign-in"
    assert ada.get(back).location == "/sign-in", "its state was used up"
    back = at_provider(to_provider(ada), "s-ada")
    assert ada.get(back).location == "/"
    other = User(app.test_client())
    assert other.get(at_provider(to_provider(other), "s-ada", "deny")).location == "/sign-in"
    assert other.get("/").status_code == 303


@pytest.mark.threat(46)
@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example"])
def test_nobody_is_sent_on_to_another_site(app, target):
    assert sign_in(app, "s-ada", next=target)[1] == "/"


def test_whoever_is_signed_in_adds_an_identity_that_is_nobody_else_s(app):
    root = User(app.test_client())
    root.sign_in("root")
    assert sign_in(app, "s-root", root)[1] == "/account"
    assert identities(app) == {"s-root": "root"}
    assert "You can also sign in with Example University" in root.get("/account").text
    assert sign_in(app, "s-root")[1] == "/", "having said so, an operator too"
    ada = User(app.test_client())
    ada.sign_in("ada")
    sign_in(app, "s-root", ada)
    assert "belongs to another account" in ada.get("/account").text
    assert identities(app) == {"s-root": "root"}


def test_a_provider_out_of_reach_is_told_in_a_sentence(settings):
    app = create_app(
        dataclasses.replace(
            settings,
            public_url="http://localhost",
            oidc_issuer="http://127.0.0.1:1",
            oidc_client_id="d",
            oidc_client_secret="s",
        )
    )
    user = User(app.test_client())
    assert user.get("/sign-in/elsewhere").location == "/sign-in"
    assert "The sign-in failed" in user.get("/sign-in").text
    app.extensions["services"].database.close()


@pytest.mark.threat(59)
def test_returns_that_fail_shut_nobody_at_that_address_out(app):
    somebody = User(app.test_client())
    for number in range(70):
        assert somebody.get(f"/sign-in/elsewhere/back?code=x&state={number}").location == "/sign-in"
    assert all(to_provider(User(app.test_client())) for _ in range(70))
    _, where = sign_in(app, "s-ada")
    assert where == "/"
