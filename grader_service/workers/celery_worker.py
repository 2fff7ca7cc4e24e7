"""A Celery worker of a host: `python -m grader_service.workers.celery_worker --host NAME --node JSON`.

    ticket ──> Celery ──> pool.SlotPool ──> a slot takes the next job of the database, grades it and finishes it

Flower and `celery inspect` show its tasks, their times and failures, and remote control works. What a slot grades does
not depend on the connection to the broker. A worker that receives no ticket while tickets wait at the broker ends when
its slots are idle, and is started again (workers have been seen to fall silent after their Redis connection was reset).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
import warnings

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from celery.platforms import SecurityWarning

from autograder.core.errors import DeepgradeError
from grader_service.core import logs
from grader_service.core.process import die_with_parent
from grader_service.core.settings import Settings
from grader_service.queue.notify.tickets import TICKET, Wire, make_app
from grader_service.workers.pool import SlotPool, pool_class
from grader_service.workers.slots import MODULE, Node

log = logging.getLogger("deepgrade.celery")

WATCH_SECONDS = 10.0
SILENT_SECONDS = 60.0  # without a ticket, while tickets wait at the broker and all slots are idle


def watch(pool: SlotPool, app: Celery) -> None:
    """End the process when it receives no more tickets."""
    wire = Wire(app)
    while True:
        time.sleep(WATCH_SECONDS)
        if not pool.idle or time.monotonic() - pool.last_ticket < SILENT_SECONDS:
            continue
        try:
            # Remote control may have cancelled a queue.
            waiting = [name for name in pool.node.queues if f"deepgrade.{name}" in app.amqp.queues.consume_from]
            waiting = [name for name in waiting if wire.count(name)]
        except Exception as error:  # each kind of broker has errors of its own
            log.info("cannot reach the broker: %r", error)
            continue
        if waiting and pool.idle and time.monotonic() - pool.last_ticket >= SILENT_SECONDS:
            log.error("tickets for %s are waiting at the broker, but none came here; restarting", ", ".join(waiting))
            logging.shutdown()
            os._exit(1)


def main(module: str = MODULE) -> None:
    """`module`: what is started as a slot."""
    parser = argparse.ArgumentParser(description="Receive tickets, and grade in the slots of this host.")
    parser.add_argument("--host", required=True, help="name of the host")
    parser.add_argument("--node", required=True, type=Node.from_json, help="the queue and the slots, as JSON")
    parser.add_argument("--min-slots", type=int, help="end idle slots down to this number")
    parser.add_argument(
        "--parent", type=int, required=True, help="id of the parent process; this process ends when the parent ends"
    )
    arguments = parser.parse_args()
    die_with_parent(arguments.parent)
    try:
        settings = Settings.from_environment()
    except DeepgradeError as error:
        sys.exit(f"deepgrade: {error}")
    node: Node = arguments.node
    name = f"{node.queue}@{arguments.host}"
    logs.configure(settings, name, os.environ, logging.WARNING)
    warnings.filterwarnings("ignore", category=SecurityWarning)  # as root: it unpickles nothing
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)  # of tickets acknowledged late: none is
    app = make_app(settings, node.queues)

    @app.task(name=TICKET)  # type: ignore[untyped-decorator]
    def ticket(queue: str) -> None:
        """Never called: the pool hands the ticket to a slot (`worker.Worker.take_jobs`)."""

    count = len(node.plans)
    minimum = arguments.min_slots
    worker = app.Worker(
        hostname=name,
        pool=pool_class(settings, arguments.host, node, module),
        concurrency=count,
        autoscale=None if minimum is None else f"{count},{min(minimum, count)}",
        task_events=True,
        without_mingle=True,
        without_gossip=True,
        loglevel=logging.WARNING,
        quiet=True,
        redirect_stdouts=False,
    )
    assert isinstance(worker.pool, SlotPool)
    threading.Thread(target=watch, args=(worker.pool, app), name="watch", daemon=True).start()
    worker.start()
    logging.shutdown()
    sys.exit(worker.exitcode or 0)


if __name__ == "__main__":
    main()
