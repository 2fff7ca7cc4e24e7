"""A course's people as CSV: plan the changes of a file, and apply them.

    login,name,email,role
    ada,Ada Lovelace,ada@example.edu,student

Columns are found by their names, in any order; if `login` is missing, it is `email`; without a `role`
a person is a student. Names and addresses of existing accounts do not change: they belong to the account's owner, and
staff of one course must not change people of another course.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.batch import lms, sheet
from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, invitations
from grader_service.database import audit
from grader_service.database.models import ROLES, Course, Membership, Person
from grader_service.database.session import storable

MOST = 5000  # lines
COLUMNS = {
    "login": ("login", "username", "user", "netid"),
    "email": ("email", "e-mail", "mail", "email address"),
    "name": ("name", "full name", "student"),
    "first": ("first name", "given name", "firstname"),
    "last": ("last name", "surname", "family name", "lastname"),
    "role": ("role",),
}


@dataclass(frozen=True)
class Entry:
    """A line of the file."""

    line: int
    login: str
    name: str
    email: str | None
    role: str


ORDER = ("leaves", "role", "joins", "new", "same")  # people who lose something come first


@dataclass(frozen=True)
class Change:
    """The change for one person: `new`, `joins`, `role`, `same`, or `leaves` for a person who is not in the file."""

    kind: str
    login: str
    name: str
    email: str | None = None
    role: str = ""  # after it
    before: str = ""  # role before it
    person_id: int | None = None


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file, and a note for staff if the encoding was guessed ("" for UTF-8).

    Raises DeepgradeError if the file is not UTF-8, UTF-16, or Windows-1252 in which all characters beyond ASCII are
    letters or marks of names: nobody could find a name that is stored wrongly.
    """
    text, encoding = sheet.decode(data, "the roster")
    return text, _note(sheet.NAMES[encoding]) if encoding in sheet.NAMES else ""


def _note(encoding: str) -> str:
    return f"The file is not in UTF-8. It was read as {encoding}: check that the names below are right."


def parse(text: str) -> list[Entry]:
    """Raises DeepgradeError with the line and its error. Then no line of the file must be used."""
    rows, shape = sheet.read(text.encode(), "the roster")
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise DeepgradeError(
            "the roster is empty; its first line must name the columns, for example login,name,email,role"
        )
    for number, row in enumerate(rows, start=1):
        if any("\ufffd" in cell or "\0" in cell for cell in row):
            raise DeepgradeError(
                f"line {number}: a character was lost when the file was saved; export the roster again as CSV UTF-8"
            )
    if len(rows) > MOST:
        raise DeepgradeError(f"the roster has {len(rows)} lines, but the limit is {MOST}; split it into several files")
    if (book := lms.recognise(rows, shape)) is not None:
        rows = _of_book(book)
    places = _places(rows[0])
    entries: list[Entry] = []
    seen: dict[str, int] = {}
    addresses: dict[str, int] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        entry = _entry(number, row, places)
        if entry.login in seen:
            raise DeepgradeError(f"line {number}: {entry.login!r} is already in line {seen[entry.login]}")
        seen[entry.login] = number
        address = (entry.email or "").casefold()
        if address and addresses.setdefault(address, number) != number:
            raise DeepgradeError(f"line {number}: {entry.email!r} is already in line {addresses[address]}")
        entries.append(entry)
    return entries


