"""The page of people, and the mail that it sends."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import sqlalchemy as sa
from narrowing import not_none

from grader_service.database.models import Membership, Person

from ..conftest import User

PEOPLE = "/courses/course/staff/people"


ROSTER = f"{PEOPLE}/roster"


def send(who: User, text: str, **more: str):
    return who.post(ROSTER, {"text": text, **more})


def digest(page: str) -> str:
    return not_none(re.search(r'name="digest" value="(\w+)"', page))[1]


def do(who: User, text: str, **more: str):
    """Look at it, then do it."""
    return send(who, text, digest=digest(send(who, text, **more).text), **more)


def links(page: str) -> list[str]:
    return re.findall(r'<code class="link">http://localhost(/link/[\w-]{43})</code>', page)


def people(database) -> dict[str, str]:
    with database.read() as session:
        rows = session.execute(sa.select(Person.login, Membership.role).join(Membership))
        return {row[0]: row[1] for row in rows}


class Box:
    """What an SMTP server takes."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"
