"""Clients that say nothing, say it slowly, or do not listen: everybody else is answered. Real sockets, real service."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from grader_service.core.settings import Settings
from grader_service.database.models import CourseAssignment, Submission
from grader_service.web import server
from grader_service.web.app import LANES
from grader_service.web.process import lane_of
from grader_service.web.server import Lanes, Limits, Server

from ..conftest import COURSE, RIGHT, zip_of
from ..support import processes
from ..support.pdfs import pdf
from ..support.processes import Client, Service, opened, serving, wait_for

pytestmark = pytest.mark.threat(59)

PDF = pdf()
HALF = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/"
BODY = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
CHUNKED = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlogi\r\n"
KINDS = {"no byte": b"", "half a header": HALF, "no body": BODY, "a body that trickles": BODY, "chunks": CHUNKED}
MANY = 200


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    settings = Settings(home=tmp_path_factory.mktemp("silence") / "home", course=COURSE, workers=1)
    processes.add(settings, "ada")
    with serving(settings) as running:
        yield running


def connect(service: Service) -> socket.socket:
    place = urlsplit(service.url)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=processes.PATIENCE_SECONDS)


def closed(connection: socket.socket) -> bool:
    """Has the service closed it? What it says before is read and thrown away."""
    connection.setblocking(False)
    try:
        while connection.recv(2**16):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextlib.contextmanager
def silent(service: Service, kinds: dict[str, bytes], count: int) -> Iterator[list[socket.socket]]:
    """So many connections, of each kind in turn; those that trickle send a byte now and then."""
    found, stop = [], threading.Event()
    with contextlib.ExitStack() as stack:
        names = list(kinds) * (count // len(kinds) + 1)
        for name in names[:count]:
            connection = stack.enter_context(connect(service))
            connection.sendall(kinds[name])
            found.append(connection)
        trickling = [one for name, one in zip(names, found, strict=False) if name == "a body that trickles"]

        def trickle() -> None:
            while not stop.wait(0.5):
                for one in trickling:
                    with contextlib.suppress(OSError):
                        one.send(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_silent_connections_of_a_kind_hold_nobody_up(service, kind):
    with silent(service, {kind: KINDS[kind]}, MANY):
        ada = Client(service.url, "ada")
        number = ada.hand_in(zip_of(RIGHT))
        assert ada.report(number)["points"] == 5


@pytest.fixture(scope="module")
def strict(tmp_path_factory) -> Iterator[Service]:
    """One that has little patience, and room for few."""
    settings = Settings(home=tmp_path_factory.mktemp("strict") / "home", course=COURSE, workers=1)
    settings = dataclasses.replace(settings, client_seconds=2, client_kb=20, connections=60)
    processes.add(settings, "ada")
    with serving(settings) as running:
        with opened(settings) as database, database.write() as session:
            session.scalars(sa.select(CourseAssignment)).one().written_points = 5.0
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_silent_connections_are_closed_in_the_end(strict, kind):
    with silent(strict, {kind: KINDS[kind]}, 10) as connections:
        wait_for(lambda: all(map(closed, connections)))


class Raw(Client):
    """Signs in as a browser does, and then speaks HTTP byte by byte."""

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[socket.socket, bytes]:
        """A connection, and what is to be sent on it."""
        place = urlsplit(self.url)
        cookies = "; ".join(f"{one.name}={one.value}" for one in self.cookies)
        head = f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\nConnection: close\r\n"
        if body:
            head += f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n"
        connection = socket.create_connection((place.hostname or "", place.port or 0), processes.PATIENCE_SECONDS)
        return connection, head.encode() + b"\r\n" + body

    def form(self, name: str, data: bytes, filename: str) -> bytes:
        """The body of the form at an assignment, with a file."""
        fields = processes.hidden_fields(self.get(AT)[1].decode())
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{one}"\r\n\r\n{value}\r\n' for one, value in fields.items()
        ]
        parts.append(f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n')
        return "".join(parts).encode() + data + b"\r\n--x--\r\n"

    def written(self, size: int) -> int:
        """Hand in a written part of so many bytes."""
        connection, data = self.ask("POST", f"{AT}/written", self.form("text", PDF + b"%" + bytes(size), "a.pdf"))
        with connection:
            connection.sendall(data)
            return number_of(all_of(connection))


AT = "/courses/course/assignments/double"


def all_of(connection: socket.socket) -> bytes:
    answer = b""
    while more := connection.recv(2**16):
        answer += more
    return answer


def number_of(answer: bytes) -> int:
    """Of the submission to which the answer leads."""
    assert answer.startswith(b"HTTP/1.1 303"), answer[:200]
    found = re.search(rb"(?i)^location: .*?(\d+)\r$", answer, re.M)
    assert found is not None
    return int(found[1])


def test_an_upload_over_a_slow_line_is_accepted(strict):
    """It takes longer than a client may be silent, and is as fast as is asked for."""
    ada = Raw(strict.url, "ada")
    body = ada.form("zip", zip_of(RIGHT, padding_bin=os.urandom(30_000).hex()), "double.zip")
    connection, data = ada.ask("POST", AT, body)
    pause = 1.5 * strict.settings.client_seconds / 20
    with connection:
        for start in range(0, len(data), len(data) // 20):
            connection.sendall(data[start : start + len(data) // 20])
            time.sleep(pause)
        number = number_of(all_of(connection))
    assert ada.report(number)["points"] == 5


def handed_in(service: Service) -> int:
    with opened(service.settings) as database, database.read() as session:
        return session.scalar(sa.select(sa.func.count(Submission.id))) or 0


def test_an_upload_slower_than_that_is_ended(strict):
    ada = Raw(strict.url, "ada")
    connection, data = ada.ask("POST", AT, ada.form("zip", zip_of(RIGHT), "double.zip"))
    sent, before = iter(data), handed_in(strict)

    def trickle() -> bool:
        """Never silent for long, and far too slow."""
        with contextlib.suppress(OSError):
            connection.send(bytes([next(sent)]))
        return closed(connection)

    with connection:
        wait_for(trickle)
    assert handed_in(strict) == before


def test_downloads_that_nobody_reads_hold_nobody_up_and_end(strict):
    """Each is larger than what the kernel takes for a client; more of them than there are threads."""
    ada = Raw(strict.url, "ada")
    number = ada.written(8_000_000)
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(sum(LANES.values()) + 4):
            connection, data = ada.ask("GET", f"/submissions/{number}/written/file")
            stack.enter_context(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(data)
            connections.append(connection)
        assert ada.get("/")[0] == 200
        states = [one.getsockname()[1] for one in connections]
        wait_for(lambda: not established(states))


def established(ports: list[int]) -> list[int]:
    """Which of these ports of ours still have a connection that the other side has not closed."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    open_ones = {int(words[1].rpartition(":")[2], 16) for words in lines if words[3] == "01"}
    return [port for port in ports if port in open_ones]


