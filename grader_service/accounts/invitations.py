"""One-time links: an invitation, or a password reset. Anyone who has a link can set the password once.

    /link/<32 random bytes>      shown to staff once, or sent by mail; only its SHA-256 is stored

A new link for a person, a password set, and the person's deletion end the older ones. To open the page does
not use the link, so programs that check addresses in mails do no harm.
"""

from __future__ import annotations

import hashlib
import re
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.database import audit
from grader_service.database.models import Course, OneTimeLink, Person
from grader_service.database.session import db_now

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
DAYS = {"invite": 14.0, "reset": 1.0}  # until it expires
MAILS_PER_HOUR = 5  # to one account, for a forgotten password; further mails are not sent


def make(session: Session, actor: Person | None, person: Person, purpose: str, course: Course | None = None) -> str:
    """The secret of a new link. Older links of the person end."""
    end(session, person.id)
    secret = secrets.token_urlsafe(32)
    link = OneTimeLink(
        secret_hash=_hash(secret),
        purpose=purpose,
        person_id=person.id,
        expires_at=db_now() + DAYS[purpose] * 86400.0,
    )
    session.add(link)
    session.flush()
    audit.write(session, actor, f"{purpose} link made", f"person {person.id}", course=course, person=person)
    return secret


def lately(session: Session, person: Person) -> int:
    """Links for a forgotten password that were made for this person within the last hour."""
    since = db_now() + DAYS["reset"] * 86400.0 - 3600.0
    mine = (OneTimeLink.person_id == person.id, OneTimeLink.purpose == "reset", OneTimeLink.expires_at > since)
    return session.scalar(sa.select(sa.func.count()).select_from(OneTimeLink).where(*mine)) or 0


def find(session: Session, secret: str) -> tuple[OneTimeLink, Person] | None:
    """The link with that secret and its person; None if the link has expired."""
    if not SECRET.fullmatch(secret):
        return None
    row = session.execute(
        sa.select(OneTimeLink, Person)
        .join(Person, Person.id == OneTimeLink.person_id)
        .where(
            OneTimeLink.secret_hash == _hash(secret), OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > db_now()
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def use(session: Session, secret: str, password: str | accounts.Hashed) -> Person:
    """Set the password, sign the person out everywhere, and end the link. Raises DeepgradeError if it has expired."""
    row = find(session, secret)
    if row is None:
        raise DeepgradeError("This link has been used or has expired. Request a new one.")
    link, person = row
    accounts.set_password(person, password)
    # If two requests come at once, only one succeeds.
    used = sa.update(OneTimeLink).where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
    if session.execute(used.values(used_at=db_now()).returning(OneTimeLink.id)).one_or_none() is None:
        raise DeepgradeError("This link has been used or has expired. Request a new one.")
    end(session, person.id)
    audit.write(session, person, "password set", f"{link.purpose} link {link.id}", person=person)
    return person


def end(session: Session, person_id: int) -> None:
    """Ends all links of this person."""
    session.execute(
        sa.update(OneTimeLink)
        .where(OneTimeLink.person_id == person_id, OneTimeLink.used_at.is_(None))
        .values(used_at=db_now())
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
