"""Launches from a platform: who comes in, as whom, and what is refused (row 61 of the threats)."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import RSAKey
from narrowing import not_none

from grader_service.accounts import accounts, deletion
from grader_service.courses import courses
from grader_service.database.models import (
    AuditEntry,
    Base,
    LtiContext,
    LtiIdentity,
    LtiLaunch,
    LtiLink,
    LtiMember,
    LtiUsed,
    Membership,
    Person,
)
from grader_service.database.session import Database
from grader_service.lti import platform_keys, platform_requests, platforms
from grader_service.lti.messages import CLAIM, DEEP, MEMBERSHIP, role_of

from ..conftest import PASSWORD, User
from ..support.platform import TEACHER, Platform
from .conftest import WINDOW, begun, known, launched, sent


def everything(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read() as session:
        return {
            name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def people(database: Database) -> dict[str, str]:
    """Logins and roles in the course."""
    with database.read() as session:
        rows = session.execute(sa.select(Person.login, Membership.role).join(Membership)).all()
        return {row[0]: row[1] for row in rows}


# --- the first launch, and later ones ---------------------------------------------------------------------------------


def test_a_person_without_an_account_gets_one_and_comes_in_at_once_the_next_time(platform, user, database):
    platform.person("s-1", "Ada Lovelace")
    ada: User = user()
    answer = launched(ada, platform, "s-1")
    assert "Link your account" in answer.text
    assert 'as <b class="name">Ada Lovelace' in answer.text
    assert people(database).keys() == {"root"}, "nothing is made before the person says so"
    answer = ada.post(f"{answer.request.path}/account", form_at=answer.request.path)
    assert ada.client.get(answer.location, follow_redirects=True).request.path.endswith("/assignments/double")
    ((login, role),) = [item for item in people(database).items() if item[0] != "root"]
    assert role == "student"
    assert login.startswith("lti-")
    again: User = user()
    assert launched(again, platform, "s-1").request.path.endswith("/assignments/double")
    assert f"<code>{login}</code>" in again.get("/account").text
    with database.read() as session:
        assert not_none(accounts.find(session, login)).email is None, "the platform's word proves no address"
        assert not_none(accounts.find(session, login)).name == "Ada Lovelace"
        assert {row.action for row in session.scalars(sa.select(AuditEntry))} >= {"identity added", "member changed"}


@pytest.mark.threat(61)
def test_an_address_alone_joins_nobody_to_an_account(platform, user, database):
    """The person signs in once; after that their identity is linked."""
    with database.write() as session:
        accounts.create(session, login="ada", email="ada@example.edu", password=PASSWORD)
    platform.person("s-1", "Ada", "ADA@example.edu")
    ada: User = user()
    page = launched(ada, platform, "s-1")
    assert "An account has the e-mail address" in page.text
    assert ada.get("/account").status_code == 303, "nobody is signed in"
    ada.post(f"{page.request.path}/account", form_at="/sign-in")
    assert people(database).keys() == {"root", "ada"}, "and no second account is made"
    assert ada.post("/sign-in", {"login": "ada", "password": PASSWORD}).status_code == 303
    answer = ada.post(f"{page.request.path}/link", form_at=page.request.path)
    assert ada.client.get(answer.location, follow_redirects=True).request.path.endswith("/assignments/double")
    assert launched(user(), platform, "s-1").request.path.endswith("/assignments/double")


@pytest.mark.threat(61)
def test_two_identities_never_share_an_account_and_an_operator_has_none(platform, user, database):
    known(database, platform, "s-1", "ada")
    platform.person("s-2", "Mallory")
    platform.person("s-3", "Root")
    for login, sub, sentence in (
        ("ada", "s-2", "linked with another identity"),
        ("root", "s-3", "the account of an operator cannot be linked"),
    ):
        browser: User = user()
        page = launched(browser, platform, sub)
        browser.sign_in(login)
        answer = browser.post(f"{page.request.path}/link", form_at=page.request.path)
        assert sentence in browser.get(answer.location).text
    with database.read() as session:
        assert session.scalars(sa.select(LtiIdentity.subject)).all() == ["s-1"]


def test_the_roles_of_a_platform_give_rights_in_its_course_alone_and_never_those_of_an_admin(
    platform, user, database, new_platform
):
    with database.write() as session:
        other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        both, _ = accounts.create(session, login="tom", password=PASSWORD, role=None)
        accounts.join(session, both, other, "student")
    platform.person("s-1", "Tom", role=TEACHER)
    with database.write() as session:
        registered = not_none(platforms.find(session, platform.url, platform.client_id))
        session.add(LtiIdentity(platform_id=registered.id, subject="s-1", person_id=both.id))
    launched(user(), platform, "s-1")
    with database.read() as session:
        tom = not_none(accounts.find(session, "tom"))
        assert {one.course.slug: one.role for one in tom.memberships} == {"course": "staff", "other": "student"}
    platform.people["s-1"]["roles"] = [f"{MEMBERSHIP}#Learner"]
    launched(user(), platform, "s-1")
    with database.read() as session:
        assert not_none(accounts.find(session, "tom")).role_in(1) == "staff", "a launch takes nothing away"


@pytest.mark.parametrize("roles, role", [
    ([f"{MEMBERSHIP}#Learner"], "student"),
    ([f"{MEMBERSHIP}#Instructor", f"{MEMBERSHIP}#Learner"], "staff"),
    ([f"{MEMBERSHIP}/Instructor#TeachingAssistant"], "staff"),
    ([f"{MEMBERSHIP}#Administrator"], ""),
    (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"], ""),
    (["http://purl.imsglobal.org/vocab/lis/v2/system/person#SysAdmin"], ""),
    (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"], ""),
    ([{"not": "a text"}, 7], ""),
    (None, ""),
    ("Instructor", ""),
])  # fmt: skip
def test_only_roles_in_the_course_count(roles, role):
    assert role_of(roles) == role


def test_a_link_to_no_assignment_or_to_one_that_is_not_released_leads_to_the_course(platform, user, database, do):
    known(database, platform, "s-1", "ada")
    platform.link("link-2", "nowhere", 2)
    assert launched(user(), platform, "s-1", "link-2").request.path == "/courses/course"
    with database.write() as session:
        not_none(courses.assignment(session, accounts.first_course(session), "double")).draft = True
    answer = launched(user(), platform, "s-1")
    assert answer.request.path == "/courses/course"
    assert "not released yet" in answer.text


def test_a_temporary_password_is_changed_first(platform, user, database):
    known(database, platform, "s-1", "ada")
    with database.write() as session:
        not_none(accounts.find(session, "ada")).must_change_password = True
    assert launched(user(), platform, "s-1").request.path == "/password"


def test_only_a_teacher_who_is_an_admin_of_the_course_connects_it(new_platform, user, database):
    platform: Platform = new_platform()
    with database.write() as session:
        registered = not_none(platforms.find(session, platform.url, platform.client_id))
        for login, role in (("ada", "student"), ("eve", "staff"), ("max", "admin")):
            person, _ = accounts.create(session, login=login, role=role, password=PASSWORD)
            session.add(LtiIdentity(platform_id=registered.id, subject=f"t-{login}", person_id=person.id))
            platform.person(f"t-{login}", login.title(), role=TEACHER)
    for login in ("ada", "eve"):
        somebody: User = user()
        page = launched(somebody, platform, f"t-{login}")
        assert "Only an admin of a course can connect it" in page.text
        answer = somebody.post(f"{page.request.path}/course", {"course": "course"}, form_at="/password")
        assert answer.status_code == 422
    platform.people["t-max"]["roles"] = [f"{MEMBERSHIP}#Learner"]
    assert "have not connected it" in launched(user(), platform, "t-max").text
    platform.person("t-max", "Max", role=TEACHER)
    maximilian: User = user()
    page = launched(maximilian, platform, "t-max")
    answer = maximilian.post(f"{page.request.path}/course", {"course": "course"}, form_at=page.request.path)
    assert maximilian.client.get(answer.location, follow_redirects=True).request.path == "/courses/course"
    with database.read() as session:
        assert session.scalars(sa.select(LtiContext.context)).all() == [platform.context]


# --- what is refused --------------------------------------------------------------------------------------------------

ANOTHER = RSAKey.generate_key(2048, private=True)


def with_another_key(platform: Platform, nonce: str) -> str:
    return platform.message("s-1", nonce, key=ANOTHER)


def by_the_public_key_as_a_secret(platform: Platform, nonce: str) -> str:
    """An old trick: the public key, which everybody has, as the key of a symmetric algorithm."""
    claims = platform.claims("s-1", nonce, "link-1", time.time())
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": platform.key.kid}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(platform.key.as_pem(private=False), signed, "sha256")
    return f"{signed.decode()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def without_a_signature(platform: Platform, nonce: str) -> str:
    _, claims, _ = platform.message("s-1", nonce).split(".")
    return f"eyJhbGciOiJub25lIn0.{claims}."


def changed_after_it_was_signed(platform: Platform, nonce: str) -> str:
    head, _, signature = platform.message("s-1", nonce).split(".")
    return f"{head}.{platform.message('t-eve', nonce).split('.')[1]}.{signature}"


def differing(**changes: Any) -> Callable[[Platform, str], str]:
    return lambda platform, nonce: platform.message("s-1", nonce, **changes)


NOW = int(time.time())
BAD: dict[str, tuple[Callable[[Platform, str], str], str]] = {
    "another key": (with_another_key, "the signature is not valid"),
    "the public key as a secret": (by_the_public_key_as_a_secret, "the signature is not valid"),
    "no signature": (without_a_signature, "not a signed message that names its key"),
    "other claims": (changed_after_it_was_signed, "the signature is not valid"),
    "not a message": (lambda platform, nonce: "x.y.z", "not a signed message"),
    "an empty text": (lambda platform, nonce: "", "not a signed message"),
    "a long text": (lambda platform, nonce: "x" * 100_000, "not a signed message"),
    "a long message": (differing(more="x" * 66_000), "the message is too long"),
    "another audience": (differing(aud="somebody else"), "another audience"),
    "no audience": (differing(aud=None), "another audience"),
    "another party": (differing(azp="somebody else"), "another party"),
    "two audiences and no party": (
        lambda platform, nonce: platform.message("s-1", nonce, aud=[platform.client_id, "x"]), "another party"
    ),
    "expired": (differing(exp=NOW - 600, iat=NOW - 1200), "has expired"),
    "no expiry": (differing(exp=None), "does not say when"),
    "a text as expiry": (differing(exp="tomorrow"), "exp is not a time"),
    "old": (differing(iat=NOW - 7200, exp=NOW + 7200), "too old"),
    "of the future": (differing(iat=NOW + 7200, exp=NOW + 9000), "from the future"),
    "not valid yet": (differing(nbf=NOW + 7200), "not valid yet"),
    "another issuer": (differing(iss="https://other.example"), "of another platform"),
    "another nonce": (lambda platform, nonce: platform.message("s-1", "made up"), "nonce"),
    "no nonce": (lambda platform, nonce: platform.message("s-1", ""), "nonce"),
    "another deployment": (differing(**{f"{CLAIM}deployment_id": "deployment-2"}), "deployment is not registered"),
    "LTI 1.1": (differing(**{f"{CLAIM}version": "1.1"}), "not of LTI 1.3"),
    "another type": (differing(**{f"{CLAIM}message_type": "LtiOther"}), "not supported"),
    "nobody": (differing(sub=None), "names no person"),
    "a long person": (differing(sub="x" * 300), "too long"),
    "no course": (differing(**{f"{CLAIM}context": None}), "names no course"),
    "no link": (differing(**{f"{CLAIM}resource_link": {}}), "names no link"),
    "an address of another kind": (
        differing(**{f"{CLAIM}message_type": "LtiDeepLinkingRequest",
                     f"{DEEP}deep_linking_settings": {"deep_link_return_url": "javascript:alert(1)"}}),
        "not an address",
    ),
}  # fmt: skip


@pytest.mark.threat(61)
@pytest.mark.parametrize("what", BAD)
def test_a_message_that_is_not_right_is_refused_and_logged_and_changes_nothing(platform, user, database, caplog, what):
    make, reason = BAD[what]
    known(database, platform, "s-1", "ada")
    ada: User = user()
    state, nonce = begun(ada, platform, "s-1")
    before = everything(database)
    with caplog.at_level(logging.WARNING, "deepgrade.lti"):
        answer = sent(ada, make(platform, nonce), state)
    assert answer.status_code == 403
    assert "nothing was changed" in answer.text
    assert reason in caplog.text
    assert nonce not in caplog.text
    assert everything(database) == before
    assert ada.get("/account").status_code == 303
    assert sent(ada, platform.message("s-1", nonce), state).status_code == 303, "the right message still opens it"


@pytest.mark.threat(61)
def test_a_state_a_nonce_and_a_message_are_used_once(platform, user, database, caplog):
    known(database, platform, "s-1", "ada")
    ada: User = user()
    state, nonce = begun(ada, platform, "s-1")
    token = platform.message("s-1", nonce, jti="the one")
    assert sent(ada, token, state).status_code == 303
    before = everything(database)
    assert sent(ada, token, state).status_code == 403, "replayed"
    assert sent(ada, platform.message("s-1", nonce), state).status_code == 403, "its state and nonce once more"
    state, nonce = begun(ada, platform, "s-1")
    assert sent(ada, platform.message("s-1", nonce, jti="the one"), state).status_code == 403, "its id once more"
    assert caplog.text.count("was used before") == 3
    assert everything(database) == before


@pytest.mark.threat(61)
def test_the_state_is_ours_and_of_its_platform_and_the_launch_belongs_to_its_browser(
    platform, user, database, new_platform, caplog
):
    known(database, platform, "s-1", "ada")
    other = new_platform("Other")
    other.person("s-1", "Mallory")
    ada: User = user()
    state, nonce = begun(ada, platform, "s-1")
    for message, of_state in (
        (platform.message("s-1", nonce), "made up"),
        (platform.message("s-1", nonce), f"{state}x"),
        (other.message("s-1", nonce), state),
        (other.message("s-1", nonce, iss=platform.url, aud=platform.client_id), state),
    ):
        assert sent(ada, message, of_state).status_code == 403
    answer = sent(ada, platform.message("s-1", nonce), state)
    mallory: User = user()
    assert mallory.get(answer.location).status_code == 404, "another browser cannot finish it"
    assert ada.client.get(answer.location, follow_redirects=True).request.path.endswith("/assignments/double")
    assert ada.get(answer.location).status_code == 404, "and it is finished once"
    # The same person at another platform is somebody else.
    with database.read() as session:
        assert session.scalars(sa.select(LtiIdentity.person_id)).all() == [not_none(accounts.find(session, "ada")).id]
    assert "Link your account" in launched(user(), other, "s-1").text


@pytest.mark.threat(61)
def test_a_platform_or_deployment_that_is_unknown_or_closed_starts_nothing(platform, user, database, do):
    known(database, platform, "s-1", "ada")
    ada: User = user()
    for change in ({"iss": "https://x.example"}, {"client_id": "x"}, {"lti_deployment_id": "x"}, {"login_hint": ""}):
        answer = ada.get("/lti/login", query_string=platform.login("s-1") | change, headers=WINDOW)
        assert answer.status_code == 403, change
    state, nonce = begun(ada, platform, "s-1")
    with database.write() as session:
        root = not_none(accounts.find(session, "root"))
        registered = not_none(platforms.find(session, platform.url, platform.client_id))
        platforms.set_deployments(session, root, registered, ["another"])
    assert sent(ada, platform.message("s-1", nonce), state).status_code == 403
    with database.write() as session:
        registered = not_none(platforms.find(session, platform.url, platform.client_id))
        platforms.set_deployments(session, root, registered, [platform.deployment])
        platforms.set_closed(session, root, registered, True)
    assert sent(ada, platform.message("s-1", nonce), state).status_code == 403
    assert ada.get("/lti/login", query_string=platform.login("s-1"), headers=WINDOW).status_code == 403
    with database.write() as session:
        platforms.set_closed(session, root, session.merge(registered), False)
    assert sent(ada, platform.message("s-1", nonce), state).status_code == 303


def test_without_a_client_id_an_issuer_with_two_platforms_is_refused(platform, user, database):
    """Canvas has one issuer for many universities."""
    login = platform.login("t-eve") | {"client_id": "", "lti_deployment_id": ""}
    assert user().get("/lti/login", query_string=login, headers=WINDOW).status_code == 303
    with database.write() as session:
        root = not_none(accounts.find(session, "root"))
        platforms.add(session, root, platform.registration() | {"client_id": "second"}, ["1"])
    assert user().get("/lti/login", query_string=login, headers=WINDOW).status_code == 403


def test_a_launch_expires(platform, user, database):
    known(database, platform, "s-1", "ada")
    ada: User = user()
    state, nonce = begun(ada, platform, "s-1")
    answer = sent(ada, platform.message("s-1", nonce), state)
    with database.write() as session:
        session.execute(sa.update(LtiLaunch).values(expires_at=1.0))
        session.execute(sa.update(LtiUsed).values(expires_at=1.0))
    assert ada.get(answer.location).status_code == 404
    launched(ada, platform, "s-1")
    with database.read() as session:
        assert session.scalars(sa.select(LtiLaunch)).all() == []
        assert all(one > 1 for one in session.scalars(sa.select(LtiUsed.expires_at))), "old ones are forgotten"


# --- frames, keys, deep linking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("destination", ["iframe", "frame", "object", "", None])
def test_in_a_frame_there_is_one_page_with_a_button_for_a_new_window(platform, user, destination):
    headers = {} if destination is None else {"Sec-Fetch-Dest": destination}
    answer = user().get("/lti/login", query_string=platform.login("s-1"), headers=headers)
    assert answer.status_code == 200
    assert 'target="_blank"' in answer.text
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers
    assert "deepgrade_lti" not in str(answer.headers.getlist("Set-Cookie"))
    address = answer.text.split('rel="noopener" href="')[1].split('"')[0].replace("&amp;", "&")
    window = user().get(address, headers=WINDOW)
    assert window.location.startswith(platform.url)
    assert window.headers["X-Frame-Options"] == "DENY"
    if destination == "iframe":
        assert user().get(address, headers=headers).status_code == 200, "nobody starts a launch in a frame"


def test_a_browser_that_says_no_destination_opens_the_window_too(platform, user):
    """Old ones do not say it."""
    assert user().get("/lti/login", query_string=platform.login("s-1") | {"window": "1"}).status_code == 303


def test_a_platform_may_change_its_keys_at_any_time(platform, user, database, app, monkeypatch):
    known(database, platform, "s-1", "ada")
    assert launched(user(), platform, "s-1").status_code == 200
    platform.key = RSAKey.generate_key(2048, {"kid": "new"}, private=True)
    platform.published = [platform.key]
    monkeypatch.setattr("grader_service.lti.platform_keys.AGAIN_SECONDS", 0.0)
    assert launched(user(), platform, "s-1").request.path.endswith("/assignments/double")


def test_made_up_key_ids_ask_the_platform_only_now_and_then(platform, user, database, monkeypatch):
    asked: list[str] = []

    def get_json(url: str, **options: Any) -> Any:
        asked.append(url)
        return platform_requests.get_json(url, **options)

    monkeypatch.setattr(platform_keys, "get_json", get_json)
    known(database, platform, "s-1", "ada")
    ada: User = user()
    for number in range(5):
        state, nonce = begun(ada, platform, "s-1")
        claims = platform.claims("s-1", nonce, "link-1", time.time())
        forged = jwt.encode({"alg": "RS256", "kid": str(number)}, claims, ANOTHER)
        assert sent(ada, forged, state).status_code == 403
    assert len(asked) == 1


def test_deep_linking_returns_signed_links_with_columns(platform, user, database):
    known(database, platform, "t-eve", "eve", "staff")
    platform.people["t-eve"]["roles"] = [TEACHER]
    eve: User = user()
    page = launched(eve, platform, "t-eve", "choose")
    assert "Add assignments to Example LMS" in page.text
    at = page.request.path
    assert eve.post(f"{at}/choose", {}, form_at=at).status_code == 422
    answer = eve.post(f"{at}/choose", {"assignments": "double"}, form_at=at)
    assert f"form-action {platform.url}" in answer.headers["Content-Security-Policy"]
    message = answer.text.split('name="JWT" value="')[1].split('"')[0]
    assert requests.post(f"{platform.url}/return", data={"JWT": message}, timeout=10).status_code == 200
    (item,) = platform.returned
    assert item["custom"] == {"assignment": "double"}
    assert item["lineItem"]["scoreMaximum"] == 5
    assert eve.post(f"{at}/choose", {"assignments": "double"}, form_at="/password").status_code == 404


def test_students_add_no_links(platform, user, database):
    known(database, platform, "s-1", "ada")
    assert "Only staff add links" in launched(user(), platform, "s-1", "choose").text
    with database.read() as session:
        assert session.scalars(sa.select(LtiLink)).all() == []


def test_whoever_is_deleted_leaves_nothing_behind(platform, user, database, do):
    number = known(database, platform, "s-1", "ada")
    launched(user(), platform, "s-1")
    with database.write() as session:
        deletion.erase(session, None, session.get_one(Person, number))
    with database.read() as session:
        assert session.scalars(sa.select(LtiIdentity)).all() == []
        assert session.scalars(sa.select(LtiMember)).all() == []
