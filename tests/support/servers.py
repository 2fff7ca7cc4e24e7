"""Real servers for tests and measurements: PostgreSQL, Redis, RabbitMQ and moto's S3, each in a folder of its own.

    with PostgreSQL() as database:            # started, and it answers
        database.url                          # what DEEPGRADE_DATABASE wants
        database.kill()                       # kill -9 of all of it
        database.start()                      # on the same port, with what was on its disk

They listen on free ports with a password made up for the occasion, read no configuration of the machine's, and end with
the process that started them. Nothing but the programs is needed: Debian's packages postgresql, redis-server and
rabbitmq-server.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

START_SECONDS = 90.0  # until a server answers; RabbitMQ takes ten on an idle machine
STOP_SECONDS = 20.0  # a server that was asked to stop and has not by then is killed
LOOK_SECONDS = 0.05
RABBITMQ = Path("/usr/lib/rabbitmq/bin")  # the script in PATH changes the user and writes to /var


class Missing(Exception):
    """A program is not installed, or a server did not start."""


def free_port(address: str = "127.0.0.1") -> int:
    """One that nobody listens on, below those that the kernel gives to outgoing connections: it is taken much later."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.create_server((address, port)):
            return port


class Server:
    """A server that listens on `address`."""

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"deepgrade-{self.name}-"))
        self.address = address
        self.port = free_port(address)
        self.password = secrets.token_hex(12)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def start(self) -> None:
        """Returns when it answers."""
        until = time.monotonic() + START_SECONDS
        while True:
            self.process = self.spawn(self.command())
            while self.process.poll() is None:
                if self.answers():
                    return
                if time.monotonic() > until:
                    self.kill()
                    raise Missing(f"{self.name} does not answer after {START_SECONDS:g} s: {self.said()}")
                time.sleep(LOOK_SECONDS)
            if time.monotonic() > until:  # what is left of a killed one may hold the port or the disk for a moment
                raise Missing(f"{self.name} does not start: {self.said()}")
            time.sleep(0.2)

    def spawn(self, command: Sequence[str], *, as_user: str = "") -> subprocess.Popen[bytes]:
        """A process that ends with this one, in a session of its own: Ctrl-C is for who started it."""
        # The signal must be asked for after the change of user, which forgets it.
        user = [f"--reuid={as_user}", f"--regid={as_user}", "--init-groups"] if as_user else []
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                ["setpriv", *user, "--pdeathsig=KILL", *command],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), timeout=1):
            return True
        return False

    def said(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-1500:]

    def kill(self) -> None:
        """kill -9 of the server and all that it has started."""
        if self.process is None:
            return
        for pid in [self.process.pid, *below(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """In order, and by force after a while."""
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
            self.process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def close(self) -> None:
        """Stopped, and nothing is left of it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Redis(Server):
    """Keeps nothing on disk: a broker that was killed comes back empty, the worst that it can do."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{self.address}:{self.port}/0"

    def command(self) -> list[str]:
        program = found("redis-server", "redis-server")
        options = ["--bind", self.address, "--port", str(self.port), "--requirepass", self.password]
        return [program, *options, "--save", "", "--appendonly", "no", "--daemonize", "no"]

    def answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.address, self.port), timeout=1) as connection,
        ):
            connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            return connection.recv(64).startswith(b"+OK")
        return False


