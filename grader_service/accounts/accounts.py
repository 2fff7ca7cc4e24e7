"""People: staff create them; they sign in with a password, which is stored as a scrypt hash."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from autograder.core.errors import DeepgradeError
from grader_service.database.models import ROLES, Course, Membership, Person
from grader_service.database.session import db_now, one_at_a_time, storable

LOGIN = re.compile(r"[a-z0-9][a-z0-9._+@-]{0,63}")
EMAIL = re.compile(r"[^\s@,;<>\"\\]{1,64}@[^\s@,;<>\"\\]{1,189}")
PASSWORD_LEAST = 10  # characters
PASSWORD_MOST = 200
HASHED = "scrypt"  # with werkzeug's parameters: 2^15 rounds of blocks of 8, 32 MB


@dataclass(frozen=True)
class Hashed:
    """The hash of a password. To compute it takes a tenth of a second, so do this before a transaction begins."""

    kept: str
    must_change: bool = False  # at the next sign-in: it is temporary


NO_PASSWORD = Hashed("")  # for people who set one by a link, or who sign in through a provider


def hashed(password: str) -> Hashed:
    """Raises DeepgradeError for a bad length."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise DeepgradeError(
            f"a password must have {PASSWORD_LEAST} to {PASSWORD_MOST} characters; this one has {len(password)}"
        )
    return Hashed(generate_password_hash(password, method=HASHED))


def made_up() -> tuple[str, Hashed]:
    """A temporary password. It is shown once and must be changed at the first sign-in."""
    once = _made_up()
    return once, Hashed(hashed(once).kept, must_change=True)


@cache
def _nobodys_hash() -> str:
    """The hash to check if no account has the login, so that the answer takes as long as for a wrong password."""
    return generate_password_hash("nobody", method=HASHED)


def create(
    session: Session,
    *,
    login: str,
    name: str = "",
    role: str | None = "student",
    password: str | Hashed | None = None,
    course: Course | None = None,
    email: str | None = None,
) -> tuple[Person, str | None]:
    """Add a person to a course: the first course if none is named, or no course without a role.

    password : from `hashed` or `made_up` if others may wait for the transaction. Without one, a temporary password is
        made and returned; it must be changed at the first sign-in.

    Raises DeepgradeError for a login that is in use or not valid, an unknown role, or a password of the wrong length.
    """
    login = fold(login)
    if not LOGIN.fullmatch(login):
        raise DeepgradeError(
            f"{login!r} is not a valid login; use up to 64 letters, digits and . _ + @ - (an e-mail address is valid)"
        )
    if role is not None and role not in ROLES:
        raise DeepgradeError(f"{role!r} is not a role; choose one of {', '.join(ROLES)}")
    one_at_a_time(session, f"login {login}")
    if find(session, login) is not None:
        raise DeepgradeError(f"the login {login!r} is already in use; choose another")
    person = Person(login=login, name=storable(name).strip()[:200] or login, email=email, created_at=db_now())
    once = None
    if password is None or password == "":
        once, password = made_up()
    set_password(person, password)
    session.add(person)
    session.flush()
    if role is not None:
        join(session, person, course or first_course(session), role)
    return person, once


def join(session: Session, person: Person, course: Course, role: str) -> Membership:
    """Give a person a role in a course. It replaces an earlier role."""
    membership = session.get(Membership, (person.id, course.id))
    if membership is None:
        membership = Membership(person=person, course_id=course.id, role=role, joined_at=db_now())
        session.add(membership)
    membership.role = role
    session.flush()
    return membership


def leave(session: Session, person: Person, course: Course) -> None:
    """Remove a person from a course. Their submissions stay, and staff see them."""
    session.execute(sa.delete(Membership).where(Membership.person_id == person.id, Membership.course_id == course.id))
    session.expire(person, ["memberships"])


def first_course(session: Session) -> Course:
    """The first course. The first migration makes it."""
    return session.scalars(sa.select(Course).order_by(Course.id).limit(1)).one()


def find(session: Session, login: str) -> Person | None:
    login = fold(login)
    # No account has a login that is not valid, and PostgreSQL cannot compare some of these texts.
    return session.scalar(sa.select(Person).where(Person.login == login)) if LOGIN.fullmatch(login) else None


def with_address(session: Session, address: str, *, but: str = "") -> Person | None:
    """A person with this e-mail address or login, except the account with the login `but`."""
    matches = sa.or_(sa.func.lower(Person.email) == address.lower(), Person.login == fold(address))
    return session.scalar(sa.select(Person).where(matches, Person.login != but).order_by(Person.id).limit(1))


def edit(session: Session, person: Person, *, name: str, email: str) -> bool:
    """Change a name or an address. Returns whether one changed. Raises DeepgradeError if it is not valid or in use."""
    name, address = storable(name).strip()[:200], email.strip() or None
    if not name:
        raise DeepgradeError("enter a name")
    if address is not None and not EMAIL.fullmatch(address):
        raise DeepgradeError(f"{address!r} is not a valid e-mail address")
    if (name, address) == (person.name, person.email):
        return False
    if address is not None and address != person.email and with_address(session, address, but=person.login):
        raise DeepgradeError(f"the address {address!r} belongs to another account")
    person.name, person.email = name, address
    session.flush()
    return True


def authenticate(session: Session, login: str, password: str) -> Person | None:
    """The person with that login and password, else None, after the same time."""
    person, nobodys_hash = find(session, login), _nobodys_hash()
    kept = person.password_hash if person else ""  # "" for people who sign in only through a provider
    right = check_password_hash(kept or nobodys_hash, password[:PASSWORD_MOST])
    return person if right and kept else None


def set_password(person: Person, password: str | Hashed) -> None:
    """Sets the password and signs the person out everywhere. Raises DeepgradeError for a bad length."""
    stored = hashed(password) if isinstance(password, str) else password
    person.password_hash, person.must_change_password = stored.kept, stored.must_change
    person.session_id = secrets.token_urlsafe(24)


def has_operator(session: Session) -> bool:
    return session.scalar(sa.select(Person.id).where(Person.is_operator).limit(1)) is not None


def ensure_admin(session: Session, password: str | Hashed | None = None) -> str | None:
    """At the first start, create `admin`. Returns the password if it is a temporary one."""
    if has_operator(session):
        return None
    person, once = create(session, login="admin", name="Administrator", role="admin", password=password)
    person.is_operator = True
    return once


def may_manage(manager: Person, course: Course, role: str | None) -> bool:
    """In a course, admins manage everybody; staff manage students."""
    mine = manager.role_in(course.id)
    return mine == "admin" or (mine == "staff" and role == "student")


def may_take_over(manager: Person, person: Person) -> bool:
    """May the manager give a person a new password, or delete them? A manager who can do that can act as them. So the
    manager needs the right over all their roles in all courses, and must be an operator to manage operators."""
    if manager.is_operator:
        return True
    return (
        not person.is_operator
        and bool(person.memberships)
        and all(may_manage(manager, one.course, one.role) for one in person.memberships)
    )


def fold(login: str) -> str:
    """Logins that look the same are the same: case and Unicode form do not count."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def _made_up() -> str:
    """16 letters and digits (80 bits) in groups that can be read out, without characters that look alike."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))
