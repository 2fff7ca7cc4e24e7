"""Who gets in, and what a session is worth."""

from __future__ import annotations

import dataclasses
import re

import pytest
from narrowing import not_none

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.database.models import Person
from grader_service.web.app import create_app

from ..conftest import HASHED, PASSWORD, User, hidden_fields


def test_the_right_password_signs_in(user):
    ada = user("ada")
    assert ada.get("/").status_code == 200


def test_logins_do_not_depend_on_case(user):
    user("ada")
    assert user().sign_in(" ADA ").status_code == 303


@pytest.mark.parametrize(
    "login, password", [("ada", "wrong password"), ("nobody", PASSWORD), ("ada' OR '1'='1", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(user, login, password):
    user("ada")
    answer = user().sign_in(login, password)
    assert answer.status_code == 401
    assert "The login or the password is wrong." in answer.text


def test_passwords_are_kept_as_scrypt_hashes(user, database, monkeypatch):
    monkeypatch.setattr(accounts, "HASHED", HASHED)
    ada = user("ada")
    with database.read() as session:
        kept = session.get_one(Person, ada.person.id).password_hash
    assert kept.startswith("scrypt:32768:8:1$"), "32 MB and a tenth of a second for each guess"
    assert PASSWORD not in kept


@pytest.mark.threat(46)
def test_signing_in_without_the_form_s_token_is_refused(user):
    user("ada")
    answer = user().client.post("/sign-in", data={"login": "ada", "password": PASSWORD})
    assert answer.status_code == 400
    assert "This form has expired" in answer.text


@pytest.mark.threat(46)
def test_ten_failures_a_minute_and_no_more_for_one_login(user):
    user("ada")
    stranger = user()
    answers = [stranger.sign_in("ada", "guess").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert stranger.sign_in("ada").status_code == 429, "not even the right password, until the minute is over"
    assert stranger.sign_in("bob", "guess").status_code == 401, "others behind the same address go on"


def test_success_is_not_counted_as_a_failure(user):
    user("ada")
    assert {user().sign_in("ada").status_code for _ in range(12)} == {303}


@pytest.mark.threat(46)
def test_a_session_planted_before_signing_in_is_not_the_one_after(user):
    user("ada")
    browser = user()
    browser.get("/sign-in")
    with browser.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    browser.sign_in("ada")
    with browser.client.session_transaction() as session:
        assert "planted" not in session


@pytest.mark.threat(46)
def test_signing_out_needs_a_form_and_ends_the_session(user):
    ada = user("ada")
    assert ada.get("/sign-out").status_code == 405
    assert ada.post("/sign-out", form_at="/").status_code == 303
    assert ada.get("/").status_code == 303


def test_a_new_password_signs_out_everywhere_else(user):
    ada, elsewhere = user("ada"), user()
    elsewhere.sign_in("ada")
    answer = ada.post("/password", {"current": PASSWORD, "password": "another long one", "again": "another long one"})
    assert answer.status_code == 303
    assert ada.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303


def test_a_new_password_needs_the_current_one(user):
    ada = user("ada")
    answer = ada.post("/password", {"current": "guess", "password": "another long one", "again": "another long one"})
    assert answer.status_code == 401
    assert user().sign_in("ada").status_code == 303


def test_a_made_up_password_must_be_changed_before_anything_else(user, database):
    with database.write() as session:
        _, once = accounts.create(session, login="bob", name="Bob")
    bob = user()
    bob.sign_in("bob", once)
    for path in ("/", "/courses/course/assignments/double", "/submissions/1"):
        assert bob.get(path).location == "/password"
    bob.post("/password", {"current": once, "password": "my own password", "again": "my own password"})
    assert bob.get("/").status_code == 200


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"])
@pytest.mark.threat(46)
def test_after_signing_in_nobody_is_sent_to_another_site(user, target):
    user("ada")
    browser = user()
    token = hidden_fields(browser.get("/sign-in").text)
    answer = browser.client.post(
        "/sign-in", query_string={"next": target}, data={**token, "login": "ada", "password": PASSWORD}
    )
    assert answer.location == "/"


def test_after_signing_in_one_is_where_one_wanted_to_be(user):
    user("ada")
    browser = user()
    where = browser.get("/courses/course/assignments/double").location
    token = hidden_fields(browser.get(where).text)
    answer = browser.client.post(where, data={**token, "login": "ada", "password": PASSWORD})
    assert answer.location == "/courses/course/assignments/double"


@pytest.mark.threat(46)
def test_cookies_are_for_http_and_this_site_alone(user):
    cookie = user().get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_behind_https_cookies_are_secure_and_browsers_are_told_to_stay(settings):
    app = create_app(dataclasses.replace(settings, https=True))
    answer = User(app.test_client()).get("/sign-in")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"login": "ADA"}, "the login 'ada' is already in use"),
        ({"login": "a b"}, "is not a valid login"),
        ({"login": "bob", "role": "king"}, "'king' is not a role; choose one of student, staff, admin"),
        ({"login": "bob", "password": "short"}, "a password must have 10 to 200 characters; this one has 5"),
    ],
)
def test_an_account_that_cannot_be_made_is_refused_with_a_sentence(user, database, changes, sentence):
    user("ada")
    with pytest.raises(DeepgradeError, match=re.escape(sentence)), database.write() as session:
        accounts.create(session, **{"password": PASSWORD, **changes})


def test_the_first_admin_is_made_once(database):
    with database.write() as session:
        once = accounts.ensure_admin(session)
        admin = not_none(accounts.authenticate(session, "admin", not_none(once)))
        assert (admin.is_operator, admin.memberships[0].role) == (True, "admin")
        assert accounts.ensure_admin(session) is None


def test_the_first_admin_s_password_can_be_given(database):
    with database.write() as session:
        assert accounts.ensure_admin(session, PASSWORD) is None
        assert not not_none(accounts.authenticate(session, "admin", PASSWORD)).must_change_password
