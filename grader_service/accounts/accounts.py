"""People: made by staff, signed in by a password that is kept as a scrypt hash."""

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
    """A password as it is kept. To make one takes a tenth of a second, so it is made before a transaction begins."""

    kept: str
    must_change: bool = False  # at the next sign-in: it was made up


NO_PASSWORD = Hashed("")  # of who sets one by a link, or signs in elsewhere


def hashed(password: str) -> Hashed:
    """Raises DeepgradeError for a bad length."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise DeepgradeError(
            f"a password must have {PASSWORD_LEAST} to {PASSWORD_MOST} characters; this one has {len(password)}"
        )
    return Hashed(generate_password_hash(password, method=HASHED))


def made_up() -> tuple[str, Hashed]:
    """A password for somebody, to be told once and changed at the first sign-in."""
    once = _made_up()
    return once, Hashed(hashed(once).kept, must_change=True)


@cache
def _nobodys_hash() -> str:
    """Checked when nobody has that login, so that the answer takes as long as for a wrong password."""
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
    """Add a person, and to a course: the first one if none is named, to none with no role.

    password : where others may wait for the transaction, as `hashed` or `made_up` gives it. Without one it is made up:
        it is returned, and must be changed at the first sign-in.

    Raises DeepgradeError for a login that is taken or none, an unknown role, or a password of the wrong length.
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
    """Give somebody a role in a course, whatever it was before."""
    membership = session.get(Membership, (person.id, course.id))
    if membership is None:
        membership = Membership(person=person, course_id=course.id, role=role, joined_at=db_now())
        session.add(membership)
    membership.role = role
    session.flush()
    return membership


def leave(session: Session, person: Person, course: Course) -> None:
    """Take somebody out of a course. What was handed in stays, and is seen by staff."""
    session.execute(sa.delete(Membership).where(Membership.person_id == person.id, Membership.course_id == course.id))
    session.expire(person, ["memberships"])


def first_course(session: Session) -> Course:
    """There is one from the first migration on."""
    return session.scalars(sa.select(Course).order_by(Course.id).limit(1)).one()


def find(session: Session, login: str) -> Person | None:
    login = fold(login)
    # Whatever cannot be a login is nobody's; some of it PostgreSQL would not even compare.
    return session.scalar(sa.select(Person).where(Person.login == login)) if LOGIN.fullmatch(login) else None


def with_address(session: Session, address: str, *, but: str = "") -> Person | None:
    """Somebody whose e-mail address or login this is, other than the account of the login `but`."""
    matches = sa.or_(sa.func.lower(Person.email) == address.lower(), Person.login == fold(address))
    return session.scalar(sa.select(Person).where(matches, Person.login != but).order_by(Person.id).limit(1))


def edit(session: Session, person: Person, *, name: str, email: str) -> bool:
    """Mend a name or an address; did anything change? Raises DeepgradeError for none, or another account's address."""
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
    kept = person.password_hash if person else ""  # "" is of who signs in elsewhere alone
    right = check_password_hash(kept or nobodys_hash, password[:PASSWORD_MOST])
    return person if right and kept else None


def set_password(person: Person, password: str | Hashed) -> None:
    """Signs out everywhere. Raises DeepgradeError for a bad length."""
    stored = hashed(password) if isinstance(password, str) else password
    person.password_hash, person.must_change_password = stored.kept, stored.must_change
    person.session_id = secrets.token_urlsafe(24)


def has_operator(session: Session) -> bool:
    return session.scalar(sa.select(Person.id).where(Person.is_operator).limit(1)) is not None


def ensure_admin(session: Session, password: str | Hashed | None = None) -> str | None:
    """At the first start there is nobody: make `admin`. Returns the password if it had to be made up."""
    if has_operator(session):
        return None
    person, once = create(session, login="admin", name="Administrator", role="admin", password=password)
    person.is_operator = True
    return once


def may_manage(manager: Person, course: Course, role: str | None) -> bool:
    """Of a course, admins look after everybody; staff look after students."""
    mine = manager.role_in(course.id)
    return mine == "admin" or (mine == "staff" and role == "student")


def may_take_over(manager: Person, person: Person) -> bool:
    """May the manager give somebody a new password, or delete them? Whoever can do that can be them, so it needs the
    right over every role that they have, in all courses; over operators that of an operator."""
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
    """16 letters and digits (80 bits) in groups that can be read out; none that look alike."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))
