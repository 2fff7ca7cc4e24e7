"""Nothing slow is done while a transaction holds the write lock: `conftest` watches all tests for it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from grader_service.accounts import accounts
from grader_service.database.models import Person

from ..conftest import SLOW, User

SERVICE = """
import time
from grader_service.accounts import accounts

def hash_while_writing(database):
    with database.write() as session:
        accounts.hashed("a password of ours")

def hash_first(database):
    password = accounts.hashed("a password of ours")
    with database.write() as session:
        accounts.create(session, login="ada", password=password)

def sleep_while_writing(database):
    with database.write() as session:
        time.sleep(0)
"""


@pytest.fixture
def service() -> dict:
    """A module of the service, as far as the watch can see."""
    found: dict = {}
    exec(compile(SERVICE, "/x/grader_service/one.py", "exec"), found)
    return found


def test_the_watch_sees_what_it_is_for(service, database):
    """Else all other tests would say nothing."""
    for name in ("hash_while_writing", "sleep_while_writing"):
        with pytest.raises(AssertionError, match=r"is called in a writing transaction of .*one\.py"):
            service[name](database)
    service["hash_first"](database)
    with database.read() as session:
        assert accounts.authenticate(session, "ada", "a password of ours") is not None
    assert len(SLOW) == len({(id(owner), name) for owner, name in SLOW})


def test_a_roster_hashes_no_password_at_all(user, database, monkeypatch):
    """600 of them took a minute, in which nobody could hand in. Until they use their links nobody signs in."""
    eve = user("eve", role="staff")
    monkeypatch.setattr(accounts, "generate_password_hash", lambda *_, **__: pytest.fail("a password is hashed"))
    at = "/courses/course/staff/people/roster"
    roster = "login\n" + "".join(f"s{number}\n" for number in range(30))
    plan = eve.post(at, {"text": roster})
    digest = plan.text.partition('name="digest" value="')[2].partition('"')[0]
    assert "/link/" in eve.post(at, {"text": roster, "digest": digest}).text
    with database.read() as session:
        kept = session.scalars(sa.select(Person).where(Person.login == "s7")).one()
        assert (kept.password_hash, kept.must_change_password) == ("", False)
    for guess in ("", "x" * 10):
        assert User(eve.client.application.test_client()).sign_in("s7", guess).status_code in (401, 422)
