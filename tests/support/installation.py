"""The service as it is installed, for tests and measurements: servers, web process and hosts, by the name of a way.

sqlite       `deepgrade serve` alone
postgresql   the same, on PostgreSQL
redis        PostgreSQL, `deepgrade serve` for the pages, `deepgrade worker` on each host, Celery over Redis
rabbitmq     the same over RabbitMQ

with Installation("redis", course, hosts=2) as installed:
    installed.address, installed.accounts(["ada"]), installed.kill("host"), installed.start("host") ...
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from servers import PostgreSQL, RabbitMQ, Redis, Server, below, free_port

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.database.models import Host
from grader_service.database.session import Database

WAYS = ("sqlite", "postgresql", "redis", "rabbitmq")
BROKERS: dict[str, type[Server]] = {"redis": Redis, "rabbitmq": RabbitMQ}
START_SECONDS = 120.0  # until pages are answered
STOP_SECONDS = 30.0
PASSWORD = "correct horse battery"
MODULES = {
    "slot": "grader_service.workers.worker",
    "web": "grader_service.web.process",
    "celery": "grader_service.workers.celery_worker",
}


class Installation:
    """`slots` is the number of gradings at once: of `serve` where it grades itself, else of each host."""

    def __init__(
        self,
        way: str,
        course: Path,
        *,
        slots: int = 2,
        hosts: int = 2,
        lease_seconds: float = 45.0,
        servers: Mapping[str, Server] | None = None,
        database: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.way = way
        self._slots = slots
        self._own = not servers
        self._folder = Path(tempfile.mkdtemp(prefix="deepgrade-service-"))
        (self._folder / "tmp").mkdir()
        self.servers: dict[str, Server] = dict(servers or {})
        self.hosts = [f"host{number}" for number in range(hosts)] if way in BROKERS else []
        self._database = database
        self._variables = {"DEEPGRADE_SECRET": secrets.token_hex(32), **(variables or {})}
        self._course = course
        self._lease_seconds = lease_seconds
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    # --- what it consists of ----------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        broker = self.servers[self.way].url if self.way in BROKERS else ""
        return Settings(
            home=self._folder / "home",
            database=self._database,
            course=self._course,
            lease_seconds=self._lease_seconds,
            workers=0 if broker else self._slots,
            engine="celery" if broker else "embedded",
            broker=broker,
        )

    def __enter__(self) -> Self:
        try:
            self._start_servers()
            self.database = Database(self.settings)
            self.database.upgrade()
            self.start("serve", wait=False)
            for host in self.hosts:
                self.start(host)
            self.wait_until_answered()
            self.wait_for_hosts()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_servers(self) -> None:
        if self._own and self.way != "sqlite":
            self.servers["postgresql"] = PostgreSQL()
        if self._own and self.way in BROKERS:
            self.servers[self.way] = BROKERS[self.way]()
        if self._own:
            for server in self.servers.values():
                server.start()
        if self.way != "sqlite" and not self._database:
            database = self.servers["postgresql"]
            assert isinstance(database, PostgreSQL)
            self._database = database.create(f"course_{secrets.token_hex(4)}")

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for name in list(self.processes):
            self.stop(name)
        if hasattr(self, "database"):
            self.database.close()
        if self._own:
            for server in self.servers.values():
                server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def make_accounts(self, logins: Sequence[str], role: str = "student") -> None:
        with self.database.write() as session:
            for login in logins:
                accounts.create(session, login=login, name=login.title(), role=role, password=PASSWORD)

    # --- starting and killing -----------------------------------------------------------------------------------------

    def start(self, name: str, *, wait: bool = True, prefix: Sequence[str] = ()) -> None:
        """`serve`, a host, or a server. `prefix`: a command that runs it elsewhere."""
        if name in self.servers:
            self.servers[name].start()
            return
        if name == "serve":
            words = ["serve", "--port", str(self._port)]
        else:
            words = ["worker", "--queues", "cpu,cpu-long", "--slots", str(self._slots), "--name", name]
        settings = self.settings
        if name != "serve":  # another machine shares nothing with this one but the servers
            settings = Settings(**{**settings.__dict__, "home": self._folder / name, "host": name})
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("DEEPGRADE_")}
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", *prefix, sys.executable, "-u", "-m", "autograder.cli", *words],
                env={
                    **inherited,
                    **settings.to_environment(),
                    **self._variables,
                    "TMPDIR": str(self._folder / "tmp"),  # what is killed with -9 leaves its temporary files
                },
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the script alone, which then stops all in order
            )
        if wait and name == "serve":
            self.wait_until_answered()

    def stop(self, name: str) -> int:
        """In order: the exit code of `serve` or a host. By force after a while."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill([process.pid, *below(process.pid)])
            return process.wait()

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def wait_until_answered(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/healthz", timeout=5):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the service does not answer: {self.log('serve').read_text()[-3000:]}")

    def wait_for_hosts(self) -> None:
        """Until each says that it is there and well."""
        until = time.monotonic() + START_SECONDS
        while True:
            with self.database.read() as session:
                there = set(session.scalars(sa.select(Host.name).where(Host.well.is_(True))))
            if there >= set(self.hosts):
                return
            for name in self.hosts:
                if self.processes[name].poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{name} does not work: {self.log(name).read_text()[-3000:]}")
            time.sleep(0.1)

    def pids(self, kind: str) -> list[int]:
        """Processes of a kind: `slot`, `web`, `celery`."""
        everything = [pid for process in self.processes.values() for pid in below(process.pid)]
        return [pid for pid in everything if MODULES[kind] in _command(pid)]

    def kill(self, what: str, draw: random.Random | None = None) -> str:
        """kill -9. Of a kind one process, by chance; of `serve`, a host or a server all of it. Returns its name."""
        if what in self.servers:
            self.servers[what].kill()
            return what
        if what in self.processes:
            process = self.processes.pop(what)
            _kill([process.pid, *below(process.pid)])
            process.wait()
            return what
        found = self.pids(what)
        if not found:
            return ""
        _kill([(draw or random.Random()).choice(found)])
        return what


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
