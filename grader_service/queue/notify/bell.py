"""A host's Celery worker: `python -m grader_service.queue.notify.bell --slot FD:cpu,gpu ...`.

It hears tickets and wakes an idle slot for each. A ticket is being done as long as the slot that it woke is busy, so a
host whose slots are all busy takes no more tickets than Celery fetches ahead, and Flower shows how long gradings take.

It grades nothing itself: killed, it is started again, and no grading ends with it. One that hears nothing while tickets
lie at the broker ends by itself (workers have been seen to fall silent after their Redis connection was reset).
"""

from __future__ import annotations

import argparse
import logging
import os
import selectors
import socket
import sys
import threading
import time
import warnings

from celery.platforms import SecurityWarning

from autograder.core.errors import DeepgradeError
from grader_service.core import logs
from grader_service.core.process import die_with_parent
from grader_service.core.settings import Settings
from grader_service.queue.notify import line
from grader_service.queue.notify.tickets import TICKET, Wire, make_app

log = logging.getLogger("deepgrade.bell")

WATCH_SECONDS = 10.0
DEAF_SECONDS = 60.0  # without a ticket, while some lie at the broker and a slot is idle


class Board:
    """Which slots are idle, as they last said."""

    def __init__(self, slots: list[tuple[socket.socket, tuple[str, ...]]]) -> None:
        self._slots = slots
        self._idle: set[int] = set()
        self._changed = threading.Condition()
        self.last = time.monotonic()  # when a ticket came
        threading.Thread(target=self._listen, name="board", daemon=True).start()

    def answer(self, queue: str) -> None:
        """Wake a slot that serves the queue as soon as one is idle, and return when it is idle again."""
        if not any(queue in queues for _, queues in self._slots):
            return
        with self._changed:
            self.last = time.monotonic()
            self._changed.wait_for(lambda: self._free(queue) is not None)
            slot = self._free(queue)
            assert slot is not None
            self._idle.discard(slot)
            line.say(self._slots[slot][0], line.LOOK)
            self._changed.wait_for(lambda: slot in self._idle)
            self.last = time.monotonic()

    def idle_queues(self) -> set[str]:
        with self._changed:
            return {queue for slot in self._idle for queue in self._slots[slot][1]}

    def _free(self, queue: str) -> int | None:
        return next((slot for slot in sorted(self._idle) if queue in self._slots[slot][1]), None)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for number, (end, _) in enumerate(self._slots):
                selector.register(end, selectors.EVENT_READ, number)
            while True:
                for key, _ in selector.select():
                    try:
                        words = line.hear(key.fileobj)  # type: ignore[arg-type]
                    except (EOFError, OSError):
                        selector.unregister(key.fileobj)  # who held the ends has gone, and this process goes with it
                        continue
                    with self._changed:
                        if words[-1:] == [line.IDLE]:
                            self._idle.add(key.data)
                        else:
                            self._idle.discard(key.data)
                        self._changed.notify_all()


def watch(board: Board, wire: Wire) -> None:
    """End the process when it has gone deaf."""
    while True:
        time.sleep(WATCH_SECONDS)
        if time.monotonic() - board.last < DEAF_SECONDS:
            continue
        try:
            lying = [queue for queue in sorted(board.idle_queues()) if wire.count(queue)]
        except Exception as error:
            log.info("cannot reach the broker: %r", error)
            continue
        if lying and time.monotonic() - board.last >= DEAF_SECONDS:
            log.error(
                "tickets for %s are waiting at the broker, but this host received none; restarting", ", ".join(lying)
            )
            logging.shutdown()
            os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Receive tickets and wake the slots of this host.")
    parser.add_argument("--slot", action="append", required=True, metavar="FD:QUEUES")
    parser.add_argument(
        "--parent", type=int, required=True, help="id of the parent process; this process ends when the parent ends"
    )
    arguments = parser.parse_args()
    die_with_parent(arguments.parent)
    try:
        settings = Settings.from_environment()
    except DeepgradeError as error:
        sys.exit(f"deepgrade: {error}")
    logs.configure(settings, f"{settings.host_name}:bell", os.environ, logging.WARNING)
    slots = [_slot(word) for word in arguments.slot]
    names = sorted({queue for _, queues in slots for queue in queues})
    app = make_app(settings, names)
    board = Board(slots)

    def ticket(queue: str) -> None:
        board.answer(queue)

    app.task(name=TICKET)(ticket)

    threading.Thread(target=watch, args=(board, Wire(app)), name="watch", daemon=True).start()
    options = ["--pool=threads", f"--concurrency={len(slots)}", f"--hostname=deepgrade@{settings.host_name}"]
    warnings.filterwarnings(
        "ignore", category=SecurityWarning
    )  # as root: it unpickles nothing, and runs nothing of others
    app.worker_main(
        ["--quiet", "worker", *options, "--task-events", "--without-mingle", "--without-gossip", "--loglevel=WARNING"]
    )


def _slot(word: str) -> tuple[socket.socket, tuple[str, ...]]:
    descriptor, _, queues = word.partition(":")
    end = socket.socket(fileno=int(descriptor))
    end.setblocking(False)
    return end, tuple(queues.split(","))


if __name__ == "__main__":
    main()
