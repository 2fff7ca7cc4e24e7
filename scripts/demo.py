"""`make demo`: the service with a demo course, and five submissions that come in as a student's browser sends them.

    serve (a process of its own) <── HTTP: sign in, hand in, ask for the report ── this script

The reference must get full marks, the untouched stub its floor, and each of three wrong answers must be caught by the
test that its author named. What is printed is what the student sees. `--once` stops after that, with exit code 0 if
all of it came true; without it the service keeps serving until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import html.parser
import http.cookiejar
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from autograder.cli import show
from autograder.cli.console import number, table
from autograder.course import submission
from autograder.course.course import Assignment, find_course
from autograder.course.mutants import mutants
from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.accounts import accounts
from grader_service.core.process import die_with_parent
from grader_service.core.settings import Settings
from grader_service.database.session import Database

REPOSITORY = Path(__file__).resolve().parent.parent
ASSIGNMENT = "softmax"
PORT = 8000
START_SECONDS = 60.0  # for the service to answer
REPORT_SECONDS = 600.0  # for one report; past it the demo fails

console = Console(highlight=False)


@dataclass(frozen=True)
class HandIn:
    """One submission, and what must come of it."""

    title: str
    files: dict[str, bytes]
    caught_by: str = ""  # the test that must not pass; "" where all must pass
    floor: bool = False  # nothing passes

    def holds(self, report: Report) -> bool:
        failed = {test.name for test in report.tests if test.verdict != "passed"}
        if self.floor:
            return report.points == 0 and {test.verdict for test in report.tests} <= {"not_implemented", "blocked"}
        return self.caught_by in failed if self.caught_by else not failed and report.points == report.possible


class FormFields(html.parser.HTMLParser):
    """The hidden fields of a page's forms, which a browser sends along."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden" and given.get("name"):
            self.found[given["name"] or ""] = given.get("value") or ""


