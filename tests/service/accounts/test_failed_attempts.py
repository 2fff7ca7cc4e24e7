"""Failures are counted by account and address, and shut out nobody else; what succeeds is not counted."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from narrowing import not_none

from grader_service.accounts import accounts, failed_attempts, invitations, tokens
from grader_service.accounts.failed_attempts import Failures, TooMany
from grader_service.database.models import OneTimeLink, Person
from grader_service.web.app import create_app

from ..conftest import PASSWORD, User, hidden_fields

MANY = 210  # more than any limit by address has ever been


@pytest.fixture
def wrong_tokens(app) -> Callable[[int], Counter[int]]:
    def ask(count: int) -> Counter[int]:
        client = app.test_client()
        secrets = (f"dg_{number:043}" for number in range(count))
        return Counter(
            client.get("/api/v1/me", headers={"Authorization": f"Bearer {one}"}).status_code for one in secrets
        )

    return ask


@pytest.mark.threat(59)
def test_a_campus_behind_one_address_signs_in_whatever_others_there_get_wrong(user):
    user("ada")
    campus = user()
    token = hidden_fields(campus.get("/sign-in").text)
    answers = Counter(
        campus.client.post("/sign-in", data={**token, "login": f"s{number}", "password": "a wrong one"}).status_code
        for number in range(MANY)
    )
    assert answers == {401: MANY}
    assert user().sign_in("ada").status_code == 303


@pytest.mark.threat(59)
def test_wrong_tokens_shut_out_no_right_one(app, database, user, wrong_tokens):
    user("ada")
    with database.write() as session:
        _, secret = tokens.make(session, not_none(accounts.find(session, "ada")), name="t", scope="read")
    assert wrong_tokens(MANY) == {401: MANY}, "nobody guesses 256 random bits, and so nobody is slowed"
    answer = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200


@pytest.mark.threat(59)
def test_first_tokens_for_passwords_are_refused_to_nobody_else(app, user):
    user("ada")

    def ask(login: str, password: str) -> int:
        return app.test_client().post("/api/v1/tokens", json={"login": login, "password": password}).status_code

    assert {ask(f"s{number}", "a wrong one") for number in range(MANY)} == {401}
    assert {ask("ada", PASSWORD) for _ in range(30)} == {201}, "successes are not counted"


@pytest.mark.threat(59)
def test_every_invitation_of_a_class_opens_at_one_address(user, database):
    eve = user("eve", role="staff")
    roster = "login\n" + "".join(f"s{number}\n" for number in range(MANY))
    at = "/courses/course/staff/people/roster"
    plan = eve.post(at, {"text": roster})
    page = eve.post(at, {"text": roster, "digest": re.search(r'name="digest" value="(\w+)"', plan.text)[1]}).text  # type: ignore[index]
    secrets = sorted(
        set(re.findall(r"/link/([A-Za-z0-9_-]{43})", page))
    )  # each is in the list, and in what can be saved
    assert len(secrets) == MANY
    browser = user()
    assert {browser.get(f"/link/{'x' * 43}").status_code for _ in range(MANY)} == {404}
    assert {browser.get(f"/link/{secret}").status_code for secret in secrets} == {200}
    chosen = {"password": PASSWORD, "again": PASSWORD}
    assert browser.post(f"/link/{secrets[-1]}", chosen).status_code == 303


@pytest.mark.threat(59)
def test_the_count_is_exact_when_tries_come_all_at_once(app, user):
    """Counted after the answer, as many more are let through as there are threads."""
    user("ada")
    browser = user()
    token = hidden_fields(browser.get("/sign-in").text)
    cookie = browser.client.get_cookie("deepgrade").value
    gate = threading.Barrier(20)

    def guess(_: int) -> int:
        client = app.test_client()
        client.set_cookie("deepgrade", cookie)
        gate.wait(30)
        return client.post("/sign-in", data={**token, "login": "ada", "password": "a wrong one"}).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = Counter(pool.map(guess, range(20)))
    assert answers == {401: 10, 429: 10}


@pytest.mark.threat(59)
def test_right_passwords_that_come_all_at_once_are_all_let_in(app, user):
    user("ada")
    gate = threading.Barrier(20)

    def sign_in(_: int) -> int:
        browser = User(app.test_client())
        token = hidden_fields(browser.get("/sign-in").text)
        gate.wait(30)
        return browser.client.post("/sign-in", data={**token, "login": "ada", "password": PASSWORD}).status_code

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(sign_in, range(20))) == {303: 20}


@pytest.mark.threat(59)
def test_who_has_signed_in_from_a_browser_is_not_shut_out_by_guesses_from_the_same_address(user):
    ada = user("ada")
    ada.post("/sign-out", form_at="/")
    stranger = user()
    answers = [stranger.sign_in("ada", "guess").status_code for _ in range(11)]
    assert answers[-1] == 429
    assert user().sign_in("ada").status_code == 429, "a browser that nobody knows"
    assert ada.sign_in("ada").status_code == 303
    ada.post("/sign-out", form_at="/")
    assert [ada.sign_in("ada", "guess").status_code for _ in range(11)] == [401] * 10 + [429], "it is slowed as well"


@pytest.mark.threat(46)
def test_a_known_browser_is_known_for_its_own_login_alone(user):
    user("bob")
    ada = user("ada")
    ada.post("/sign-out", form_at="/")
    guesses = [ada.sign_in("bob", "guess").status_code for _ in range(11)]
    assert guesses == [401] * 10 + [429]
    assert user().sign_in("bob").status_code == 429, "counted by the address, as those of any browser"
    ada.client.set_cookie("deepgrade_known", "forged")
    assert ada.sign_in("bob").status_code == 429


@pytest.mark.threat(46)
def test_addresses_of_one_ipv6_network_are_one_place(app, user):
    """Each home and each server has 2^64 of them."""
    user("ada")
    browser = user()
    token = hidden_fields(browser.get("/sign-in").text)

    def guess(address: str) -> int:
        sent = {**token, "login": "ada", "password": "a wrong one"}
        return browser.client.post("/sign-in", data=sent, environ_base={"REMOTE_ADDR": address}).status_code

    assert {guess(f"2001:db8:1:2::{number:x}") for number in range(10)} == {401}
    assert guess("2001:db8:1:2:ffff::1") == 429
    assert guess("2001:db8:1:3::1") == 401
    assert guess("192.0.2.7") == 401


def test_the_sentence_says_what_happened(app, user, database):
    ada, stranger = user("ada"), user()
    for _ in range(10):
        stranger.sign_in("ada", "guess")
    answer = stranger.sign_in("ada")
    assert "Too many wrong passwords for this login came from your network. Try again in 1 min." in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    wrong = {"current": "guess", "password": "another long one", "again": "another long one"}
    assert [ada.post("/password", wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    assert "Too many wrong passwords. Try again in 1 min." in ada.post("/password", wrong).text
    for _ in range(10):
        app.test_client().post("/api/v1/tokens", json={"login": "ada", "password": "guess"})
    answer = app.test_client().post("/api/v1/tokens", json={"login": "ada", "password": PASSWORD})
    assert answer.status_code == 429
    assert answer.json["message"].startswith("Too many wrong passwords for this login")


def test_who_does_something_too_often_is_told_what(user):
    ada = user("ada")
    new = {"name": "t", "scope": "read", "course": "", "days": "30"}
    answers = [ada.post("/account", new, form_at="/").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    assert "more than 20 tokens in one hour" in ada.post("/account", new, form_at="/").text


def test_one_account_gets_a_few_mails_an_hour_and_the_answer_is_always_the_same(settings, monkeypatch):
    """Else anybody could fill a mailbox; and a class that forgot its passwords shares an address."""
    app = create_app(dataclasses.replace(settings, smtp="smtp://127.0.0.1:1", public_url="https://d.example.edu"))
    database = app.extensions["services"].database
    with database.write() as session:
        for number in range(9):
            accounts.create(session, login=f"s{number}", email=f"s{number}@example.edu", password=PASSWORD)

    def made(login: str) -> int:
        with database.read() as session:
            mine = sa.select(sa.func.count()).select_from(OneTimeLink).join(Person, Person.id == OneTimeLink.person_id)
            return session.scalar(mine.where(Person.login == login)) or 0

    def ask(login: str) -> tuple[int, str]:
        browser = User(app.test_client())
        answer = browser.post("/forgot", {"login": login})
        return answer.status_code, browser.get("/sign-in").text.partition('role="status">')[2].partition("<")[0]

    told = {ask(f"s{number}") for number in range(9)} | {ask("nobody")}
    told |= {ask("s0") for _ in range(2 * invitations.MAILS_PER_HOUR)}
    assert len(told) == 1
    assert next(iter(told))[0] == 303
    app.extensions["services"].outbox.wait()
    assert [made(f"s{number}") for number in range(9)] == [invitations.MAILS_PER_HOUR] + [1] * 8
    database.close()


# --- the count itself -------------------------------------------------------------------------------------------------


def fail(failures: Failures, key: str) -> bool:
    """False: it was refused unseen."""
    try:
        with failures.attempt(key) as attempt:
            attempt.failed()
    except TooMany:
        return False
    return True


def test_after_the_time_is_over_tries_are_looked_at_again():
    now = [0.0]
    failures = Failures(((3, 60.0), (5, 3600.0)), lambda: now[0])
    assert [fail(failures, "k") for _ in range(4)] == [True, True, True, False]
    assert fail(failures, "other")
    with pytest.raises(TooMany) as refused, failures.attempt("k"):
        pass
    assert refused.value.seconds == 60
    now[0] = 61.0
    assert [fail(failures, "k") for _ in range(3)] == [True, True, False], "five an hour"
    now[0] = 3601.0
    assert fail(failures, "k")


def test_an_attempt_that_ends_in_an_error_of_ours_is_no_failure():
    failures = Failures(((1, 60.0),))
    for _ in range(3):
        with pytest.raises(RuntimeError), failures.attempt("k"):
            raise RuntimeError("the database is gone")
    assert fail(failures, "k")


def test_keys_without_a_recent_failure_are_forgotten(monkeypatch):
    monkeypatch.setattr(failed_attempts, "MANY_KEYS", 10)
    now = [0.0]
    failures = Failures(((1, 60.0),), lambda: now[0])
    for number in range(100):
        now[0] += 30.0
        assert fail(failures, str(number))
    assert len(failures._times) <= 11
