"""How often a program may ask. Counted by token; requests without one by address."""

from __future__ import annotations

from flask_limiter.util import get_remote_address

from grader_service import access
from grader_service.security import limiter

OFTEN = "300 per minute"  # one that looks at its submission each second has room for four more
GUESSING = "60 per minute"  # wrong tokens from one address
SENDING = "30 per minute"  # uploads


def asker() -> str:
    token = access.my_token()
    return f"token {token.id}" if token is not None else get_remote_address()


def limit(blueprint) -> None:
    limiter.limit(OFTEN, key_func=asker)(blueprint)
    limiter.limit(GUESSING, deduct_when=lambda answer: answer.status_code == 401)(blueprint)


sending = limiter.limit(SENDING, key_func=asker)
