"""300 uploads in the last ten seconds, 100 of them by one student: he has his share, and everybody else theirs."""

from __future__ import annotations

import collections
import heapq
import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.report.schema import Report
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.database.models import Job, Result, Submission
from grader_service.database.session import db_now
from grader_service.queue import leases
from grader_service.web.app import create_app

from ..conftest import COURSE, PASSWORD, RIGHT, User, hidden_fields, zip_of
from ..support import processes

FLOOD = "flood"
OTHERS = [f"student{number}" for number in range(8)]
EACH, FLOODS = 25, 100
SECONDS, SLOTS, GRADING_SECONDS = 10.0, 4, 1.0  # of the schedule: 30 uploads a second come, and 4 are graded
REPORT = Report("double", "Twice as much", "graded", points=5, possible=5)


@dataclass(frozen=True)
class Event:
    """At `step` of the schedule a job was received or claimed."""

    step: int
    what: str
    who: str
    number: int


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    new_database: Callable[[], str] = lambda: ""  # noqa: E731
    if request.param == "postgresql":
        new_database = request.getfixturevalue("new_database")
    return Settings(home=tmp_path / "home", course=COURSE, database=new_database())


def uploads(seed: int) -> list[tuple[float, str]]:
    """When who hands in; the flood comes first, so that nobody is before it by luck."""
    draw = random.Random(seed)
    flood = [(draw.uniform(0, 0.3 * SECONDS), FLOOD) for _ in range(FLOODS)]
    others = [(draw.uniform(0, SECONDS), login) for login in OTHERS for _ in range(EACH)]
    return sorted(flood + others)


def run(settings: Settings) -> list[Event]:
    """Real uploads, claims and results, in the order of a schedule whose clock is no clock's."""
    app = create_app(settings)
    database = app.extensions["services"].database
    with database.write() as session:
        for login in (FLOOD, *OTHERS):
            accounts.create(session, login=login, name=login, role="student", password=PASSWORD)
    users = {login: User(app.test_client()) for login in (FLOOD, *OTHERS)}
    for login, user in users.items():
        assert user.sign_in(login).status_code == 303
    # Each has the page open, and sends its form again and again; a fresh page has another key each time.
    forms = {login: hidden_fields(user.get("/courses/course/assignments/double").text) for login, user in users.items()}
    events: list[Event] = []
    names: dict[int, str] = {}
    schedule: list[tuple[float, int, str, object]] = [
        (at, number, "upload", login) for number, (at, login) in enumerate(uploads(8))
    ]
    schedule += [(0.0, len(schedule) + slot, "claim", None) for slot in range(SLOTS)]
    heapq.heapify(schedule)
    serial = len(schedule)
    while schedule:
        now, _, what, subject = heapq.heappop(schedule)
        serial += 1
        if what == "upload":
            assert isinstance(subject, str)
            upload = (io.BytesIO(zip_of(RIGHT, salt_txt=str(serial))), "double.zip")
            fields = {**forms[subject], "form_key": f"form-of-the-flood-{serial}", "zip": upload}
            answer = users[subject].client.post("/courses/course/assignments/double", data=fields)
            assert answer.status_code == 303
            number = int(answer.location.rsplit("/", 1)[1])
            names[number] = subject
            events.append(Event(len(events), "received", subject, number))
            continue
        if isinstance(subject, leases.Claim):
            with database.write() as session:
                assert leases.finish(session, subject, REPORT, {})
        with database.write() as session:
            claim = leases.claim(session, leases.Slot("w", ("cpu",), student_jobs=4), lease_seconds=600)
        if claim is not None:
            events.append(Event(len(events), "claimed", names[claim.submission_id], claim.submission_id))
            heapq.heappush(schedule, (now + GRADING_SECONDS, serial, "claim", claim))
        elif now < SECONDS:
            heapq.heappush(schedule, (now + 0.1, serial, "claim", None))
    database.close()
    return events


def unfair(events: list[Event]) -> list[str]:
    """A share is one for each, in turn: while somebody waits for a job, nobody else gets two claims more than he.

    (Start-time fair queueing bounds the difference of two who both wait by one job of each.)
    """
    received = {event.number: event.step for event in events if event.what == "received"}
    claims = [event for event in events if event.what == "claimed"]
    found = []
    for event in claims:
        if event.who == FLOOD:
            continue
        since = received[event.number]
        count = collections.Counter(one.who for one in claims if since < one.step <= event.step)
        mine = count.pop(event.who)
        found += [f"{who} had {many}, {event.who} {mine}" for who, many in count.items() if many > mine + 1]
    return found


@pytest.mark.threat(39)
def test_nobody_waits_for_more_than_his_share_behind_a_flood(settings):
    before = time.time()
    events = run(settings)
    assert [event.what for event in events].count("claimed") == FLOODS + EACH * len(OTHERS)
    assert unfair(events) == []
    claims = [event.who for event in events if event.what == "claimed"]
    last_of_others = max(step for step, who in enumerate(claims) if who != FLOOD)
    assert claims[:last_of_others].count(FLOOD) <= 2 * EACH, "first come, first served would give him all his 100"

    with processes.opened(settings) as database, database.read() as session:
        rows = session.execute(sa.select(Submission.id, Submission.received_at).order_by(Submission.id)).all()
        graded = dict(session.execute(sa.select(Result.submission_id, Result.graded_at)).all())
        assert session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.state != "done")) == 0
        now = session.scalar(sa.select(db_now()))
    times = [at for _, at in rows]
    assert times == sorted(times), "in the order of receipt, whatever the order of grading"
    assert before - 1 < times[0]
    assert times[-1] < not_none(now)
    assert all(at < graded[number] for number, at in rows)
    last = max(number for number, _ in rows)
    assert any(graded[number] > graded[last] for number in graded if number < last), "the order of grading is another"


@pytest.mark.threat(36, 39)
def test_the_receipt_has_the_database_s_time_whatever_the_clock_of_the_web_process(settings, monkeypatch):
    processes.add(settings, "ada")
    app = create_app(settings)
    user = User(app.test_client())
    database = app.extensions["services"].database
    with database.read() as session:
        before = session.scalar(sa.select(db_now()))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)  # an hour slow: it would turn late into early
    assert user.sign_in("ada").status_code == 303
    number = user.handed_in()
    monkeypatch.undo()
    with database.read() as session:
        received = session.get_one(Submission, number).received_at
        assert before <= received <= session.scalar(sa.select(db_now()))
    database.close()