def test_a_download_by_a_slow_line_comes_whole(strict):
    ada = Raw(strict.url, "ada")
    number = ada.written(300_000)
    connection, data = ada.ask("GET", f"/submissions/{number}/written/file")
    pieces, answer = 20, b""
    with connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(data)
        for _ in range(pieces):
            answer += connection.recv(16_000)
            time.sleep(1.5 * strict.settings.client_seconds / pieces)
        answer += all_of(connection)
    assert len(answer.partition(b"\r\n\r\n")[2]) == len(PDF) + 1 + 300_000


def test_told_to_stop_it_finishes_the_answer_that_it_has_begun(strict):
    """And the next web process answers on the same socket."""
    ada = Raw(strict.url, "ada")
    number = ada.written(6_000_000)
    connection, data = ada.ask("GET", f"/submissions/{number}/written/file")
    with connection:
        connection.sendall(data)
        answer = connection.recv(1000)
        web = min(strict.children("grader_service.web.process"))  # what it forks for a sandbox bears its name at first
        os.kill(web, signal.SIGTERM)
        answer += all_of(connection)
    assert len(answer.partition(b"\r\n\r\n")[2]) == len(PDF) + 1 + 6_000_000
    assert ada.get("/")[0] == 200
    assert strict.children("grader_service.web.process") != [web]


