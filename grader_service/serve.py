"""`deepgrade serve`: one process that starts the others and keeps them running.

    serve ── holds the socket and a lock on DEEPGRADE_HOME
      ├── web        gunicorn; answers browsers
      └── worker     grades; as many as DEEPGRADE_WORKERS

A child that ends is started again; a worker's job is then taken back at once, without waiting for its lease. The
children end with this process, whatever ends it. Nothing that was accepted depends on any of them.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from sqlalchemy.exc import SQLAlchemyError

from autograder import doctor
from autograder.course import find_course
from autograder.errors import DeepgradeError
from grader_service import accounts, jobs, keys
from grader_service.database import Database
from grader_service.settings import Settings

log = logging.getLogger("deepgrade.serve")

LOOK_SECONDS = 0.1
STOP_SECONDS = 15.0  # children that have not ended by then are killed
CALM_SECONDS = 10.0  # a child that lived so long is started again at once
STARTS = 3  # of the web process, before it is said that it does not start
MOST_PAUSE = 30.0  # seconds between two starts of a child that keeps ending


class Stop(Exception):
    """Told to end."""


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings | None = None,
    *,
    course: str | os.PathLike[str] | None = None,
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. Must be called from the main thread. Port 0 takes any free one.

    Raises DeepgradeError, before anything is started, where the port is taken, the course is wrong, the data folder is
    in use by another `deepgrade serve`, or a wall of the sandbox does not stand.
    """
    settings = settings or Settings.from_environment()
    if course is not None:
        settings = dataclasses.replace(settings, course=Path(course).absolute())
    with listen(host, port) as listener:
        os.umask(0o077)
        count = sum(1 for assignment in find_course(settings.course) if assignment.manifest)
        with _locked(settings):
            _check_up()
            _prepare(settings, say)
            address = f"http://{_in_url(host)}:{listener.getsockname()[1]}"
            Supervisor(settings, listener).run(
                lambda: say(
                    f"deepgrade serves {count} assignments at {address} (data in {settings.home}); Ctrl-C ends it"
                )
            )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises DeepgradeError where that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise DeepgradeError(
            f"{host}: is no address of this machine ({error.strerror}); choose one with --host"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(256)
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise DeepgradeError(
            f"port {port} on {host} {why}; stop what uses it, or choose another with --port"
        ) from error
    return listener


def _check_up() -> None:
    """Where a wall is open nothing may be graded: it fails closed, and says so now instead of to each student."""
    if broken := [finding for finding in doctor.run() if not finding.ok]:
        what = "; ".join(f"{finding.name}: {finding.detail}" for finding in broken)
        raise DeepgradeError(f"the sandbox does not hold on this machine ({what}); `deepgrade doctor` shows all walls")


def _prepare(settings: Settings, say: Callable[[str], None]) -> None:
    keys.session_key(settings)
    keys.course_secret(settings)
    database = Database(settings)
    database.upgrade()
    with database.write() as session:
        once = accounts.ensure_admin(session, settings.admin_password)
        jobs.expire(session, workers=_workers())  # the lock says that none of them lives
    database.close()
    if once is not None:
        say(f"sign in as admin with the password {once} (shown this once; you choose your own then)")


def _workers() -> str:
    """What the names of this machine's own workers begin with."""
    return f"serve@{socket.gethostname()}:"


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """Only one `serve` on a data folder: it knows that workers of its name which it did not start are dead."""
    home = settings.make_home()
    with (home / "serve.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeepgradeError(
                f"{home}: another `deepgrade serve` uses this folder; stop it, or set DEEPGRADE_HOME to another"
            ) from error
        yield


class Child:
    """A process to be kept running."""

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.name = name
        self._start = start
        self._pause = 0.0
        self.ends = 0  # how often it has ended
        self.start()

    def start(self) -> None:
        self.process = self._start()
        self._started = time.monotonic()
        self._again_at: float | None = None

    def look(self) -> bool:
        """Start it again when it is time. True: it is found to have ended just now."""
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self.start()
            return False
        if self.process.poll() is None:
            return False
        self.ends += 1
        calm = time.monotonic() - self._started >= CALM_SECONDS
        self._pause = 0.0 if calm else min(MOST_PAUSE, max(0.5, 2 * self._pause))
        self._again_at = time.monotonic() + self._pause
        log.warning("%s ended with status %s and is started again", self.name, self.process.returncode)
        return True


class Supervisor:
    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DEEPGRADE_ADMIN_PASSWORD"},
            **settings.to_environment(),
        }
        self._children: list[Child] = []

    def run(self, ready: Callable[[], None]) -> None:
        """Keep the children running until told to stop, then stop them. `ready` is called when pages are answered."""
        before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            self._children.append(Child("web", self._web))
            for number in range(self._settings.workers):
                name = f"{_workers()}{number}"
                self._children.append(Child(name, lambda name=name: self._worker(name)))  # type: ignore[misc]
            self._wait_until_answered()
            ready()
            while True:
                self._look()
                time.sleep(LOOK_SECONDS)
        except Stop:
            pass
        finally:
            for number in before:
                signal.signal(number, signal.SIG_IGN)
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _look(self) -> None:
        for child in self._children:
            if child.look() and child.name != "web":
                self._take_back(child.name)

    def _take_back(self, worker: str) -> None:
        database = Database(self._settings)
        try:
            with database.write() as session:
                jobs.expire(session, workers=worker)
        except SQLAlchemyError as error:
            log.warning("the job of %s comes back when its lease runs out: %s", worker, error)
        finally:
            database.close()

    def _wait_until_answered(self) -> None:
        """The socket listens already: the first answer comes when the web process is there.

        Raises DeepgradeError if that process ends again and again before it answers.
        """
        host, port = self._listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        while True:
            self._look()
            if self._children[0].ends >= STARTS:
                raise DeepgradeError(f"the web process ended {STARTS} times before it answered; it said why above")
            try:
                with socket.create_connection((host, port), timeout=1) as connection:
                    connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                    if connection.recv(12).endswith(b"200"):
                        return
            except OSError:
                pass
            time.sleep(LOOK_SECONDS)

    def _web(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        return self._python("grader_service.web", str(descriptor), str(os.getpid()), descriptors=(descriptor,))

    def _worker(self, name: str) -> subprocess.Popen[bytes]:
        return self._python("grader_service.worker", "--name", name, "--parent", str(os.getpid()))

    def _python(self, module: str, *arguments: str, descriptors: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches this process alone, which then tells its children in order.
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            start_new_session=True,
        )

    def _stop_all(self) -> None:
        running = [child.process for child in self._children if child.process.poll() is None]
        for process in running:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _stop(*_: object) -> NoReturn:
    raise Stop


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
