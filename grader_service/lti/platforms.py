"""Platforms and their deployments. Operators register them; nothing of an unknown one is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.database import audit
from grader_service.database.models import LtiDeployment, LtiPlatform, Person
from grader_service.database.session import db_now, one_at_a_time, storable
from grader_service.lti.messages import is_address

ADDRESSES = {
    "auth_url": "the address for sign-in",
    "token_url": "the address for access tokens",
    "jwks_url": "the address of the public keys",
}
MOST = 200  # deployments of a platform


def all_of_them(session: Session) -> list[LtiPlatform]:
    return list(session.scalars(sa.select(LtiPlatform).order_by(LtiPlatform.id)))


def find(session: Session, issuer: str, client_id: str) -> LtiPlatform | None:
    """The open platform with that issuer and client id. Without a client id the issuer must have one platform only."""
    query = sa.select(LtiPlatform).where(LtiPlatform.issuer == issuer, LtiPlatform.closed_at.is_(None))
    if client_id:
        query = query.where(LtiPlatform.client_id == client_id)
    matching = session.scalars(query.limit(2)).all()
    return matching[0] if len(matching) == 1 else None


def facts(platform: LtiPlatform) -> dict[str, Any]:
    """What the check of a message needs to know of its platform."""
    open_ones = {one.deployment for one in platform.deployments if one.closed_at is None}
    return {
        "id": platform.id,
        "issuer": platform.issuer,
        "client_id": platform.client_id,
        "deployments": open_ones,
    }


def add(session: Session, actor: Person, values: Mapping[str, str], deployments: Sequence[str]) -> LtiPlatform:
    """Register a platform. Raises DeepgradeError for an address that is not valid, and for one that is registered."""
    given = {name: storable(value).strip() for name, value in values.items()}
    for name in ("name", "issuer", "client_id"):
        if not given.get(name):
            raise DeepgradeError(f"enter the {name.replace('_', ' ')} of the platform")
    for name, words in ADDRESSES.items():
        if not is_address(given.get(name, "")):
            raise DeepgradeError(f"{words} must begin with https://")
    one_at_a_time(session, "lti platforms")
    same = sa.select(LtiPlatform.id).where(
        LtiPlatform.issuer == given["issuer"], LtiPlatform.client_id == given["client_id"]
    )
    if session.scalar(same) is not None:
        raise DeepgradeError("a platform with this issuer and this client id is registered already")
    fields = ("name", "issuer", "client_id", "audience", *ADDRESSES)
    platform = LtiPlatform(created_at=db_now(), **{name: given.get(name, "") for name in fields})
    session.add(platform)
    session.flush()
    set_deployments(session, None, platform, deployments)
    after = {"issuer": platform.issuer, "client_id": platform.client_id, "deployments": list(deployments)}
    audit.write(session, actor, "platform added", f"platform {platform.id}", after=after)
    return platform


def set_deployments(session: Session, actor: Person | None, platform: LtiPlatform, names: Sequence[str]) -> None:
    """The deployments that are accepted. One that is left out starts no launches, and keeps its courses for later.

    Raises DeepgradeError without any. `actor` : None writes no entry in the audit.
    """
    wanted = list(dict.fromkeys(filter(None, (storable(name).strip() for name in names))))
    if not wanted or len(wanted) > MOST or max(map(len, wanted)) > 255:
        raise DeepgradeError("enter at least one deployment id, one in each line")
    query = sa.select(LtiDeployment).where(LtiDeployment.platform_id == platform.id)
    existing = {one.deployment: one for one in session.scalars(query)}
    before = sorted(name for name, one in existing.items() if one.closed_at is None)
    now = session.scalar(sa.select(db_now()))
    for name, one in existing.items():
        one.closed_at = None if name in wanted else (one.closed_at or now)
    session.add_all(LtiDeployment(platform_id=platform.id, deployment=name) for name in wanted if name not in existing)
    session.flush()
    session.expire(platform, ["deployments"])
    if actor is not None and before != sorted(wanted):
        subject = f"platform {platform.id}"
        audit.write(session, actor, "platform changed", subject, {"deployments": before}, {"deployments": wanted})


def set_closed(session: Session, actor: Person, platform: LtiPlatform, closed: bool) -> None:
    """A closed platform starts no launches and gets no grades. What was connected stays."""
    if closed == (platform.closed_at is not None):
        return
    platform.closed_at = session.scalar(sa.select(db_now())) if closed else None
    session.flush()
    audit.write(session, actor, "platform closed" if closed else "platform opened", f"platform {platform.id}")
