"""The public keys of platforms: fetched, kept for ten minutes, and fetched again when a platform uses a new key."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from grader_service.lti.messages import BadMessage
from grader_service.lti.platform_requests import PlatformError, get_json

KEPT_SECONDS = 600.0
AGAIN_SECONDS = 10.0  # at least, between two requests to one address: whoever invents key ids causes no flood


class PlatformKeys:
    """By the address of the keys. `of` may wait for the platform, so call it outside of transactions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[dict[str, Any], float]] = {}

    def of(self, url: str, token: str) -> KeySet:
        """The keys of a platform, among them the one that the message names if the platform has it.
        Raises BadMessage if the platform does not give its keys."""
        name, now = _key_id(token), time.monotonic()
        with self._lock:
            keys, fetched = self._kept.get(url, ({}, float("-inf")))
        stale = now - fetched > KEPT_SECONDS or (name not in _names(keys) and now - fetched > AGAIN_SECONDS)
        if stale:
            try:
                keys, _ = get_json(url, what="its keys")
            except PlatformError as error:
                raise BadMessage(f"the keys of the platform cannot be read: {error}") from error
            with self._lock:
                self._kept[url] = (keys, now)
        try:
            return KeySet.import_key_set({"keys": _usable(keys)})
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadMessage(f"the keys of the platform are not valid ({type(error).__name__})") from error


def _usable(keys: Any) -> list[dict[str, Any]]:
    """Public keys of asymmetric algorithms; others are for other purposes."""
    given = keys.get("keys") if isinstance(keys, dict) else None
    listed = given if isinstance(given, list) else []
    return [key for key in listed if isinstance(key, dict) and key.get("kty") in ("RSA", "EC")]


def _names(keys: Any) -> set[str]:
    return {str(key.get("kid")) for key in _usable(keys)}


def _key_id(token: str) -> str:
    """The name of the key in the header. Nothing else of a message is read before its signature is checked."""
    try:
        part = token.partition(".")[0]
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(header["kid"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadMessage("the message is not a signed message that names its key") from None
