"""Keys for programs: named, limited, revoked. A secret is shown once; what is kept is its hash."""

from __future__ import annotations

import hashlib
import re
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from autograder.errors import DeepgradeError
from grader_service.database import db_now, storable
from grader_service.models import SCOPES, Person, Token

PREFIX = "dgt_"  # so that people, and programs that look for lost secrets, know one when they see it
SECRET = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
MOST = 20  # of a person that are not revoked
SEEN_SECONDS = 60.0  # how exactly it is known when one was used last


def make(
    session: Session,
    person: Person,
    *,
    name: str,
    scope: str,
    course_id: int | None = None,
    expires_at: float | None = None,
) -> tuple[Token, str]:
    """A token and its secret. Raises DeepgradeError for a scope that is none, or where there are too many."""
    if scope not in SCOPES:
        raise DeepgradeError(f"{scope!r} is no scope; there is: {', '.join(SCOPES)}")
    if len(of(session, person)) >= MOST:
        raise DeepgradeError(f"there are {MOST} tokens already; revoke one that is not used any more")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        person_id=person.id,
        name=storable(name).strip()[:80] or "token",
        secret_hash=_hash(secret),
        scope=scope,
        course_id=course_id,
        created_at=db_now(),
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    return token, secret


def of(session: Session, person: Person) -> list[Token]:
    """A person's tokens that are not revoked, the latest first."""
    mine = sa.select(Token).where(Token.person_id == person.id, Token.revoked_at.is_(None))
    return list(session.scalars(mine.order_by(Token.id.desc())))


def find(session: Session, secret: str) -> Token | None:
    """The token with that secret, with its person, if it is neither revoked nor over."""
    if not SECRET.fullmatch(secret):
        return None
    good = sa.and_(Token.revoked_at.is_(None), sa.or_(Token.expires_at.is_(None), Token.expires_at > db_now()))
    query = sa.select(Token).where(Token.secret_hash == _hash(secret), good).options(joinedload(Token.person))
    return session.scalar(query)


def used(session: Session, token: Token) -> None:
    """Write down that it was used, once a minute."""
    lately = sa.and_(Token.last_used_at.is_not(None), Token.last_used_at > db_now() - SEEN_SECONDS)
    session.execute(sa.update(Token).where(Token.id == token.id, ~lately).values(last_used_at=db_now()))


def revoke(session: Session, person: Person, token_id: int) -> bool:
    """False: there is no such token of that person."""
    mine = sa.update(Token).where(Token.id == token_id, Token.person_id == person.id, Token.revoked_at.is_(None))
    return session.execute(mine.values(revoked_at=db_now()).returning(Token.id)).scalar() is not None


def _hash(secret: str) -> str:
    """No slow hash is needed: a secret has 256 bits of its own."""
    return hashlib.sha256(secret.encode()).hexdigest()
