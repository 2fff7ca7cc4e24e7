"""The people of a course over there (NRPS): read, compared with our course, and applied as staff have seen it.

    fetch ── network ──> entries ── plan ──> Changes ── apply ──> accounts, members

A person whose identity is linked joins. One for whom no account has the address gets a new account, already linked. One
whose address an account has joins when they start a first launch and sign in: an address alone joins nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader_service.accounts import accounts
from grader_service.database import audit
from grader_service.database.models import LtiContext, LtiMember, Membership, Person
from grader_service.lti import contexts, launches
from grader_service.lti.messages import ROSTER_SCOPE, is_address, role_of
from grader_service.lti.platform_requests import PlatformError, Tokens, get_json

MOST = 10_000  # people
PAGES = 200
ACCEPT = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')
ORDER = ("leaves", "role", "signs_in", "joins", "new", "skipped", "same")


@dataclass(frozen=True)
class Entry:
    subject: str
    name: str
    email: str
    role: str


@dataclass(frozen=True)
class Change:
    """The change for one person.

    kind : `new` account, `joins`, `role`, `leaves`, `signs_in` (at the first launch), `skipped` (the actor may not
        give the role), or `same`
    """

    kind: str
    name: str
    role: str = ""
    before: str = ""
    subject: str = ""
    email: str = ""
    person_id: int | None = None


def fetch(tokens: Tokens, context: LtiContext) -> list[Entry]:
    """All people over there who are active, page by page. Raises PlatformError."""
    if not context.memberships_url:
        raise PlatformError("the platform has offered no list of people; start a launch, then try again")
    headers = {**tokens.headers(contexts.platform(context), [ROSTER_SCOPE]), "Accept": ACCEPT}
    url, entries, seen = context.memberships_url, dict[str, Entry](), set[str]()
    while url:
        if url in seen or len(seen) >= PAGES or not is_address(url):
            raise PlatformError("the list of people does not end")
        seen.add(url)
        page, answer = get_json(url, what="the list of people", headers=headers)
        members = page.get("members") if isinstance(page, dict) else None
        if not isinstance(members, list):
            raise PlatformError("the list of people has another form")
        for member in members:
            if (entry := _entry(member)) is not None:
                entries[entry.subject] = entry
        if len(entries) > MOST:
            raise PlatformError(f"the list has more than {MOST:,} people")
        following = NEXT.search(answer.headers.get("Link", ""))
        url = following[1] if following else ""
    return list(entries.values())


def plan(session: Session, actor: Person, context: LtiContext, entries: Sequence[Entry]) -> list[Change]:
    """What would change. Students leave who came from over there and are no longer on the list."""
    known = contexts.people(session, context)
    roles, taken = _roles(session, context), _addresses(session)
    changes = []
    for entry in entries:
        person = known.get(entry.subject)
        if not accounts.may_manage(actor, context.course, entry.role):
            kind = "same" if person is not None and person.id in roles else "skipped"
            changes.append(Change(kind, entry.name, entry.role, subject=entry.subject))
        elif person is not None:
            changes.append(_of_known(entry, person, roles.get(person.id, "")))
        elif entry.email.lower() in taken:
            changes.append(Change("signs_in", entry.name, entry.role, subject=entry.subject))
        else:
            changes.append(Change("new", entry.name, entry.role, "", entry.subject, entry.email))
    changes += _leavers(session, context, {entry.subject for entry in entries}, known, roles)
    return sorted(changes, key=lambda change: ORDER.index(change.kind))


def digest(changes: Sequence[Change]) -> str:
    """`apply` gets the plan that was shown."""
    return hashlib.sha256(repr(list(changes)).encode()).hexdigest()


def apply(session: Session, actor: Person, context: LtiContext, changes: Sequence[Change]) -> None:
    """Apply the plan in the caller's transaction."""
    reason = "the list of people of the platform"
    for change in changes:
        person = None if change.person_id is None else session.get(Person, change.person_id)
        if change.kind == "new":
            platform_id = context.deployment.platform_id
            person = launches.create_person(
                session, platform_id, change.subject, change.name, email=change.email, actor=actor
            )
        if change.kind in ("new", "joins", "role", "same") and person is not None:
            contexts.join(session, context, person, change.role, actor=actor, reason=reason)
        elif change.kind == "leaves" and person is not None:
            accounts.leave(session, person, context.course)
            session.execute(
                sa.delete(LtiMember).where(LtiMember.context_id == context.id, LtiMember.person_id == person.id)
            )
            subject = f"person {person.id}"
            audit.write(
                session,
                actor,
                "member changed",
                subject,
                change.before,
                None,
                reason,
                context.course_id,
                person=person,
            )


def _entry(member: object) -> Entry | None:
    """Raises PlatformError for an entry that names nobody; None for one that is not active, or has no role here."""
    if (
        not isinstance(member, dict)
        or not isinstance(member.get("user_id"), str)
        or not 0 < len(member["user_id"]) < 256
    ):
        raise PlatformError("the list of people has an entry without a user id")
    role = role_of(member.get("roles"))
    if member.get("status", "Active") != "Active" or not role:
        return None
    email = _text(member, "email", 254)
    names = _text(member, "name", 200) or f"{_text(member, 'given_name', 100)} {_text(member, 'family_name', 100)}"
    valid = email if accounts.EMAIL.fullmatch(email) else ""
    return Entry(member["user_id"], names.strip() or "a person without a name", valid, role)


def _text(member: Mapping[str, Any], name: str, longest: int) -> str:
    value = member.get(name)
    return "".join(one for one in value if one.isprintable())[:longest].strip() if isinstance(value, str) else ""


def _of_known(entry: Entry, person: Person, before: str) -> Change:
    raised = before == "student" and entry.role == "staff"
    kind = "joins" if not before else "role" if raised else "same"
    return Change(kind, person.name, entry.role, before, entry.subject, person_id=person.id)


def _roles(session: Session, context: LtiContext) -> dict[int, str]:
    query = sa.select(Membership.person_id, Membership.role).where(Membership.course_id == context.course_id)
    return {row[0]: row[1] for row in session.execute(query)}


def _addresses(session: Session) -> set[str]:
    """The addresses of all accounts, and their logins, which may be addresses."""
    rows = session.execute(sa.select(Person.login, sa.func.lower(Person.email)))
    return {text for row in rows for text in row if text}


def _leavers(
    session: Session, context: LtiContext, listed: set[str], known: Mapping[str, Person], roles: Mapping[int, str]
) -> list[Change]:
    """Students of this context, and of no other one of the course, who are not on the list."""
    of_context = set(session.scalars(sa.select(LtiMember.person_id).where(LtiMember.context_id == context.id)))
    other = sa.select(LtiMember.person_id).join(LtiContext, LtiContext.id == LtiMember.context_id)
    other = other.where(LtiContext.course_id == context.course_id, LtiContext.id != context.id)
    elsewhere = set(session.scalars(other))
    return [
        Change("leaves", person.name, "", "student", subject, person_id=person.id)
        for subject, person in known.items()
        if subject not in listed and person.id in of_context - elsewhere and roles.get(person.id) == "student"
    ]
