"""Who grades, as rows: what each host last said of itself, and which hosts and queues are paused.

A host speaks every few seconds. One that says that its sandbox does not hold, or that is paused, gets no job; one that
is silent gets none either, since nobody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError
from grader_service.database.models import Host, Job, Queue
from grader_service.database.session import db_now, one_at_a_time, storable
from grader_service.queue.enqueue import QUEUES

SILENT_SECONDS = 15.0  # a host that has not spoken for so long is shown as silent
FORGET_SECONDS = 7 * 86400.0  # and after this is not shown any more


@dataclass(frozen=True)
class Facts:
    """What a host says of itself."""

    name: str
    instance: str
    queues: tuple[str, ...]
    slots: int
    memory_mb: int
    course: str
    well: bool | None
    trouble: str = ""
    lacks: Mapping[str, list[str]] = field(default_factory=dict)  # assignment -> distributions that are not installed


@dataclass(frozen=True)
class Seen:
    """A host at one moment."""

    host: Host
    silent_seconds: float
    running: int

    @property
    def state(self) -> str:
        """In one word: the first of these that is so."""
        if self.silent_seconds > SILENT_SECONDS:
            return "silent"
        if self.host.well is None:
            return "checking"
        if not self.host.well:
            return "unwell"
        return "paused" if self.host.paused else "open"


def beat(session: Session, facts: Facts) -> None:
    """Write down what a host says."""
    host = session.get(Host, facts.name)
    if host is None:
        one_at_a_time(session, "host")
        host = session.get(Host, facts.name) or Host(name=facts.name, instance="", paused=False)
        session.add(host)
    if host.instance != facts.instance:
        host.instance, host.started_at = facts.instance, db_now()
    host.queues, host.slots, host.memory_mb = ",".join(facts.queues), facts.slots, facts.memory_mb
    host.course, host.well, host.trouble = facts.course, facts.well, storable(facts.trouble)
    host.lacks = dict(facts.lacks)
    host.seen_at = db_now()
    session.flush()


def leave(session: Session, name: str, instance: str) -> None:
    """It ends in order: silent from now on."""
    session.execute(sa.update(Host).where(Host.name == name, Host.instance == instance).values(seen_at=0.0))


def heard(session: Session, name: str) -> tuple[str, float, float] | None:
    """Of the host of that name: its instance, when it last spoke, and how long it has been silent."""
    rows = session.execute(sa.select(Host.instance, Host.seen_at, db_now() - Host.seen_at).where(Host.name == name))
    row = rows.one_or_none()
    return (row[0], row[1], row[2]) if row else None


def all_of_them(session: Session) -> list[Seen]:
    """Every host that has spoken in the last days, by name."""
    running = dict(
        session.execute(sa.select(Job.host, sa.func.count()).where(Job.state == "running").group_by(Job.host)).all()
    )
    silence = db_now() - Host.seen_at
    since = sa.func.coalesce(sa.func.nullif(Host.seen_at, 0.0), Host.started_at)
    rows = session.execute(sa.select(Host, silence).where(db_now() - since < FORGET_SECONDS).order_by(Host.name))
    return [Seen(host, seconds, running.get(host.name, 0)) for host, seconds in rows]


def courses(seen: list[Seen]) -> list[str]:
    """The versions of the course that open hosts have."""
    return sorted({one.host.course for one in seen if one.state == "open"})


def served(seen: list[Seen]) -> set[str]:
    """The queues that open hosts serve."""
    return {queue for one in seen if one.state == "open" for queue in one.host.queues.split(",")}


def ungradable(seen: list[Seen]) -> dict[str, list[str]]:
    """The assignments that no open host can grade, each with the distributions that all of them lack."""
    open_ones = [one.host for one in seen if one.state == "open"]
    names = set.intersection(*(set(host.lacks) for host in open_ones)) if open_ones else set()
    return {name: sorted({package for host in open_ones for package in host.lacks[name]}) for name in sorted(names)}


def pause(session: Session, name: str, paused: bool = True) -> None:
    """Pause a queue or a host, or with False let it go on. What is being graded is graded to its end.

    Raises DeepgradeError where there is none of that name.
    """
    if name in QUEUES:
        one_at_a_time(session, "queue")
        session.merge(Queue(name=name, paused=paused))
        return
    host = session.get(Host, name)
    if host is None:
        known = ", ".join([*QUEUES, *session.scalars(sa.select(Host.name).order_by(Host.name))])
        raise DeepgradeError(f"{name!r} is not a queue or a host; choose one of {known}")
    host.paused = paused


def now() -> sa.Select[tuple[float]]:
    """The database's time, as a question to it."""
    return sa.select(db_now())
