"""Launches: from the platform's first request to the page that its link opens.

    begin ──> the platform confirms ──> accept ──> pending ──> identified ──> arrive

A state is signed by this service and holds its nonce, so nothing is stored before a platform has signed a message. The
state, the nonce and the message's id are then used once. The launch waits under a secret that only the browser gets
that began it, until its person is known:

- An identity that was linked before is that person.
- Nobody is joined to an account by an e-mail address. The person signs in once, or gets a new account if no account has
  the address. A new account has no address, because the platform's word does not prove it.
- An operator's account cannot be linked: whoever runs the platform would run this service.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.core.secrets import session_key
from grader_service.core.settings import Settings
from grader_service.database import audit
from grader_service.database.models import (
    LtiIdentity,
    LtiLaunch,
    LtiPlatform,
    LtiUsed,
    Person,
)
from grader_service.database.session import Database, db_now
from grader_service.lti import messages, platforms
from grader_service.lti.messages import BadMessage, Launch, hashed
from grader_service.lti.platform_keys import PlatformKeys

STATE_SECONDS = 600  # from the platform's first request to its message
PENDING_SECONDS = 3600.0  # in which the person signs in and finishes the launch
HINT_CHARACTERS = 8000

LAUNCHES: TypedDecoder[Launch] = TypedDecoder(Launch)


def begin(session: Session, settings: Settings, given: Mapping[str, str], launch_url: str) -> tuple[str, str]:
    """The platform's address that confirms the launch, and its state. Raises BadMessage for an unknown platform."""
    platform = platforms.find(session, given.get("iss", ""), given.get("client_id", ""))
    if platform is None:
        raise BadMessage("the platform is not registered")
    deployment = given.get("lti_deployment_id", "")
    if deployment and deployment not in platforms.facts(platform)["deployments"]:
        raise BadMessage("the deployment is not registered")
    hint = given.get("login_hint", "")
    if not hint or len(hint) > HINT_CHARACTERS:
        raise BadMessage("the request has no login_hint")
    nonce = secrets.token_urlsafe(24)
    state = _signer(settings).dumps([platform.id, nonce])
    query = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": launch_url,
        "login_hint": hint,
        "state": state,
        "nonce": nonce,
    }
    if given.get("lti_message_hint"):
        query["lti_message_hint"] = given["lti_message_hint"][:HINT_CHARACTERS]
    return f"{platform.auth_url}{'&' if '?' in platform.auth_url else '?'}{urlencode(query)}", state


def accept(database: Database, settings: Settings, keys: PlatformKeys, state: str, token: str) -> str:
    """Check the message of a platform, and keep the launch. Returns the secret under which it waits.

    Raises BadMessage, and changes nothing, for a message that is not accepted.
    """
    try:
        platform_id, nonce = _signer(settings).loads(state, max_age=STATE_SECONDS)
    except (BadSignature, ValueError, TypeError):
        raise BadMessage("the state is not ours, or has expired") from None
    with database.read() as session:
        platform = session.get(LtiPlatform, platform_id)
        if platform is None or platform.closed_at is not None:
            raise BadMessage("the platform is not registered")
        facts, jwks_url = platforms.facts(platform), platform.jwks_url
        now = session.scalars(sa.select(db_now())).one()
    launch = messages.read(token, keys.of(jwks_url, token), facts, nonce, now)
    secret = secrets.token_urlsafe(32)
    try:
        with database.write() as session:
            _use(session, launch, state, now)
            session.add(
                LtiLaunch(
                    secret_hash=hashed("launch", secret),
                    platform_id=launch.platform_id,
                    state_hash=hashed("state", state),
                    message=msgspec.to_builtins(launch),
                    expires_at=now + PENDING_SECONDS,
                )
            )
    except IntegrityError:
        raise BadMessage("the message was used before") from None
    return secret


def pending(session: Session, secret: str, states: list[str]) -> tuple[LtiLaunch, Launch] | None:
    """The launch that waits under a secret, in the browser that began it: it has one of these states' hashes."""
    row = session.get(LtiLaunch, hashed("launch", secret))
    if row is None or row.state_hash not in states or row.expires_at < session.scalars(sa.select(db_now())).one():
        return None
    return row, LAUNCHES.value(row.message)


def identified(session: Session, launch: Launch) -> Person | None:
    """The person whose identity on the platform is linked."""
    identity = session.get(LtiIdentity, (launch.platform_id, launch.subject))
    return None if identity is None else session.get(Person, identity.person_id)


def may_have_new_account(session: Session, launch: Launch) -> bool:
    """Is there no account with the address that the platform says?"""
    return not launch.email or accounts.with_address(session, launch.email) is None


def new_account(session: Session, launch: Launch) -> Person:
    """An account for a person who has none. Raises DeepgradeError if an account has the address."""
    if not may_have_new_account(session, launch):
        raise DeepgradeError("an account has this e-mail address; sign in with it")
    return create_person(session, launch.platform_id, launch.subject, launch.name)


def create_person(
    session: Session,
    platform_id: int,
    subject: str,
    name: str,
    *,
    email: str | None = None,
    actor: Person | None = None,
) -> Person:
    """A new account in no course, without a password, and with its identity on the platform."""
    login = f"lti-{secrets.token_hex(6)}"
    person, _ = accounts.create(
        session, login=login, name=name, role=None, password=accounts.NO_PASSWORD, email=email or None
    )
    audit.write(session, actor or person, "account made", f"person {person.id}", after=_of(platform_id), person=person)
    link(session, platform_id, subject, person, actor=actor)
    return person


def link(session: Session, platform_id: int, subject: str, person: Person, *, actor: Person | None = None) -> None:
    """Link an identity on the platform with an account. Raises DeepgradeError if one of the two is linked already, and
    for operators."""
    if person.is_operator:
        raise DeepgradeError(
            "the account of an operator cannot be linked with a platform; use another account for teaching"
        )
    existing = session.get(LtiIdentity, (platform_id, subject))
    if existing is not None:
        if existing.person_id != person.id:
            raise DeepgradeError("this identity is linked with another account")
        return
    other = sa.select(LtiIdentity.subject).where(
        LtiIdentity.platform_id == platform_id, LtiIdentity.person_id == person.id
    )
    if session.scalar(other) is not None:
        raise DeepgradeError("this account is linked with another identity of the platform already")
    session.add(LtiIdentity(platform_id=platform_id, subject=subject, person_id=person.id))
    session.flush()
    audit.write(
        session, actor or person, "identity added", f"person {person.id}", after=_of(platform_id), person=person
    )


def finish(session: Session, row: LtiLaunch) -> None:
    """The launch is over: its secret opens nothing any longer."""
    session.execute(sa.delete(LtiLaunch).where(LtiLaunch.secret_hash == row.secret_hash))


def _use(session: Session, launch: Launch, state: str, now: float) -> None:
    """Raises IntegrityError if one of them was used before."""
    for table in (LtiUsed, LtiLaunch):
        session.execute(sa.delete(table).where(table.expires_at < now))
    platform = str(launch.platform_id)
    until = max(launch.expires_at, now + STATE_SECONDS) + 2 * messages.LEEWAY
    values = [hashed("state", state), hashed("nonce", platform, launch.nonce)]
    if launch.message_id:
        values.append(hashed("message", platform, launch.message_id))
    session.add_all(LtiUsed(value=value, expires_at=until) for value in values)
    session.flush()


def _of(platform_id: int) -> dict[str, int]:
    return {"platform": platform_id}


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(session_key(settings), salt="the state of a launch")