def test_an_upload_that_is_too_large_is_told_on_a_page(strict):
    ada = Raw(strict.url, "ada")
    connection, data = ada.ask("POST", AT, ada.form("zip", bytes(6_000_000), "double.zip"))
    with connection:
        connection.sendall(data)
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"larger than any assignment allows" in answer
    assert b"</html>" in answer


def test_a_provider_that_does_not_answer_holds_up_nobody_else(tmp_path):
    """Each try to sign in there waits for it, and there are more of them than threads."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as provider, contextlib.ExitStack() as stack:
        settings = Settings(
            home=tmp_path / "home",
            course=COURSE,
            workers=1,
            public_url="http://localhost",
            oidc_issuer=f"http://127.0.0.1:{provider.getsockname()[1]}",
            oidc_client_id="deepgrade",
            oidc_client_secret="a secret",
        )
        processes.add(settings, "ada")
        service = stack.enter_context(serving(settings))
        for _ in range(sum(LANES.values()) + 4):
            connection = stack.enter_context(connect(service))
            connection.sendall(b"GET /sign-in/elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        provider.accept()[0].close()  # the first of them is on its way
        assert Client(service.url, "ada").get("/")[0] == 200


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),  # a browser that speaks TLS
    ],
)
def test_what_is_no_request_is_answered_in_a_sentence(strict, request_, status):
    with connect(strict) as connection:
        connection.sendall(request_)
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.")
    assert answer.split(b" ")[1] == status
    assert b"waitress" not in answer
    assert b"Traceback" not in answer


@contextlib.contextmanager
def serving_alone(application, lanes: Lanes, limits: Limits | None = None) -> Iterator[tuple[Server, tuple[str, int]]]:
    """The server in a thread of this process, and where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Server(application, listener, lanes, limits or Limits())
        thread = threading.Thread(target=running.run_until_told_to_stop, daemon=True)
        thread.start()
        try:
            yield running, listener.getsockname()
        finally:
            running.told_to_stop = True
            running.pull_trigger()
            thread.join()


def send(stack: contextlib.ExitStack, place: tuple[str, int], data: bytes) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(place, processes.PATIENCE_SECONDS))
    connection.sendall(data)
    return connection