class Browser:
    """Follows links and redirects, keeps cookies, and sends forms with their hidden fields."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(self._cookies)

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Status, address after redirects, body."""
        return self._open(urllib.request.Request(self.address + path))

    def sign_in(self, login: str, password: str) -> None:
        fields = self._fields("/sign-in") | {"login": login, "password": password}
        self._send("/sign-in", urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def hand_in(self, name: str, data: bytes) -> str:
        """The path of the submission's page."""
        path = f"/courses/course/assignments/{name}"
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in self._fields(path).items()
        ]
        parts += [
            f'--{boundary}\r\nContent-Disposition: form-data; name="zip"; filename="{name}.zip"\r\n'.encode(),
            b"Content-Type: application/zip\r\n\r\n",
            data,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
        address = self._send(path, b"".join(parts), f"multipart/form-data; boundary={boundary}")
        return urllib.parse.urlsplit(address).path

    def _fields(self, path: str) -> dict[str, str]:
        return FormFields(self.get(path)[2].decode()).found

    def _send(self, path: str, body: bytes, kind: str) -> str:
        """The address after the redirects."""
        request = urllib.request.Request(self.address + path, data=body, headers={"Content-Type": kind})
        status, address, page = self._open(request)
        if status != 200:
            raise SystemExit(f"demo: {path} was answered {status}: {page.decode(errors='replace')[:500]}")
        return address

    def _open(self, request: urllib.request.Request) -> tuple[int, str, bytes]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.url, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.url, error.read()


def hand_ins(assignment: Assignment) -> list[HandIn]:
    """The reference, the stub, and three wrong answers that students really give."""
    chosen = [
        HandIn("the reference", assignment.reference()),
        HandIn("the untouched stub", assignment.stub(), floor=True),
    ]
    wrong = {mutant.name: mutant for mutant in mutants(assignment)}
    for name in WRONG:
        mutant = wrong[name]
        chosen.append(HandIn(f"wrong: {name.replace('_', ' ')}", mutant.files, caught_by=mutant.killed_by))
    return chosen


WRONG = ("without_subtracting_the_maximum", "sum_for_mean", "labels_counted_from_one")


@contextlib.contextmanager
def service(settings: Settings) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`deepgrade serve` on port 8000, or on a free one where that is taken: its address, and its process."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
            port = PORT
        except OSError:
            port = 0
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "autograder.cli", "serve", "--port", str(port)],
        env=os.environ | settings.to_environment() | {"DEEPGRADE_ADMIN_PASSWORD": secrets.token_urlsafe(16)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this script alone, which then stops the service in order
        preexec_fn=functools.partial(die_with_parent, os.getpid()),
    )
    try:
        yield _address(process), process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    """Where the service says it serves."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r" at (http://[\w.:\[\]]+)", line):
            return found[1]
    raise SystemExit("demo: the service ended before it answered; see its message above")


def make_accounts(settings: Settings) -> dict[str, str]:
    """A student and a teacher with new passwords: login -> password."""
    database = Database(settings)
    database.upgrade()
    passwords = {}
    try:
        with database.write() as session:
            for login, name, role in [("student", "Demo Student", "student"), ("teacher", "Demo Teacher", "staff")]:
                passwords[login] = secrets.token_urlsafe(12)
                person = accounts.find(session, login)
                if person is None:
                    accounts.create(session, login=login, name=name, role=role, password=passwords[login])
                else:
                    accounts.set_password(person, passwords[login])
    finally:
        database.close()
    return passwords


def wait_for_reports(browser: Browser, paths: list[str]) -> list[Report]:
    """Every report, in order, with a bar while they are made."""
    found = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("grading", total=len(paths))
        for path in paths:
            found.append(_wait_for_report(browser, path))
            bar.advance(task)
    return found


def _wait_for_report(browser: Browser, path: str) -> Report:
    until = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < until:
        status, _, body = browser.get(f"{path}/report.json")
        if status == 200:
            return reports.from_json(body)
        if status != 202:
            raise SystemExit(f"demo: {path}/report.json was answered {status}")
        time.sleep(0.2)
    raise SystemExit(f"demo: {path} has no report after {REPORT_SECONDS:g} s")


def print_reports(chosen: list[HandIn], found: list[Report], pages: list[str]) -> bool:
    """Each report as the student sees it, then all in one table. True if each is what it must be."""
    for one, report in zip(chosen, found, strict=True):
        console.rule(Text(one.title), align="left")
        show.report(report, console, tests=False, details=bool(one.caught_by))
    rows = table("Submission", "Points", "Expected", "Page", numbers=("Points", "Page"))
    for one, report, page in zip(chosen, found, pages, strict=True):
        expected = f"caught by {one.caught_by}" if one.caught_by else "not implemented" if one.floor else "full marks"
        right = Text(expected, "green") if one.holds(report) else Text(f"NOT SO: {expected}", "bold red")
        rows.add_row(one.title, f"{number(report.points)} / {number(report.possible)}", right, page)
    console.rule(Text("all of them"), align="left")
    console.print(rows)
    return all(one.holds(report) for one, report in zip(chosen, found, strict=True))


def demo(home: Path, *, once: bool) -> int:
    settings = Settings(home=home, course=REPOSITORY)
    passwords = make_accounts(settings)
    assignment = find_course(REPOSITORY)[ASSIGNMENT]
    chosen = hand_ins(assignment)
    with service(settings) as (address, process):
        console.print(f"Service: {address}")
        console.print(f"Handing in {len(chosen)} submissions to {ASSIGNMENT}, as a browser would.")
        browser = Browser(address)
        browser.sign_in("student", passwords["student"])
        paths = [browser.hand_in(ASSIGNMENT, submission.zipped(one.files)) for one in chosen]
        right = print_reports(chosen, wait_for_reports(browser, paths), paths)
        if once or not right:
            return 0 if right else 1
        rows = table("Sign in as", "Password", "To see")
        rows.add_row("student", passwords["student"], "the assignments, these submissions, their reports")
        rows.add_row("teacher", passwords["teacher"], "everybody's submissions with everything in them, and accounts")
        console.print(rows)
        console.print(f"Serving at {address} until Ctrl-C; the data is in {home}.", soft_wrap=True)
        return process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve a demo course and hand five submissions in.")
    parser.add_argument("--once", action="store_true", help="stop after the reports")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: the service is stopped in order
    try:
        if not once:
            return demo(REPOSITORY / "demo-data", once=False)
        with tempfile.TemporaryDirectory(prefix="deepgrade-demo-") as home:
            return demo(Path(home), once=True)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0


if __name__ == "__main__":
    sys.exit(main())
