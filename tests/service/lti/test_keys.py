"""The private keys for platforms: kept like the cookie's key, replaced without a gap, and in the backup."""

from __future__ import annotations

import dataclasses
import time

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from autograder.core.errors import DeepgradeError
from grader_service.database import backup
from grader_service.lti import keys

DAY = 86400.0


def names(settings) -> list[str]:
    return [key["kid"] for key in keys.public(settings)["keys"]]


def test_the_first_key_is_made_once_and_is_for_nobody_elses_eyes(settings):
    first = keys.load(settings)
    path = settings.home / keys.NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load(settings) == first
    assert set(keys.public(settings)["keys"][0]) == {"kty", "n", "e", "kid", "use", "alg"}, "no private part"
    path.chmod(0o644)
    with pytest.raises(DeepgradeError, match=r"can be read by others \(mode 644\); run `chmod 600"):
        keys.load(settings)
    path.chmod(0o600)
    path.write_text("[{}]")
    with pytest.raises(DeepgradeError, match="is damaged; restore it from a backup"):
        keys.load(settings)


def test_a_new_key_is_published_before_it_signs_and_an_old_one_afterwards(settings):
    (old,) = keys.load(settings)
    new = keys.rotate(settings)
    ours = keys.load(settings)
    assert names(settings) == [new.id, old.id]
    now = time.time()
    assert keys.signing(ours, now).id == old.id, "platforms may not have read the new one yet"
    assert keys.signing(ours, now + DAY + 1).id == new.id
    assert keys._still_published(ours, now + 7 * DAY) == ours
    assert keys._still_published(ours, now + 9 * DAY) == ours[:1], "a week after it was replaced"


def test_a_key_that_may_be_known_to_somebody_is_replaced_at_once(settings):
    keys.load(settings)
    new = keys.rotate(settings, at_once=True)
    assert names(settings) == [new.id]
    public = RSAKey.import_key(keys.public(settings)["keys"][0])
    message = jwt.decode(keys.sign(settings, {"iss": "x"}), public, ["RS256"])
    assert message.header["kid"] == new.id
    assert message.claims["exp"] - message.claims["iat"] == keys.TOKEN_SECONDS


def test_no_two_messages_have_one_id(settings):
    public = RSAKey.import_key(keys.public(settings)["keys"][0])
    messages = [jwt.decode(keys.sign(settings, {}), public, ["RS256"]).claims["jti"] for _ in range(3)]
    assert len(set(messages)) == 3


def test_the_keys_are_in_the_backup(app, settings, tmp_path):
    first = keys.load(settings)
    backup.back_up(settings, tmp_path / "copy")
    other = dataclasses.replace(settings, home=tmp_path / "other")
    backup.restore(other, tmp_path / "copy")
    assert keys.load(other) == first
    assert (other.home / keys.NAME).stat().st_mode & 0o777 == 0o600
