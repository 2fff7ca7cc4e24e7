"""The hosts as rows: the last report of each host, and which hosts and queues are paused.

A host reports every few seconds. A host that is paused, or that reports a broken sandbox, gets no job. A silent host
gets no job either, since it does not ask for one.
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

SILENT_SECONDS = 15.0  # a host without a report for this long is shown as silent
FORGET_SECONDS = 7 * 86400.0  # after this time it is no longer shown


@dataclass(frozen=True)
class Facts:
    """The report of a host."""

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
    """The state of a host at one time."""

    host: Host
    silent_seconds: float
    running: int

    @property
    def state(self) -> str:
        """The state in one word: the first that is true."""
        if self.silent_seconds > SILENT_SECONDS:
            return "silent"
        if self.host.well is None:
            return "checking"
        if not self.host.well:
            return "unwell"
        return "paused" if self.host.paused else "open"


def beat(session: Session, facts: Facts) -> None:
    """Store the report of a host."""
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
    """A host ends in order: it is silent at once."""
    session.execute(sa.update(Host).where(Host.name == name, Host.instance == instance).values(seen_at=0.0))


def heard(session: Session, name: str) -> tuple[str, float, float] | None:
    """The instance of the host of that name, the time of its last report, and the seconds since then."""
    rows = session.execute(sa.select(Host.instance, Host.seen_at, db_now() - Host.seen_at).where(Host.name == name))
    row = rows.one_or_none()
    return (row[0], row[1], row[2]) if row else None


def all_of_them(session: Session) -> list[Seen]:
    """Every host with a report in the last days, by name."""
    running = dict(
        session.execute(sa.select(Job.host, sa.func.count()).where(Job.state == "running").group_by(Job.host)).all()
    )
    silence = db_now() - Host.seen_at
    since = sa.func.coalesce(sa.func.nullif(Host.seen_at, 0.0), Host.started_at)
    rows = session.execute(sa.select(Host, silence).where(db_now() - since < FORGET_SECONDS).order_by(Host.name))
    return [Seen(host, seconds, running.get(host.name, 0)) for host, seconds in rows]


def courses(seen: list[Seen]) -> list[str]:
    """The course versions of the open hosts."""
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
    """Pause a queue or a host, or with False resume it. Running jobs finish.

    Raises DeepgradeError if there is no queue and no host of that name.
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
    """A query for the database's time."""
    return sa.select(db_now())