class ObjectStore(Server):
    """S3 as moto answers for it: kept in memory."""

    name = "s3"
    bucket = "course"

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """What s3fs wants to know of it."""
        return {"FSSPEC_S3_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "deepgrade", "AWS_SECRET_ACCESS_KEY": "none"}

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "moto.server", "--host", self.address, "--port", str(self.port)]

    def start(self) -> None:
        super().start()
        request = urllib.request.Request(f"{self.url}/{self.bucket}", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()

    def read(self, name: str) -> bytes:
        """What lies in the bucket under a name."""
        import fsspec

        variables = self.variables
        system = fsspec.filesystem(
            "s3",
            endpoint_url=self.url,
            key=variables["AWS_ACCESS_KEY_ID"],
            secret=variables["AWS_SECRET_ACCESS_KEY"],
            skip_instance_cache=True,
        )
        return system.cat_file(f"{self.bucket}/{name}")


class PostgreSQL(Server):
    """A cluster of its own. It does not run as root, so as root it becomes `postgres`."""

    name = "postgresql"
    stop_signal = signal.SIGQUIT  # at once, its memory given back; what it has not written out is in its log

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__(address)
        self._user = "postgres" if os.geteuid() == 0 else ""
        self._data = self.folder / "data"
        self._data.mkdir(mode=0o700)
        words = self.folder / "password"
        words.write_text(self.password, encoding="ascii")
        if self._user:
            for path in (self.folder, self._data, words):
                shutil.chown(path, self._user, self._user)
        options = [f"--pwfile={words}", "--auth=scram-sha-256", "--username=deepgrade", "--encoding=UTF8"]
        made = self.spawn(
            [self.program("initdb"), *options, "--locale=C", "--no-sync", str(self._data)], as_user=self._user
        )
        if made.wait() != 0:
            raise Missing(f"initdb failed: {self.said()}")
        with (self._data / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write("host all all 0.0.0.0/0 scram-sha-256\n")

    @staticmethod
    def program(name: str) -> str:
        versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
        return str(versions[-1]) if versions else found(name, "postgresql")

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://deepgrade:{self.password}@{self.address}:{self.port}/{database}"

    def command(self) -> list[str]:
        options = {
            "listen_addresses": self.address,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            # After a kill -9 it would else sync each file of each database first: minutes, where there are many.
            "recovery_init_sync_method": "syncfs",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [self.program("postgres"), "-D", str(self._data), *settings]

    def spawn(self, command: Sequence[str], *, as_user: str = "") -> subprocess.Popen[bytes]:
        return super().spawn(command, as_user=as_user or self._user)

    def answers(self) -> bool:
        ready = [self.program("pg_isready"), "-q", "-h", self.address, "-p", str(self.port)]
        return subprocess.run(ready, check=False, stdin=subprocess.DEVNULL).returncode == 0

    def create(self, name: str) -> str:
        """A new empty database: its URL."""
        words = {**os.environ, "PGPASSWORD": self.password}
        where = ["-h", self.address, "-p", str(self.port), "-U", "deepgrade", "--maintenance-db=postgres"]
        subprocess.run([self.program("createdb"), *where, name], check=True, env=words)
        return self.url_of(name)


class RabbitMQ(Server):
    """With an `epmd` of its own, so that none is left behind and none of the machine's is used."""

    name = "rabbitmq"

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__(address)
        self._names_port, self._peers_port = free_port(), free_port()
        self._names: subprocess.Popen[bytes] | None = None
        lines = [
            f"listeners.tcp.1 = {address}:{self.port}",
            "default_user = deepgrade",
            f"default_pass = {self.password}",
            "loopback_users = none",
            "log.console = true",
            "log.console.level = warning",
            "log.file = false",
            "disk_free_limit.absolute = 50MB",
        ]
        (self.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.folder / "enabled_plugins").write_text("[].\n", encoding="utf-8")

    @property
    def url(self) -> str:
        return f"amqp://deepgrade:{self.password}@{self.address}:{self.port}//"

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),  # its cookie
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, instead of watching over it
            "RABBITMQ_NODENAME": "deepgrade@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._peers_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",  # no spinning
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names_port),
        }

    def command(self) -> list[str]:
        script = RABBITMQ / "rabbitmq-server"
        return [str(script) if script.exists() else found("rabbitmq-server", "rabbitmq-server")]

    def start(self) -> None:
        if self._names is None:
            self._names = self.spawn([found("epmd", "rabbitmq-server"), "-port", str(self._names_port)])
            until = time.monotonic() + START_SECONDS
            while not _listens("127.0.0.1", self._names_port):
                if time.monotonic() > until:
                    raise Missing(f"epmd does not answer: {self.said()}")
                time.sleep(LOOK_SECONDS)
        super().start()

    def answers(self) -> bool:
        """A connection, and its first word of the protocol."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.address, self.port), timeout=1) as connection,
        ):
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(connection.recv(8))
        return False

    def close(self) -> None:
        self.kill()  # it takes long to stop in order, and nobody reads what it keeps
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None
        super().close()


def found(program: str, package: str) -> str:
    """Where a program is. Raises Missing with what to install."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{program} is not installed; `apt-get install {package}` as root")
    return path


def below(pid: int) -> list[int]:
    """Process ids of all that a process has started, and of what these have."""
    children: list[int] = []
    with contextlib.suppress(OSError):  # a process may end while its folder is read
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                children += map(int, task.read_text().split())
    return [one for child in children for one in (child, *below(child))]


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False