def fine(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def test_who_comes_next_has_room_however_many_are_silent():
    """More than there may be connections, and none of them late: those that move least make room."""
    limits = Limits(seconds=3600.0, connections=20)
    alone = Lanes(lambda method, path: "others", {"others": 1})
    with serving_alone(fine, alone, limits) as (_, place), contextlib.ExitStack() as stack:
        for number in range(3 * limits.connections):
            send(stack, place, list(KINDS.values())[number % len(KINDS)])
        for _ in range(5):
            assert all_of(send(stack, place, b"GET / HTTP/1.0\r\n\r\n")).endswith(b"ok")


def test_a_new_connection_outlives_those_that_were_silent_before(monkeypatch):
    """Its first byte is under way while others come."""
    monkeypatch.setattr(server, "NEW_SECONDS", 3600.0)
    limits = Limits(seconds=3600.0, connections=20)
    alone = Lanes(lambda method, path: "others", {"others": 1})
    with serving_alone(fine, alone, limits) as (_, place), contextlib.ExitStack() as stack:
        for _ in range(limits.connections):
            send(stack, place, BODY)
        new = send(stack, place, b"")
        for _ in range(limits.connections // 2):
            send(stack, place, BODY)
        assert all_of(send(stack, place, b"GET / HTTP/1.0\r\n\r\n")).endswith(b"ok")  # so all others were accepted
        new.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert all_of(new).endswith(b"ok")


def test_what_moves_is_kept_where_room_is_needed():
    """An honest upload among silent connections."""
    limits = Limits(seconds=3600.0, connections=20)
    alone = Lanes(lambda method, path: "others", {"others": 1})
    with serving_alone(fine, alone, limits) as (_, place), contextlib.ExitStack() as stack:
        head = b"POST / HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n"
        honest = send(stack, place, head)
        for _ in range(20):
            honest.sendall(bytes(50_000))
            for _ in range(3):
                send(stack, place, BODY)
        assert all_of(honest).endswith(b"ok")


def test_a_full_lane_holds_up_no_other():
    """Many passwords at once, say: each request waits for the threads of its own lane."""
    held, entered = threading.Event(), threading.Semaphore(0)

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            entered.release()
            held.wait(processes.PATIENCE_SECONDS)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    lanes = Lanes(lambda method, path: "slow" if path == "/slow" else "others", {"slow": 2, "others": 1})
    with serving_alone(application, lanes) as (_, place), contextlib.ExitStack() as stack:
        stack.callback(held.set)
        for _ in range(30):
            send(stack, place, b"GET /slow HTTP/1.0\r\n\r\n")
        assert all(entered.acquire(timeout=processes.PATIENCE_SECONDS) for _ in range(2))
        for _ in range(5):
            assert all_of(send(stack, place, b"GET / HTTP/1.0\r\n\r\n")).endswith(b"ok")


@pytest.mark.threat(39)
def test_what_waits_for_a_thread_was_received_when_its_last_byte_came():
    """Else whoever hands in a minute before the end, among many others, would be late."""
    held, entered, told = threading.Event(), threading.Event(), []

    def application(environ, start_response):
        told.append(time.monotonic() - environ[server.WAITED])
        entered.set()
        held.wait(processes.PATIENCE_SECONDS)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    lanes = Lanes(lambda method, path: "others", {"others": 1})
    with serving_alone(application, lanes) as (running, place), contextlib.ExitStack() as stack:
        stack.callback(held.set)
        first = send(stack, place, b"GET / HTTP/1.0\r\n\r\n")
        assert entered.wait(processes.PATIENCE_SECONDS)
        second = send(stack, place, b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
        wait_for(lambda: sum(one.phase == "served" for one in list(running.active_channels.values())) == 2)
        complete = time.monotonic()
        held.set()
        for one in (first, second):
            assert all_of(one).endswith(b"ok")
    assert told[1] <= complete


@pytest.mark.parametrize(
    "method, path, lane",
    [
        ("POST", "/sign-in", "passwords"),
        ("POST", "/api/v1/tokens", "passwords"),
        ("POST", "/link/" + "x" * 43, "passwords"),
        ("POST", "/password", "passwords"),
        ("GET", "/sign-in", "others"),
        ("GET", "/sign-in/elsewhere", "elsewhere"),
        ("GET", "/sign-in/elsewhere/back", "elsewhere"),
        ("POST", "/courses/course/assignments/double", "others"),
        ("POST", "/courses/course/assignments/double/written", "written"),
        ("POST", "/api/v1/courses/course/assignments/double/written", "written"),
    ],
)
def test_what_takes_long_has_a_lane_of_its_own(method, path, lane):
    assert lane_of(method, path) == lane
    assert lane in LANES


def test_there_are_no_more_connections_than_files(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 1024))
    assert server._affordable(1000) == (1024 - server.OTHER_FILES) // server.FILES
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 2**20))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: raised.append(limits))
    assert server._affordable(1000) == 1000
    assert raised == [(1000 * server.FILES + server.OTHER_FILES, 2**20)]
