"""Tickets: "there is work on queue q", through Celery to whichever host takes it first.

No id, no payload beyond the queue's name, acknowledged as soon as it is taken, no result, not kept on a disk.
Queues use the broker's default exchange. So a broker that restarts empty needs only the queue, and every send declares
it again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue as queues
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.messaging import Producer

from grader_service.core.settings import Settings
from grader_service.queue.notify.texts import NO_ANSWER

log = logging.getLogger("deepgrade.engine")

TICKET = "deepgrade.ticket"
MOST = 64  # tickets of a queue on the broker
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0  # after this time without an answer, the broker cannot be reached
COMPLAIN_SECONDS = 60.0  # between two log lines about the same problem


Answer = TypeVar("Answer")


def ticket_queue(name: str) -> Queue:
    return Queue(f"deepgrade.{name}", exchange=Exchange(""), routing_key=f"deepgrade.{name}", durable=True)


def make_app(settings: Settings, names: Iterable[str] = ()) -> Celery:
    """The Celery application, which consumes the queues of these names."""
    app = Celery("deepgrade", broker=settings.broker, set_as_current=False)
    redis = settings.broker.startswith("redis")
    app.conf.update(
        task_queues=[ticket_queue(name) for name in names] or None,
        task_create_missing_queues=False,
        task_default_delivery_mode="transient",
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_publish_retry=False,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=redis,  # a ticket that waits here would wake no idle slot elsewhere
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=True,  # for Flower
        event_queue_expires=60,
        worker_hijack_root_logger=False,
        broker_connection_timeout=CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=20,
        broker_transport_options={
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
        }
        if redis
        else {},
    )
    return app


def _lying(queue: Queue) -> int:
    """Tickets on a queue that is bound to a channel; a missing queue is declared."""
    return int(queue.queue_declare().message_count)


class Wire:
    """One connection to the broker, for one thread. It is replaced after a failure."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Connection | None = None

    def send(self, name: str, wanted: int) -> None:
        """Send tickets until about `wanted` are on the queue. Raises the broker's errors."""
        self._use(lambda channel: self._send(channel, name, wanted))

    def count(self, name: str) -> int:
        """The number of tickets on the queue."""
        return self._use(lambda channel: _lying(ticket_queue(name)(channel)))

    def _send(self, channel: Any, name: str, wanted: int) -> None:
        queue = ticket_queue(name)(channel)
        waiting = _lying(queue)
        producer = Producer(channel)
        for _ in range(min(wanted, MOST) - waiting):
            self._app.send_task(TICKET, args=[name], producer=producer, queue=queue, retry=False)

    def _use(self, work: Callable[[Any], Answer]) -> Answer:
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.channel() as channel:
                return work(channel)
        except BaseException:
            self.close()
            raise

    def _connect(self) -> Connection:
        options = {**self._app.conf.broker_transport_options, "max_retries": 1, "interval_start": 0, "interval_step": 0}
        if not self._app.conf.broker_url.startswith("redis"):
            options |= {"read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}
        connection: Connection = self._app.connection_for_write(
            heartbeat=0, connect_timeout=CONNECT_SECONDS, transport_options=options
        )
        connection.connect()
        return connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()


class Tickets:
    """Sends tickets. `ring` passes the work to another thread, so that no request waits for a broker."""

    def __init__(self, settings: Settings) -> None:
        self.trouble = ""
        self._app = make_app(settings)
        self._rung: queues.Queue[str] = queues.Queue(maxsize=4 * MOST)
        self._topping = Wire(self._app)
        self._lock = threading.Lock()
        self._owner = 0  # process of the thread: a fork has no threads

    def ring(self, queue: str) -> None:
        with contextlib.suppress(queues.Full):  # a full queue has enough tickets
            self._rung.put_nowait(queue)
        with self._lock:
            if self._owner != os.getpid():
                self._owner = os.getpid()
                threading.Thread(target=self._publish, name="tickets", daemon=True).start()

    def top_up(self, waiting: Mapping[str, int]) -> None:
        for queue, count in waiting.items():
            self._topping.send(queue, count)

    def _publish(self) -> None:
        wire, complained = Wire(self._app), -COMPLAIN_SECONDS
        while True:
            rung = [self._rung.get()]
            with contextlib.suppress(queues.Empty):
                while True:
                    rung.append(self._rung.get_nowait())
            for queue in sorted(set(rung)):
                try:
                    wire.send(queue, wire.count(queue) + rung.count(queue))
                    self.trouble = ""
                except Exception as error:
                    self.trouble = NO_ANSWER.format(why=type(error).__name__)
                    if time.monotonic() - complained >= COMPLAIN_SECONDS:
                        complained = time.monotonic()
                        log.warning(
                            "a ticket was lost, so its job starts some seconds later; the broker reported %r", error
                        )
