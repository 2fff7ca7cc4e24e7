"""The messages that platforms sign: which ones are accepted, and what they say.

    read(token, keys, platform, state, now)  ─>  Launch      or BadMessage, with the reason for the log

A message is accepted if a key of its platform has signed it with an asymmetric algorithm, it is for us (`aud`, `azp`),
from that platform (`iss`), of a deployment that the operator has registered, not expired and not older than `OLDEST`,
and if its nonce is the one of the state that came with it. That state, nonce and message id are used once is for
`launches` to check.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from autograder.core.errors import DeepgradeError

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP = "https://purl.imsglobal.org/spec/lti-dl/claim/"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCORE_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
RESULT_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
ROSTER_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SCOPES = (SCORE_SCOPE, RESULT_SCOPE, ROSTER_SCOPE)

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
LEEWAY = 60.0  # seconds by which clocks may differ
OLDEST = 3600.0  # seconds since a message was signed
TOKEN_CHARACTERS = 64 * 1024
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
STAFF_ROLES = (
    f"{MEMBERSHIP}#Instructor",
    f"{MEMBERSHIP}/Instructor#TeachingAssistant",
    f"{MEMBERSHIP}/Instructor#PrimaryInstructor",
    f"{MEMBERSHIP}/Instructor#SecondaryInstructor",
    f"{MEMBERSHIP}/Instructor#GuestInstructor",
)
STUDENT_ROLES = (f"{MEMBERSHIP}#Learner",)
RESOURCE, DEEP_LINKING = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"


class BadMessage(DeepgradeError):
    """A message that is refused. The sentence is for the log; the page says less."""


class Launch(msgspec.Struct, frozen=True):
    """What an accepted message says. Texts are cut to the size of their columns."""

    kind: str  # RESOURCE or DEEP_LINKING
    platform_id: int
    deployment: str
    subject: str
    name: str
    email: str  # "" where the platform says none; it proves nothing
    role: str  # in the course over there: "staff", "student" or ""
    context: str
    context_title: str
    link: str  # of a resource link
    assignment: str  # named by the link, or ""
    line_item: str
    scopes: list[str]
    memberships_url: str
    return_url: str  # of deep linking
    data: str  # of deep linking: sent back as it came
    nonce: str
    message_id: str  # "" where the platform gives none
    expires_at: float


def read(token: str, keys: KeySet, platform: Mapping[str, Any], nonce: str, now: float) -> Launch:
    """Check a message of a platform. Raises BadMessage.

    platform : id, issuer, client_id, and the names of its deployments
    nonce : that the state of this message has
    """
    if len(token) > TOKEN_CHARACTERS:
        raise BadMessage("the message is too long")
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadMessage(f"the signature is not valid ({type(error).__name__})") from error
    _for_us(claims, platform)
    _in_time(claims, now)
    if not hmac.compare_digest(_text(claims, "nonce", 300).encode(), nonce.encode()):
        raise BadMessage("the nonce is not the one of this state")
    if claims.get(f"{CLAIM}version") != "1.3.0":
        raise BadMessage("the message is not of LTI 1.3")
    kind = _text(claims, f"{CLAIM}message_type", 100)
    if kind not in (RESOURCE, DEEP_LINKING):
        raise BadMessage(f"the message type {kind[:40]!r} is not supported")
    deployment = _text(claims, f"{CLAIM}deployment_id", 255)
    if deployment not in platform["deployments"]:
        raise BadMessage("the deployment is not registered")
    return _launch(claims, platform, kind, deployment)


def role_of(roles: object) -> str:
    """The role in the course that the platform's roles give: never `admin`. Roles in the whole institution count for
    nothing."""
    given = {one for one in roles if isinstance(one, str)} if isinstance(roles, list) else set()
    if given & {*STAFF_ROLES, "Instructor", "TeachingAssistant"}:
        return "staff"
    return "student" if given & {*STUDENT_ROLES, "Learner"} else ""


def hashed(kind: str, *parts: str) -> str:
    """The hash under which a used value is kept."""
    return hashlib.sha256("\0".join((kind, *parts)).encode()).hexdigest()


def _for_us(claims: Mapping[str, Any], platform: Mapping[str, Any]) -> None:
    if claims.get("iss") != platform["issuer"]:
        raise BadMessage("the message is of another platform")
    audience, ours = claims.get("aud"), platform["client_id"]
    if audience != ours and not (isinstance(audience, list) and ours in audience):
        raise BadMessage("the message is for another audience")
    party = claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, ours):
        raise BadMessage("the message is for another party")


def _in_time(claims: Mapping[str, Any], now: float) -> None:
    expires, issued, before = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise BadMessage("the message does not say when it was made and when it expires")
    if expires <= now - LEEWAY:
        raise BadMessage("the message has expired")
    if not now - OLDEST <= issued <= now + LEEWAY:
        raise BadMessage("the message is too old, or from the future")
    if before is not None and before > now + LEEWAY:
        raise BadMessage("the message is not valid yet")


def _launch(claims: Mapping[str, Any], platform: Mapping[str, Any], kind: str, deployment: str) -> Launch:
    context, link = _part(claims, f"{CLAIM}context"), _part(claims, f"{CLAIM}resource_link")
    custom, grades = _part(claims, f"{CLAIM}custom"), _part(claims, AGS)
    deep, roster = _part(claims, f"{DEEP}deep_linking_settings"), _part(claims, NRPS)
    subject, context_id, link_id = _text(claims, "sub", 255), _text(context, "id", 255), _text(link, "id", 255)
    if not subject:
        raise BadMessage("the message names no person")
    if not context_id:
        raise BadMessage("the message names no course")
    if kind == RESOURCE and not link_id:
        raise BadMessage("the message names no link")
    return_url = _url(deep, "deep_link_return_url")
    if kind == DEEP_LINKING and not return_url:
        raise BadMessage("the message has no address to return to")
    scopes = grades.get("scope")
    return Launch(
        kind=kind,
        platform_id=platform["id"],
        deployment=deployment,
        subject=subject,
        name=_name(claims),
        email=_text(claims, "email", 254, cut=True),
        role=role_of(claims.get(f"{CLAIM}roles")),
        context=context_id,
        context_title=_text(context, "title", 200, cut=True) or _text(context, "label", 200, cut=True),
        link=link_id,
        assignment=_text(custom, "assignment", 32),
        line_item=_url(grades, "lineitem"),
        scopes=[one for one in SCOPES if isinstance(scopes, list) and one in scopes],
        memberships_url=_url(roster, "context_memberships_url"),
        return_url=return_url,
        data=_text(deep, "data", 4000),
        nonce=_text(claims, "nonce", 300),
        message_id=_text(claims, "jti", 300),
        expires_at=float(claims["exp"]),
    )


def _part(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    return value if isinstance(value, dict) else {}


def _text(claims: Mapping[str, Any], name: str, longest: int, *, cut: bool = False) -> str:
    """A text; "" where it is missing. Raises BadMessage for a longer one, or for one with control characters, unless it
    is for reading alone (`cut`)."""
    value = claims.get(name)
    if not isinstance(value, str):
        return ""
    if cut:
        return "".join(one for one in value if one.isprintable())[:longest].strip()
    if len(value) > longest or any(ord(one) < 32 for one in value):
        raise BadMessage(f"the value of {name.rpartition('/')[2]} is too long, or is not printable")
    return value


def _name(claims: Mapping[str, Any]) -> str:
    whole = _text(claims, "name", 200, cut=True)
    parts: Sequence[str] = [_text(claims, part, 100, cut=True) for part in ("given_name", "family_name")]
    return whole or " ".join(filter(None, parts))


def _url(claims: Mapping[str, Any], name: str) -> str:
    value = _text(claims, name, 1000)
    if value and not is_address(value):
        raise BadMessage(f"{name} is not an address with https")
    return value


def is_address(value: str) -> bool:
    """https, or http on this machine for trials. Nothing else may be asked or be the target of a form."""
    local = ("http://localhost:", "http://localhost/", "http://127.0.0.1:", "http://127.0.0.1/")
    return value.isascii() and " " not in value and (value.startswith("https://") or value.startswith(local))


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """A time in seconds since 1970; None where it is missing. Raises BadMessage for anything else."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise BadMessage(f"{name} is not a time")
    return float(value)
