"""How often a program may ask: counted by the account that made its token, whatever the address."""

from __future__ import annotations

from grader_service.web import permissions
from grader_service.web.security import limiter

OFTEN = 300  # requests a minute; one that looks at its submission each second has room for four more
SENDING = 30  # uploads a minute


def _account() -> str:
    return f"programs of person {permissions.me().id}"


def _nobody() -> bool:
    """Without a token there is nobody to count for, and no answer but one that costs nothing."""
    return permissions.my_token() is None


def _words(count: int, what: str) -> str:
    return f"Programs of your account sent more than {count} {what} in a minute. Wait one minute, then try again."


often = limiter.limit(
    f"{OFTEN} per minute", key_func=_account, exempt_when=_nobody, error_message=_words(OFTEN, "requests")
)
sending = limiter.limit(
    f"{SENDING} per minute", key_func=_account, exempt_when=_nobody, error_message=_words(SENDING, "uploads")
)
