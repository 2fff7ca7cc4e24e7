"""The private keys with which this service signs messages to platforms, and the public keys that platforms read.

    DEEPGRADE_HOME/lti.keys     JSON, mode 0600: the keys, the newest first; in the backup, and shown nowhere

Platforms keep the public keys for some time. So a new key is published for a day before it signs (`sign_from`), and an
old one is published for a week after another one has taken its place.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings

NAME = "lti.keys"
BITS = 2048
PUBLISHED_BEFORE = 86400.0  # seconds in which a key is published and does not sign yet
PUBLISHED_AFTER = 7 * 86400.0  # seconds in which a replaced key is still published
TOKEN_SECONDS = 300  # that a signed message is valid


@dataclass(frozen=True)
class Key:
    id: str
    made_at: float  # seconds since 1970, by this machine's clock
    sign_from: float
    private: dict[str, Any]  # a JWK

    @property
    def public(self) -> dict[str, Any]:
        """The JWK that platforms read."""
        return {**RSAKey.import_key(self.private).as_dict(private=False), "kid": self.id, "use": "sig", "alg": "RS256"}


def load(settings: Settings) -> list[Key]:
    """The keys, the newest first; the first use makes one. Raises DeepgradeError for a file that others can read, or
    that is damaged."""
    path = settings.make_home() / NAME
    if not path.exists():
        _write(path, [_make(sign_from=0.0)], first=True)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise DeepgradeError(f"{path}: can be read by others (mode {mode:o}); run `chmod 600 {path}`")
    try:
        keys = [Key(**one) for one in json.loads(path.read_bytes())]
        for key in keys:
            RSAKey.import_key(key.private)
    except (ValueError, TypeError, KeyError) as error:
        raise DeepgradeError(f"{path}: is damaged; restore it from a backup") from error
    if not keys:
        raise DeepgradeError(f"{path}: contains no key; restore it from a backup")
    return keys


def signing(keys: list[Key], now: float) -> Key:
    """The newest key that has been published for long enough; before that, the oldest one."""
    return next((key for key in keys if key.sign_from <= now), keys[-1])


def rotate(settings: Settings, *, at_once: bool = False) -> Key:
    """Make a new key, and remove those that were replaced more than a week ago.

    at_once : the new key signs now and all others are removed, because one of them may be known to somebody. Platforms
        refuse our messages until they read the keys again.
    """
    keys, now = load(settings), time.time()
    new = _make(sign_from=0.0 if at_once else now + PUBLISHED_BEFORE)
    _write(settings.home / NAME, [new, *([] if at_once else _still_published(keys, now))])
    return new


def public(settings: Settings) -> dict[str, Any]:
    """The document at /lti/keys.json."""
    return {"keys": [key.public for key in load(settings)]}


def sign(settings: Settings, claims: dict[str, Any]) -> str:
    """A signed message with a new id, which is valid for five minutes."""
    now = time.time()
    key = signing(load(settings), now)
    whole = {"iat": int(now), "exp": int(now) + TOKEN_SECONDS, "jti": secrets.token_urlsafe(16), **claims}
    return jwt.encode({"alg": "RS256", "kid": key.id}, whole, RSAKey.import_key(key.private))


def _still_published(keys: list[Key], now: float) -> list[Key]:
    """Without the keys whose successor has signed for more than a week. `keys` begins with the newest."""
    kept = keys[:1]
    for successor, key in itertools.pairwise(keys):
        if successor.sign_from + PUBLISHED_AFTER > now:
            kept.append(key)
    return kept


def _make(sign_from: float) -> Key:
    private = RSAKey.generate_key(BITS, private=True).as_dict(private=True)
    return Key(secrets.token_hex(8), time.time(), sign_from, private)


def _write(path: Path, keys: list[Key], *, first: bool = False) -> None:
    """In one step, so that no process reads a part of it. `first`: an existing file stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump([vars(key) for key in keys], file)
            file.flush()
            os.fsync(file.fileno())
        if not first:
            draft.rename(path)
            return
        with contextlib.suppress(FileExistsError):  # another process was first, and its key is used
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
