"""`deepgrade serve`: one process that starts the others and keeps them running.

    serve ── holds the socket and a lock on DEEPGRADE_HOME
      ├── web        answers browsers; see server.py
      └── slots      grade; as many as DEEPGRADE_WORKERS. With Celery none, unless that is set: see `deepgrade worker`

A child that ends is started again; a slot's job is then taken back at once, without waiting for its lease. The
children end with this process, whatever ends it. Nothing that was accepted depends on any of them.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from autograder import doctor
from autograder.core.errors import DeepgradeError
from autograder.course.course import find_course
from grader_service.accounts import accounts, deletion
from grader_service.core import logs, machine, secrets, targets
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.session import Database, must_be_ours
from grader_service.grading import results
from grader_service.queue import enqueue, hosts
from grader_service.queue.notify import check_broker, check_installed
from grader_service.web.security import must_not_be_debugged
from grader_service.workers.agent import HostAgent, named
from grader_service.workers.slots import Plan, add_slots, plan
from grader_service.workers.supervisor import LOOK_SECONDS, Child, Supervisor

STARTS = 3  # of the web process, before it is said that it does not start


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
    if settings.engine == "celery":
        check_installed()
    must_not_be_debugged(os.environ)
    logs.configure(settings, "serve", os.environ)
    gpus = machine.gpus_here() if settings.workers else ()
    machine.use_delegated_cgroup(os.environ)
    machine.check(os.environ, gpus)
    must_be_ours(settings)
    with listen(host, port) as listener:
        os.umask(0o077)
        content = find_course(settings.course)
        count = len([assignment.manifest for assignment in content])  # a manifest that cannot be read ends the start
        with _locked(settings):
            if settings.workers:
                _check_up()
            _prepare(settings, say)
            notes = machine.notes(os.environ, content if settings.workers else None, check_broker(settings))
            for note in [*notes, *targets.unreachable(settings), *Files(settings).problems()]:
                say(f"note: {note}")
            address = f"http://{_in_url(host)}:{listener.getsockname()[1]}"

            def ready() -> None:
                if not settings.workers and not _graders(settings):
                    say("note: no host is grading, so submissions will wait; start `deepgrade worker`")
                say(
                    f"deepgrade serves {count} assignments at {address} (data in {settings.home}); press Ctrl-C to stop"
                )

            _run(settings, listener, ready)


def _run(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    name, instance, plans = settings.host_name, "", list[Plan]()
    with ExitStack() as stack:
        if settings.workers:
            database = Database(settings)
            stack.callback(database.close)
            instance = stack.enter_context(named(settings, database, name))
            plans = plan(name, enqueue.QUEUES, settings.workers, machine.gpus_here())
        agent = HostAgent(settings, name, instance, plans, leads=True)
        agent.found_well()
        stack.callback(agent.leave)
        supervisor = Supervisor(settings)

        def begin() -> None:
            agent.begin()
            web = Web(supervisor, listener)
            add_slots(supervisor, settings, name, plans)
            web.wait_until_answered()
            ready()

        supervisor.run(begin)


def _graders(settings: Settings) -> int:
    """Hosts that take jobs now."""
    with closing(Database(settings)) as database, database.read() as session:
        return sum(one.state == "open" for one in hosts.all_of_them(session))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises DeepgradeError where that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise DeepgradeError(
            f"{host}: is not an address of this machine ({error.strerror}); choose one with --host"
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
            f"port {port} on {host} {why}; stop the program that uses it, or choose another port with --port"
        ) from error
    return listener


def _check_up() -> None:
    """Where a wall is open nothing may be graded: it fails closed, and says so now instead of to each student."""
    if broken := [finding for finding in doctor.run() if not finding.ok]:
        if broken[0].name == doctor.STARTS:
            raise DeepgradeError(broken[0].detail)
        what = "; ".join(f"{finding.name}: {finding.detail}" for finding in broken)
        raise DeepgradeError(
            f"the sandbox is not secure on this machine ({what}); run `deepgrade doctor` to see all checks"
        )


def _prepare(settings: Settings, say: Callable[[str], None]) -> None:
    database = Database(settings)
    database.upgrade()
    with database.read() as session:
        graded = results.any_at_all(session)
    secrets.must_not_be_lost(settings, graded)
    secrets.session_key(settings)
    secrets.course_secret(settings)
    once = _ensure_admin(database, settings.admin_password or None)
    deletion.finish(database, Files(settings))
    database.close()
    if once is not None:
        say(f"sign in as admin with the password {once} (it is shown only once; you choose your own after signing in)")


def _ensure_admin(database: Database, given: str | None) -> str | None:
    """The first admin's password, where it had to be made up now."""
    with database.read() as session:
        if accounts.has_operator(session):
            return None
    once, password = (None, accounts.hashed(given)) if given else accounts.made_up()
    with database.write() as session:
        accounts.ensure_admin(session, password)
    return once


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """Only one `serve` on a data folder."""
    home = settings.make_home()
    with (home / "serve.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeepgradeError(
                f"{home}: another `deepgrade serve` uses this folder; stop it, or set DEEPGRADE_HOME to another"
            ) from error
        yield


class Web:
    """The web process, on a socket that this one holds: it stays open while that one is started anew."""

    def __init__(self, supervisor: Supervisor, listener: socket.socket) -> None:
        self._supervisor = supervisor
        self._listener = listener
        self._child = Child("web", self._start)
        supervisor.add(self._child)

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        return self._supervisor.start_python(
            "grader_service.web.process", str(descriptor), str(os.getpid()), descriptors=(descriptor,)
        )

    def wait_until_answered(self) -> None:
        """The socket listens already: the first answer comes when the web process is there.

        Raises DeepgradeError if that process ends again and again before it answers.
        """
        host, port = self._listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        while True:
            self._supervisor.look()
            if self._child.ends >= STARTS:
                raise DeepgradeError(f"the web process ended {STARTS} times before it answered; see its message above")
            try:
                with socket.create_connection((host, port), timeout=1) as connection:
                    connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                    if connection.recv(12).endswith(b"200"):
                        return
            except OSError:
                pass
            time.sleep(LOOK_SECONDS)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
