"""Pages of a large course, and uploads that come all at once.

    pages     a term with 500 students and 20,000 submissions in SQLite; each page asked for again and again, over
              loopback and by one reader, staff and student: how many questions it asks, and its slow times
    uploads   students with tokens send the reference to the API from several threads as fast as it is answered; each
              receipt is looked for in the database afterwards, with its bytes and its job. Nothing is graded meanwhile,
              since graders would take the same two cores

The page's own time is all that is measured: the reader asks for no styles and no pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import statistics
import threading
import time
import zipfile
from collections.abc import Iterator

import requests
import sqlalchemy as sa
import term
from flask import Flask
from installation import Installation

from autograder.course import submission
from autograder.course.course import Course
from bench.page import REPOSITORY, Section
from grader_service.accounts import tokens
from grader_service.database import models
from grader_service.database.session import Database
from grader_service.queue import enqueue, hosts
from grader_service.web.app import create_app

STUDENTS, SUBMISSIONS = 500, 20_000
ROUNDS = 20  # of each page
SENDERS = 8
SECONDS = 30.0  # of uploads
WORST = 0.95


def measure(rounds: int) -> Section:
    course = Course(REPOSITORY)
    rows: list[tuple[str, str, str]] = []
    with Installation("sqlite", REPOSITORY, slots=1) as installed:
        with installed.database.write() as session:
            for queue in enqueue.QUEUES:
                hosts.pause(session, queue)
        term.fill(installed.database, course, students=STUDENTS, submissions=SUBMISSIONS)
        name = list(course)[-1].name  # the one that is not due yet
        rows += list(pages(installed, name, rounds or ROUNDS))
        rows += list(uploads(installed, course, name))
    note = f"{STUDENTS} students and {SUBMISSIONS:,} submissions, SQLite; one web process with 8 threads"
    return Section("make bench ARGS=pages", ("what", "95 of 100 within", "median, or questions"), rows, note)


def pages(installed: Installation, name: str, rounds: int) -> Iterator[tuple[str, str, str]]:
    """A row for each page of each reader, and one for all of them together."""
    app = create_app(installed.settings)  # to know its routes, and to count what they ask
    with installed.database.read() as session:
        mine = sa.select(sa.func.max(models.Submission.id)).join(models.Submission.course_assignment)
        mine = mine.where(models.CourseAssignment.assignment == name)
        number = session.scalar(mine.where(models.Submission.person.has(login=term.student(0)))) or 1
    everything: list[float] = []
    for who in (term.STAFF, term.student(0)):
        reader = Reader(installed.address, who)
        for rule, address in term.addresses(app, name, number):
            if reader.get(address) is None:
                continue
            times = sorted(reader.get(address) or 0.0 for _ in range(rounds))
            everything += times
            kind = "staff" if who == term.STAFF else "student"
            asked = questions(app, who, address)
            yield f"{kind}: `{rule}`", shown(worst(times)), f"{shown(statistics.median(times))}, {asked} questions"
    yield "all pages together", shown(worst(sorted(everything))), shown(statistics.median(everything))
    app.extensions["services"].database.close()


def questions(app: Flask, who: str, address: str) -> int:
    """To the database, for one page."""
    client, asked = app.test_client(), []
    fields = {"login": who, "password": term.PASSWORD}
    app.config["WTF_CSRF_ENABLED"] = False
    client.post("/sign-in", data=fields)

    def note(connection, cursor, statement, parameters, context, executemany) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append(statement)

    sa.event.listen(app.extensions["services"].database.engine, "before_cursor_execute", note)
    client.get(address)
    sa.event.remove(app.extensions["services"].database.engine, "before_cursor_execute", note)
    return len(asked)


class Reader:
    """Somebody who is signed in."""

    def __init__(self, address: str, login: str) -> None:
        from demo import FormFields

        self._address = address
        self._session = requests.Session()
        page = self._session.get(f"{address}/sign-in")
        fields = FormFields(page.text).found | {"login": login, "password": term.PASSWORD}
        self._session.post(f"{address}/sign-in", data=fields).raise_for_status()

    def get(self, path: str) -> float | None:
        """Seconds until the page is here, or None where there is none for this reader."""
        began = time.perf_counter()
        answer = self._session.get(self._address + path, allow_redirects=False)
        took = time.perf_counter() - began
        is_page = answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
        return took if is_page else None


def uploads(installed: Installation, course: Course, name: str) -> Iterator[tuple[str, str, str]]:
    secrets = make_tokens(installed.database)
    data = submission.zipped(course[name].reference())
    path = f"{installed.address}/api/v1/courses/{term.SLUG}/assignments/{name}/submissions"
    until = time.monotonic() + SECONDS
    receipts: list[tuple[int, str]] = []
    times: list[float] = []
    refused: list[int] = []

    def send(sender: int) -> None:
        sending = requests.Session()
        turn = 0
        while time.monotonic() < until:
            secret = secrets[(sender + SENDERS * turn) % len(secrets)]
            turn += 1
            body = unlike(data, f"{sender} {turn}")
            began = time.perf_counter()
            answer = sending.post(path, headers={"Authorization": f"Bearer {secret}"}, files={"zip": ("x.zip", body)})
            if answer.status_code == 201:
                times.append(time.perf_counter() - began)
                receipts.append((answer.json()["id"], hashlib.sha256(body).hexdigest()))
            else:
                refused.append(answer.status_code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    lost = len(receipts) - kept(installed.database, receipts)
    rate = f"{len(receipts) / took:.0f} a second"
    yield f"uploads from {SENDERS} senders for {SECONDS:g} s", shown(worst(sorted(times))), rate
    yield "receipts, of these lost, answers without one", f"{len(receipts):,}", f"{lost} lost, {len(refused)} refused"


def make_tokens(database: Database) -> list[str]:
    """One for each student: a program may not send as often as all of them together."""
    made = []
    with database.write() as session:
        people = session.scalars(sa.select(models.Person).where(models.Person.login.like("student%")))
        for person in people:
            made.append(tokens.make(session, person, name="bench", scope="submit")[1])
    return made


def unlike(data: bytes, words: str) -> bytes:
    """The same files with other bytes, so that each upload is one of its own."""
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = words.encode()
    return buffer.getvalue()


def kept(database: Database, receipts: list[tuple[int, str]]) -> int:
    """How many of them have their row, their bytes and their job."""
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(database.read())
        rows = session.execute(
            sa.select(models.Submission.id, models.Upload.sha256, models.Upload.data)
            .join(models.Upload)
            .join(models.Job, models.Job.submission_id == models.Submission.id)
        )
        there = {row.id: row.sha256 for row in rows if hashlib.sha256(row.data).hexdigest() == row.sha256}
    return sum(there.get(number) == sha256 for number, sha256 in receipts)


def worst(times: list[float]) -> float:
    """The time that 95 of 100 keep."""
    return times[min(len(times) - 1, int(WORST * len(times)))]


def shown(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
