"""How often a program may ask: counted by the account that made its token, whatever the address."""

from __future__ import annotations

from typing import Any

from grader_service.web import permissions
from grader_service.web.security import limiter

OFTEN = 300  # requests a minute; one that looks at its submission each second has room for four more
SENDING = 30  # uploads a minute


def _account() -> str:
    return f"programs of person {permissions.me().id}"


def _nobody() -> bool:
    """Without a token there is nobody to count for, and no answer but one that costs nothing."""
    return permissions.my_token() is None


def _limit(count: int, what: str) -> Any:
    words = f"Programs of your account sent more than {count} {what} in a minute. Wait one minute, then try again."
    return limiter.limit(f"{count} per minute", key_func=_account, exempt_when=_nobody, error_message=words)


often = _limit(OFTEN, "requests")
sending = _limit(SENDING, "uploads")
