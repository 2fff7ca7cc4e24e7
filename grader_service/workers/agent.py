"""The thread that speaks for a host that grades: the host reports, sweeps, and tops up tickets every few seconds."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from autograder.core.errors import DeepgradeError
from autograder.course.course import find_course
from grader_service.core import machine
from grader_service.core.course_version import Version
from grader_service.core.process import PYTHON, environment_of_ours
from grader_service.core.settings import Settings
from grader_service.database.session import Database
from grader_service.queue import enqueue, hosts, monitor, recovery
from grader_service.queue.notify import Engine, engine_of
from grader_service.workers.slots import Plan

log = logging.getLogger("deepgrade.host")

BEAT_SECONDS = 3.0
GRACE_SECONDS = 10.0  # after the database was out of reach, before leases are swept: their holders renew them first
WELL_SECONDS = 3600.0  # between two trials of a sandbox that held
UNWELL_SECONDS = 60.0  # and of one that did not
DOCTOR_SECONDS = 300.0  # a trial that has not ended by then has failed


@contextlib.contextmanager
def named(settings: Settings, database: Database, name: str) -> Iterator[str]:
    """Be the one host of that name: what it calls itself, to tell it from one that was before or is elsewhere.

    The jobs of one that is known to be dead are taken back. Raises DeepgradeError where there is another, and where the
    database is out of reach.
    """
    with (settings.make_home() / f"host-{name.replace('/', '_')}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeepgradeError(
                f"a host {name!r} is already running on this machine; stop it, or set DEEPGRADE_HOME and "
                "DEEPGRADE_HOST to other values for a second host"
            ) from error
        file.seek(0)
        before = file.read()
        with database.in_reach():
            _wait_for_silence(database, name, before)
            with database.write() as session:
                recovery.expire(session, host=name)
        instance = secrets.token_hex(8)
        file.seek(0)
        file.truncate()
        file.write(instance)
        file.flush()
        yield instance


def _wait_for_silence(database: Database, name: str, before: str) -> None:
    """One that speaks elsewhere under this name must be told from one that was killed a moment ago."""
    with database.read() as session:
        first = hosts.heard(session, name)
    if first is None or first[0] == before or first[2] > hosts.SILENT_SECONDS:
        return
    until = time.monotonic() + 3 * BEAT_SECONDS
    while time.monotonic() < until:
        time.sleep(0.5)
        with database.read() as session:
            now = hosts.heard(session, name)
        if now is not None and now[1] > first[1]:
            raise DeepgradeError(
                f"another machine with the same database uses the host name {name!r}; give this host another name with "
                "--name or DEEPGRADE_HOST"
            )


class HostAgent(threading.Thread):
    """Speaks for the host, and does what any host may do for all: sweep, and top up tickets.

    `plans` may be empty (a web process alone): then it does the latter alone. `leads`: the course is as it is here, and
    what waits is to be graded by that.
    """

    def __init__(self, settings: Settings, name: str, instance: str, plans: list[Plan], *, leads: bool) -> None:
        super().__init__(name="host", daemon=True)
        self._settings = settings
        self._name, self._instance, self._plans, self._leads = name, instance, plans, leads
        self._database = Database(settings)
        self._engine: Engine = engine_of(settings)
        self._course = find_course(settings.course)
        self._version = Version(settings, self._course)
        self._sweep_from = 0.0
        self._well: bool | None = None
        self._trouble = ""
        self._try_at = 0.0
        self._stop = threading.Event()

    def begin(self) -> None:
        """The first turn now, the others in a thread. Raises DeepgradeError where the database is out of reach."""
        with self._database.in_reach():
            self.beat()
        self.start()

    def found_well(self) -> None:
        """The sandbox has just been tried, and held."""
        self._well, self._try_at = True, time.monotonic() + WELL_SECONDS

    def beat(self) -> None:
        """One turn. Raises where the database is out of reach."""
        version = self._version.now()
        with self._database.write() as session:
            if self._plans:
                hosts.beat(session, self._facts(version))
            if self._leads:
                enqueue.retarget(session, version)
            if time.monotonic() >= self._sweep_from:
                recovery.sweep(session)

    def _top_up(self) -> None:
        """A thread of its own, which may wait for the broker."""
        while not self._stop.wait(BEAT_SECONDS):
            try:
                with self._database.read() as session:
                    waiting = monitor.queued(session, enqueue.QUEUES)
                self._engine.top_up(waiting)
            except SQLAlchemyError:
                pass  # the host's other thread says so
            except Exception as error:
                log.warning("cannot reach the broker; workers look for jobs in the database meanwhile (%r)", error)

    def run(self) -> None:
        if self._plans:
            threading.Thread(target=self._try_the_sandbox, name="doctor", daemon=True).start()
        if self._settings.engine != "embedded":
            threading.Thread(target=self._top_up, name="tickets", daemon=True).start()
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self.beat()
            except SQLAlchemyError as error:
                self._sweep_from = time.monotonic() + GRACE_SECONDS
                log.warning("cannot reach the database: %s", error)
            except Exception:
                log.exception("the host's own work failed")

    def leave(self) -> None:
        """The end, in order."""
        self._stop.set()
        with contextlib.suppress(SQLAlchemyError), self._database.write() as session:
            hosts.leave(session, self._name, self._instance)
        self._database.close()

    def _facts(self, version: str) -> hosts.Facts:
        queues = tuple(queue for queue in enqueue.QUEUES if any(queue in one.queues for one in self._plans))
        memory = self._settings.host_memory_mb
        lacks = machine.lacking(self._course)
        return hosts.Facts(
            self._name, self._instance, queues, len(self._plans), memory, version, self._well, self._trouble, lacks
        )

    def _try_the_sandbox(self) -> None:
        """A host whose sandbox does not hold takes itself out, and tries again whether it does."""
        while not self._stop.wait(0.5):
            if time.monotonic() < self._try_at:
                continue
            self._well, self._trouble = examine()
            self._try_at = time.monotonic() + (WELL_SECONDS if self._well else UNWELL_SECONDS)
            if not self._well:
                log.error("this host grades nothing: %s", self._trouble)
            with contextlib.suppress(Exception):  # it is said again with the next beat
                self.beat()


def examine() -> tuple[bool, str]:
    """Does the sandbox hold? And if not, what does not. In a process of its own, as `deepgrade doctor` is."""
    command = [*PYTHON, "-m", "autograder.cli", "doctor", "--json"]
    environment = environment_of_ours()
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=DOCTOR_SECONDS,
            check=False,
        )
        findings = json.loads(done.stdout)
        walls = [finding for finding in findings if finding["about"] == "sandbox"]
        broken = [f"{finding['name']}: {finding['detail']}" for finding in walls if not finding["ok"]]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return False, f"`deepgrade doctor` failed ({error})"
    return not broken, "; ".join(broken)
