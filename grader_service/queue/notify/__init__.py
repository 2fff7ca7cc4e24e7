"""How workers learn that there is work: what DEEPGRADE_ENGINE changes.

    embedded    idle slots look into the database, ten times a second
    celery      a ticket, "there is work on queue q", goes to a Celery worker, and one of its slots takes the job

A ticket holds no job. So a lost one costs seconds, and an additional one costs a millisecond. While the broker is down,
uploads are accepted and graded as ever, a little later.

    tickets     what is published, and to which broker
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from autograder.core import own_wheels
from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.queue.enqueue import QUEUES
from grader_service.queue.notify.texts import NO_ANSWER


class Engine(Protocol):
    trouble: str  # of the broker, as it was last met; "" where there is none

    def ring(self, queue: str) -> None:
        """There is new work on that queue. Returns at once, and never fails."""

    def top_up(self, waiting: Mapping[str, int]) -> None:
        """So many wait in each queue: make up for tickets that were lost. May fail, within seconds."""


class Embedded:
    """No tickets: idle slots look."""

    trouble = ""

    def ring(self, queue: str) -> None: ...

    def top_up(self, waiting: Mapping[str, int]) -> None: ...


def engine_of(settings: Settings) -> Engine:
    if settings.engine == "embedded":
        return Embedded()
    check_installed()
    from grader_service.queue.notify.tickets import Tickets

    return Tickets(settings)


def check_broker(settings: Settings) -> str:
    """At the start: a sentence where there is a broker that does not answer; the service can go on. Else ""."""
    if settings.engine == "embedded":
        return ""
    from grader_service.queue.notify.tickets import Wire, make_app

    wire = Wire(make_app(settings))
    try:
        wire.count(QUEUES[0])
    except Exception as error:  # each kind of broker has errors of its own
        return NO_ANSWER.format(why=type(error).__name__)
    finally:
        wire.close()
    return ""


def check_installed() -> None:
    """Raises DeepgradeError where Celery is not installed."""
    try:
        import celery  # noqa: F401
    except ModuleNotFoundError as error:
        raise DeepgradeError(
            f"DEEPGRADE_ENGINE is 'celery', and {error.name} is not installed; {own_wheels.how_to_install('scaled')}"
        ) from error