def plan(
    session: Session, actor: Person, course: Course, entries: Sequence[Entry], *, leave: bool = False
) -> list[Change]:
    """The changes of a file. `leave`: whether students leave who are not in it.

    Raises DeepgradeError if a person would get or lose a role that the actor must not give.
    """
    members = {
        person.login: (person, membership)
        for person, membership in session.execute(
            sa.select(Person, Membership).join(Membership).where(Membership.course_id == course.id)
        )
    }
    known = _known(session, [entry.login for entry in entries])
    changes = []
    for entry in entries:
        if not accounts.may_manage(actor, course, entry.role):
            raise DeepgradeError(f"line {entry.line}: you cannot give the role {entry.role}")
        if entry.login in members:
            person, membership = members[entry.login]
            if membership.role != entry.role and not accounts.may_manage(actor, course, membership.role):
                raise DeepgradeError(
                    f"line {entry.line}: {entry.login!r} has the role {membership.role}, and you cannot change it"
                )
            kind = "same" if membership.role == entry.role else "role"
            changes.append(Change(kind, person.login, person.name, None, entry.role, membership.role, person.id))
        elif entry.login in known:
            person = known[entry.login]
            changes.append(Change("joins", person.login, person.name, None, entry.role, "", person.id))
        else:
            address = entry.email or ("@" in entry.login and entry.login)
            if address and (other := accounts.with_address(session, address, but=entry.login)):
                whose = f"{other.login!r}, who is in the course" if other.login in members else "another account"
                raise DeepgradeError(
                    f"line {entry.line}: the address {address!r} belongs to {whose}; use the login of that "
                    "account, or leave the address out"
                )
            changes.append(Change("new", entry.login, entry.name, entry.email, entry.role))
    if leave:
        listed = {entry.login for entry in entries}
        changes += [
            Change("leaves", person.login, person.name, None, "", membership.role, person.id)
            for person, membership in members.values()
            if person.login not in listed and membership.role == "student"
        ]
    return sorted(changes, key=lambda change: ORDER.index(change.kind))


def digest(changes: Sequence[Change]) -> str:
    """The digest of a plan: `apply` gets the plan that was shown."""
    return hashlib.sha256(repr(list(changes)).encode()).hexdigest()


def apply(session: Session, actor: Person, course: Course, changes: Sequence[Change]) -> list[tuple[Person, str]]:
    """Apply the plan in the caller's transaction. Returns the new people, each with the secret of an invitation."""
    invited = []
    for change in changes:
        if change.kind == "new":
            person, _ = accounts.create(
                session,
                login=change.login,
                name=change.name,
                email=change.email,
                role=change.role,
                password=accounts.NO_PASSWORD,
                course=course,
            )
            invited.append((person, invitations.make(session, actor, person, "invite", course)))
        elif change.kind in ("joins", "role"):
            person = session.get_one(Person, change.person_id)
            accounts.join(session, person, course, change.role)
        elif change.kind == "leaves":
            person = session.get_one(Person, change.person_id)
            accounts.leave(session, person, course)
        else:
            continue
        audit.write(
            session,
            actor,
            "member changed",
            f"person {person.id}",
            change.before or None,
            change.role or None,
            "roster",
            course,
            person=person,
        )
    return invited


def _of_book(book: lms.GradeBook) -> list[list[str]]:
    """The people of a grade book of a learning management system, as a roster with a row for each row of the file."""
    roster = [["login", "name", "email"], *([] for _ in book.rows[1:])]
    for person in book.people:
        roster[person.row] = [person.login or person.email or person.sid, person.name, person.email]
    return roster


def _places(header: Sequence[str]) -> dict[str, int]:
    names = [cell.strip().casefold() for cell in header]
    places = {
        column: names.index(name) for column, known in COLUMNS.items() for name in reversed(known) if name in names
    }
    if "login" not in places and "email" not in places:
        raise DeepgradeError(f"the roster's first line is {', '.join(header)!r}; it must name a column login or email")
    return places


def _entry(line: int, row: Sequence[str], places: dict[str, int]) -> Entry:
    def cell(column: str) -> str:
        index = places.get(column)
        return storable(row[index]).strip() if index is not None and index < len(row) else ""

    email = cell("email") or None
    login = accounts.fold(cell("login") or email or "")
    if not accounts.LOGIN.fullmatch(login):
        raise DeepgradeError(f"line {line}: {login!r} is not a valid login; use up to 64 letters, digits and . _ + @ -")
    if email is not None and not accounts.EMAIL.fullmatch(email):
        raise DeepgradeError(f"line {line}: {email!r} is not a valid e-mail address")
    role = cell("role").casefold() or "student"
    if role not in ROLES:
        raise DeepgradeError(f"line {line}: {role!r} is not a role; choose one of {', '.join(ROLES)}")
    name = cell("name") or " ".join(filter(None, (cell("first"), cell("last")))) or login
    return Entry(line, login, name[:200], email, role)


def _known(session: Session, logins: Sequence[str]) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for start in range(0, len(logins), 500):
        query = sa.select(Person).where(Person.login.in_(logins[start : start + 500]))
        people |= {person.login: person for person in session.scalars(query)}
    return people
