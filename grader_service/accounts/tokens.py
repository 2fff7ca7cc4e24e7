"""Keys for programs: named, limited to a scope and maybe a course, revoked at any time.

    dg_<32 random bytes>      `Authorization: Bearer dg_...`, at addresses below /api/ alone

The secret is shown once; what is kept is its SHA-256, which is enough for 256 random bits. The prefix lets scanners of
leaked secrets find it, and the log's filter leave it out.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from autograder.core.errors import DeepgradeError
from grader_service.core import minutes
from grader_service.database import audit
from grader_service.database.models import SCOPES, Course, Person, Token
from grader_service.database.session import db_now, storable

SECRET = re.compile(r"dg_[A-Za-z0-9_-]{43}")
MOST = 50  # that somebody can have at a time
USED_EVERY = 60.0  # seconds; so often at most a token's last use is written down


def make(
    session: Session,
    person: Person,
    *,
    name: str,
    scope: str,
    course: Course | None = None,
    days: int | None = None,
) -> tuple[Token, str]:
    """A new token, and its secret, which nobody can show again. Raises DeepgradeError for what cannot be had."""
    name = storable(name).strip()[:80]
    if not name:
        raise DeepgradeError("a token needs a name; name the program or machine that will use it")
    if scope not in SCOPES:
        raise DeepgradeError(f"{scope!r} is not a scope; choose one of {', '.join(SCOPES)}")
    if scope == "staff" and not (person.is_staff_in(course.id) if course else person.is_staff):
        raise DeepgradeError("only staff can have a token with the scope 'staff'")
    if course is not None and person.role_in(course.id) is None:
        raise DeepgradeError(f"you are not in the course {course.slug!r}")
    if len(of(session, person)) >= MOST:
        raise DeepgradeError(f"you have {MOST} tokens; revoke some first")
    secret = f"dg_{secrets.token_urlsafe(32)}"
    token = Token(
        person_id=person.id,
        name=name,
        secret_hash=_hash(secret),
        scope=scope,
        course_id=course.id if course else None,
        created_at=db_now(),
        expires_at=None if days is None else db_now() + days * 86400.0,
    )
    session.add(token)
    session.flush()
    audit.write(
        session,
        person,
        "token made",
        f"token {token.id}",
        after={"scope": scope, "course": course.slug if course else None},
        course=course,
        person=person,
    )
    return token, secret


def of(session: Session, person: Person) -> list[Token]:
    """A person's tokens that are not revoked, the latest first; expired ones among them."""
    query = sa.select(Token).where(Token.person_id == person.id, Token.revoked_at.is_(None))
    return list(session.scalars(query.order_by(Token.id.desc())))


def revoke(session: Session, actor: Person, token_id: int) -> bool:
    """End one's own token. False: there is none of that number."""
    token = session.get(Token, token_id)
    if token is None or token.person_id != actor.id or token.revoked_at is not None:
        return False
    token.revoked_at = db_now()
    audit.write(session, actor, "token revoked", f"token {token.id}", course=token.course_id, person=actor)
    return True


def find(session: Session, secret: str) -> Token | None:
    """The token with that secret, if it still holds, with its person and that person's courses."""
    if not SECRET.fullmatch(secret):
        return None
    query = (
        sa.select(Token, db_now())
        .where(Token.secret_hash == _hash(secret), Token.revoked_at.is_(None))
        .options(joinedload(Token.person).options(selectinload(Person.memberships)))
    )
    row = session.execute(query).one_or_none()
    if row is None or (row[0].expires_at is not None and minutes.over(row[0].expires_at, row[1])):
        return None
    return row[0]


def used(session: Session, token: Token) -> None:
    """Write down that it was used, unless that was done within the last minute."""
    stale = sa.or_(Token.last_used_at.is_(None), Token.last_used_at < db_now() - USED_EVERY)
    session.execute(sa.update(Token).where(Token.id == token.id, stale).values(last_used_at=db_now()))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
