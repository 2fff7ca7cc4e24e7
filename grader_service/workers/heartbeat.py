"""The thread that talks to the database while the worker's main thread grades.

Every turn it does what is due:

    heartbeat   the lease is renewed; if it is no longer ours, the process ends at once, and the sandbox with it
    progress    how many tests are done, and the learning curve of a training, where that changed
    stop        told to stop while grading: the job goes back, undone and uncounted, and the process ends

Ending the process is the one way to end a grading from outside that cannot be held up by what is being graded.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from grader_service.database.session import Database
from grader_service.queue import leases
from grader_service.queue.leases import Claim
from grader_service.queue.progress_curves import Curve

log = logging.getLogger("deepgrade.worker")

TURN_SECONDS = 0.2
HEARTBEATS = 4  # in a lease


class LeaseHeartbeat(threading.Thread):
    def __init__(self, database: Database, lease_seconds: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._database = database
        self._lease_seconds = lease_seconds
        self.told_to_stop = False  # a signal handler may set this, and may not take a lock, so it is no Event
        self._lock = threading.Lock()  # one of: a turn of this thread, a change of what is held
        self._claim: Claim | None = None
        self._total = self._done = 0
        self._curve = Curve()
        self._written = (0, 0, "")
        self._renew_at = 0.0

    def hold(self, claim: Claim) -> None:
        """From now on keep this claim's lease."""
        with self._lock:
            self._claim = claim
            self._total = self._done = 0
            self._curve = Curve()
            self._written = (0, 0, "")
            self._renew_at = time.monotonic() + self._lease_seconds / HEARTBEATS

    def let_go(self) -> None:
        """The grading is over; the main thread decides what becomes of the job."""
        with self._lock:
            self._claim = None

    def on_event(self, event: dict[str, Any]) -> None:
        """What `grade` tells while it grades."""
        if event["event"] == "collected":
            self._total, self._done = len(event["tests"]), 0
        elif event["event"] == "trained":
            self._curve.add(event["test"], event["point"])
        elif event["event"] == "finished":
            self._done += 1
            self._curve = Curve()

    def tell_to_stop(self) -> None:
        self.told_to_stop = True

    def run(self) -> None:
        while True:
            time.sleep(TURN_SECONDS)
            with self._lock:
                try:
                    self._turn()
                except Exception:
                    # The database is out of reach, or busy: grading goes on, and the token decides at the end.
                    log.exception("the heartbeat failed")

    def _turn(self) -> None:
        now = time.monotonic()
        if self._claim is not None:
            if self.told_to_stop:
                with self._database.write() as session:
                    leases.release(session, self._claim)
                _leave("the worker is stopping, so the job returns to the queue")
            if not self._keep(self._claim, now):
                _leave("the lease was lost, so the grading is discarded")

    def _keep(self, claim: Claim, now: float) -> bool:
        reached = (self._done, self._total, self._curve.dumps())
        if now < self._renew_at and reached == self._written:
            return True
        with self._database.write() as session:
            held = leases.progress(session, claim, done=reached[0], total=reached[1], curve=reached[2])
            held = held and leases.renew(session, claim, self._lease_seconds)
            if not held:
                leases.turn_away(session, claim)
        self._written = reached
        self._renew_at = now + self._lease_seconds / HEARTBEATS
        return held


def _leave(reason: str) -> None:
    log.warning("%s", reason)
    logging.shutdown()
    os._exit(0)
