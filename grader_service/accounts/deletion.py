"""Deleting a person with all their data.

    gone           submissions with jobs, results, pictures, comments and points; bytes that nobody else handed in, and
                   what was laid out of them; memberships, extensions, overrides, tokens, links, identities
    kept           bytes that somebody else handed in as well, be it at this moment
    without them   what they did as staff stays, and says no more who did it; in the audit stay numbers, which are
                   nobody's any more

Backups that were made before still hold the data: docs/operations.md says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.database import audit
from grader_service.database.files import IN_STORE, UPLOADS, Files, StoreError
from grader_service.database.models import (
    AuditEntry,
    Comment,
    Extension,
    Identity,
    Job,
    LtiIdentity,
    LtiLaunch,
    LtiMember,
    LtiScore,
    Membership,
    OneTimeLink,
    Override,
    Person,
    Picture,
    Regrade,
    Rendering,
    Result,
    RubricScore,
    Submission,
    Token,
    Upload,
)
from grader_service.database.session import Database, one_at_a_time

log = logging.getLogger("deepgrade.erasing")

SOMEBODY = "a deleted person"


def erase(session: Session, actor: Person | None, person: Person) -> list[str]:
    """Delete everything in the caller's transaction. Raises DeepgradeError for the last operator: nobody could make
    another.

    Returns hashes of the bytes that are to go from the files' store once it has committed (`forget`). Until then their
    rows stay, so that `finish` finds them if that never happens.
    """
    one_at_a_time(session, f"person {person.id}")  # nothing of theirs comes in meanwhile
    others = sa.select(Person.id).where(Person.is_operator, Person.id != person.id)
    if person.is_operator and session.scalar(others.limit(1)) is None:
        raise DeepgradeError(
            "the last operator of the service cannot be deleted; make another person an operator first"
        )
    mine = sa.select(Submission.id).where(Submission.person_id == person.id)
    hashes = list(session.scalars(sa.select(Submission.sha256).where(Submission.person_id == person.id).distinct()))
    results = sa.select(Result.id).where(Result.submission_id.in_(mine))
    for table, condition in (
        (Picture, Picture.result_id.in_(results)),
        (Result, Result.submission_id.in_(mine)),
        (Job, Job.submission_id.in_(mine)),
        (Comment, Comment.submission_id.in_(mine)),
        (RubricScore, RubricScore.submission_id.in_(mine)),
        (Override, Override.person_id == person.id),
        (Extension, Extension.person_id == person.id),
        (Submission, Submission.person_id == person.id),
        (Token, Token.person_id == person.id),
        (OneTimeLink, OneTimeLink.person_id == person.id),
        (Identity, Identity.person_id == person.id),
        (LtiScore, LtiScore.person_id == person.id),
        (LtiMember, LtiMember.person_id == person.id),
        (LtiIdentity, LtiIdentity.person_id == person.id),
        (LtiLaunch, LtiLaunch.person_id == person.id),
        (Membership, Membership.person_id == person.id),
    ):
        session.execute(sa.delete(table).where(condition))
    signed: Sequence[Any] = (Override, Extension, Comment, RubricScore, Regrade)
    for table in signed:
        session.execute(sa.update(table).where(table.by_id == person.id).values(by_id=None))
    # Reasons are free text: of what concerned this person none stays, since it may name or describe them.
    about = sa.update(AuditEntry).where(AuditEntry.person_id == person.id)
    session.execute(about.values(person_id=None, reason="", before=sa.null(), after=sa.null()))
    by = sa.update(AuditEntry).where(AuditEntry.actor_id == person.id)
    session.execute(by.values(actor_id=None, actor_name=SOMEBODY))
    number = person.id
    session.execute(sa.delete(Person).where(Person.id == number))
    session.expunge(person)
    audit.write(session, None if actor is None or actor.id == number else actor, "person deleted", f"person {number}")
    return _orphans(session, hashes)


def forget(database: Database, files: Files, hashes: Sequence[str]) -> None:
    """Take bytes out of the store that no submission names: afterwards, since those that stay must find theirs."""
    for sha256 in hashes:
        with database.write() as session:  # one for each: who hands in waits for one file at most
            files.forget(session, sha256)


def finish(database: Database, files: Files) -> None:
    """Take out of the store what deletions have left there: one was broken off, or the store did not answer."""
    with database.read() as session:
        left = list(session.scalars(sa.select(Upload.sha256).where(~_named(), IN_STORE)))
    try:
        forget(database, files, left)
    except StoreError as error:
        log.error(
            "files of deleted people are still in the store: %s; the next start removes %s", error, " ".join(left)
        )


def _orphans(session: Session, hashes: Sequence[str]) -> list[str]:
    """Those that nobody else handed in, and that lie in the store; the others go, with their rows."""
    one_at_a_time(session, UPLOADS)  # nobody hands in the same meanwhile
    gone: list[str] = []
    for start in range(0, len(hashes), 500):
        mine = sa.and_(Upload.sha256.in_(hashes[start : start + 500]), ~_named())
        gone += session.scalars(sa.select(Upload.sha256).where(mine, IN_STORE))
        # With its sheets, by the database itself: also of what stays in the store for a moment longer.
        shown = sa.delete(Rendering).where(Rendering.sha256.in_(sa.select(Upload.sha256).where(mine)))
        session.execute(shown.execution_options(synchronize_session=False))
        session.execute(sa.delete(Upload).where(mine, ~IN_STORE).execution_options(synchronize_session=False))
    return gone


def _named() -> sa.Exists:
    """Whether a submission names an upload."""
    return sa.exists().where(Submission.sha256 == Upload.sha256)
