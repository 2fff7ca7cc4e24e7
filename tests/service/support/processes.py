"""The real service as real processes, and somebody who talks to it over HTTP."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from servers import below

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.database.models import Job, Result
from grader_service.database.session import Database

from ..conftest import PASSWORD, hidden_fields
from .uploads import unlike_earlier

T = TypeVar("T")

PATIENCE_SECONDS = 60  # for anything that is waited for; past it the test fails

# -P: the folder that a test happens to run in is no place to import from.
COMMAND = [sys.executable, "-P", "-c", "from grader_service.serve import serve; serve('127.0.0.1', 0)"]

# Three of the hidden tests and a public one call this, so there is time to kill what grades it.
SLOW = "import time\ndef double(x):\n    time.sleep(0.5)\n    return 2 * x\ndef negate(x):\n    return -x\n"


def wait_for(found: Callable[[], T | None]) -> T:
    """The first answer that is not false."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (answer := found()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return answer


class Service:
    """`serve` on a data folder of the test's own."""

    def __init__(self, settings: Settings, **variables: str) -> None:
        """`variables` : that its shell has beside ours."""
        self.settings = settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
        self.process = subprocess.Popen(
            COMMAND,
            env={**environment, **settings.to_environment(), **variables},
            cwd=settings.home.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self.url = wait_for(self._read)

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "serve ended before it served"
        self.said.append(line)
        found = re.search(r"at (http://\S+)", line)
        return found.group(1) if found else ""

    def children(self, module: str = "") -> list[int]:
        """Process ids of all that runs below `serve`; with a module, of what was started with it."""
        return [pid for pid in below(self.process.pid) if module in _command(pid)]

    def kill(self) -> None:
        """kill -9 of everything, the roots first, as when the power goes."""
        everything = [self.process.pid, *self.children()]
        for pid in everything:
            _kill(pid)
        self.process.wait()
        wait_for(lambda: not any(map(_runs, everything)))

    def stop(self) -> int:
        everything = self.children()
        self.process.terminate()
        status = self.process.wait(PATIENCE_SECONDS)
        wait_for(lambda: not any(map(_runs, everything)))
        return status


@contextmanager
def serving(settings: Settings, **variables: str) -> Iterator[Service]:
    service = Service(settings, **variables)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()
        if service.process.stdout:
            service.process.stdout.close()


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    try:
        database.upgrade()
        yield database
    finally:
        database.close()


def add(settings: Settings, login: str, role: str = "student") -> None:
    with opened(settings) as database, database.write() as session:
        accounts.create(session, login=login, name=login.title(), role=role, password=PASSWORD)


def job(settings: Settings, number: int) -> Job:
    with opened(settings) as database, database.read() as session:
        return session.scalars(sa.select(Job).where(Job.submission_id == number)).one()


def results(settings: Settings) -> list[int]:
    """The submissions that have a report, once for each report."""
    with opened(settings) as database, database.read() as session:
        return sorted(session.scalars(sa.select(Result.submission_id)))


class Client:
    """Signs in and hands in as a browser does."""

    def __init__(self, url: str, login: str, password: str = PASSWORD) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.send("/sign-in", {"login": login, "password": password})

    def get(self, path: str) -> tuple[int, bytes]:
        with self.opener.open(self.url + path, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read()

    def send(self, path: str, fields: dict[str, str], data: bytes | None = None) -> str:
        """The address that the answer leads to."""
        fields = hidden_fields(self.get(path)[1].decode()) | fields
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        if data is not None:
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="zip"; filename="double.zip"\r\n\r\n'
            parts.append(head.encode() + data + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        request = urllib.request.Request(self.url + path, data=body, headers=kind)
        with self.opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.url

    def hand_in(self, data: bytes) -> int:
        path = self.send("/courses/course/assignments/double", {}, unlike_earlier(data, self.url))
        return int(path.rsplit("/", 1)[1])

    def report(self, number: int) -> dict[str, Any]:
        """The report, waited for."""

        def ready() -> dict[str, Any] | None:
            status, body = self.get(f"/submissions/{number}/report.json")
            return json.loads(body) if status == 200 else None

        return wait_for(ready)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it went with its parent
        os.kill(pid, signal.SIGKILL)
