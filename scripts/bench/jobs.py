"""Jobs through each engine.

    empty jobs   rows that wait, claimed and finished by two slots with an empty report: what a job costs beside grading
    heard        from the commit of an upload's job to its claim, with every slot idle: what the engine is for
    graded       references handed in over HTTP, from the first claim to the last report, two slots on two cores

A slot is the service's own, and so is what rings it; for the first two only the grading is left out. Ratios are to the
embedded engine on SQLite in this one run. `scripts/deadline_night.py` reads what is written here.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from demo import Browser
from installation import BROKERS, PASSWORD, WAYS, Installation
from rich.console import Console
from servers import Server

from autograder.course.course import Course
from autograder.report.schema import Report
from bench.page import REPOSITORY, Section
from bench.uploads import references
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.files import Files
from grader_service.database.models import Job, Person, Submission
from grader_service.database.session import Database, db_now
from grader_service.queue import enqueue
from grader_service.queue.leases import Claim, Origin
from grader_service.queue.notify import engine_of
from grader_service.workers import worker
from grader_service.workers.slots import Node, Plan
from grader_service.workers.worker import Worker

EMPTY = Report("softmax", "Softmax", "graded")
SLOTS = 2
KIND = "BENCH_KIND"  # variable: what a process of this module is
PATIENCE_SECONDS = 900.0
EMPTY_JOBS = 2000  # through each engine
HEARD = 20  # times that an idle slot is rung
SUBMISSIONS = 12  # real ones of each assignment
NAMES = {
    "sqlite": "embedded, SQLite",
    "postgresql": "embedded, PostgreSQL",
    "redis": "Celery over Redis, PostgreSQL",
    "rabbitmq": "Celery over RabbitMQ, PostgreSQL",
}


class EmptySlot(Worker):
    """A slot that takes, keeps and puts down jobs as ever, and grades none of them."""

    def _grade(self, claim: Claim, version: str) -> tuple[Report, Origin]:
        return EMPTY, Origin()


def slot() -> None:
    """The main function of an empty slot, in a process of its own."""
    from autograder import grade

    grade.warm = lambda: None  # there is no sandbox to be kept warm
    worker.main(EmptySlot)


@contextmanager
def slots(settings: Settings) -> Iterator[None]:
    """Two empty slots: processes, or with Celery the pool of a Celery worker."""
    variables = {**os.environ, **settings.to_environment()}
    plans = tuple(Plan(f"empty:{number}", ("cpu",)) for number in range(SLOTS))
    parent = ("--parent", str(os.getpid()))
    if settings.engine == "celery":
        kind, commands = "celery", [("--host", "empty", "--node", Node("cpu", plans).to_json())]
    else:
        kind, commands = "slot", [("--name", one.name, "--queues", "cpu") for one in plans]
    processes = [
        subprocess.Popen([sys.executable, "-m", "bench.jobs", *words, *parent], env={**variables, KIND: kind})
        for words in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def fill(settings: Settings, database: Database, person: Person, count: int) -> None:
    """Jobs of `count` submissions, in one transaction."""
    with database.write() as session:
        upload = session.merge(Files(settings).keep(b"no zip"))
        chosen = courses.add(session, None, accounts.first_course(session), EMPTY.assignment)
        session.flush()
        made = [
            Submission(
                course_assignment_id=chosen.id,
                person_id=person.id,
                filename="bench.zip",
                sha256=upload.sha256,
                notes=[],
                form_key=f"{time.time_ns()} {number}",
                received_at=db_now(),
            )
            for number in range(count)
        ]
        session.add_all(made)
        session.flush()
        enqueue.enqueue_many(session, [one.id for one in made], enqueue.Needs(), batch="", priority=enqueue.INTERACTIVE)


def empty_jobs(settings: Settings, count: int, heard: int) -> tuple[float, list[float]]:
    """Empty jobs a second, and the seconds after which an idle slot had each of some."""
    database = Database(settings)
    database.upgrade()
    with database.write() as session:
        person, _ = accounts.create(session, login="bench", name="Bench", role="student", password=PASSWORD)
    engine = engine_of(settings)
    with slots(settings):
        fill(settings, database, person, 20)  # until all of it runs
        engine.top_up({"cpu": 20})
        wait_until_done(database, 20)
        waits = []
        for number in range(heard):
            time.sleep(0.31)  # no multiple of the time after which an idle slot looks
            fill(settings, database, person, 1)
            engine.ring("cpu")
            wait_until_done(database, 21 + number)
        with database.read() as session:
            last = sa.select(Job.claimed_at, Job.queued_at).order_by(Job.id.desc()).limit(heard)
            waits = [claimed - queued for claimed, queued in session.execute(last)]
        fill(settings, database, person, count)
        engine.top_up({"cpu": count})
        wait_until_done(database, 20 + heard + count)
        with database.read() as session:
            last = sa.select(Job.claimed_at, Job.finished_at).order_by(Job.id.desc()).limit(count)
            times = session.execute(last).all()
    database.close()
    took = max(finished for _, finished in times) - min(claimed for claimed, _ in times)
    return count / took, waits


def wait_until_done(database: Database, count: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with database.read() as session:
            done = session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.state == "done")) or 0
        if done >= count:
            return
        if time.monotonic() > until:
            raise SystemExit(f"bench: {done} of {count} jobs are done after {PATIENCE_SECONDS:g} s")
        time.sleep(0.05)


def graded(installed: Installation, name: str, uploads: Iterator[bytes], count: int) -> float:
    """Submissions a minute, all slots together."""
    browser = Browser(installed.address)
    browser.sign_in("bench", PASSWORD)
    for warm, number in ((True, SLOTS), (False, count)):
        numbers = [int(browser.hand_in(name, next(uploads)).rsplit("/", 1)[1]) for _ in range(number)]
        with installed.database.read() as session:
            before = session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.id < min(numbers))) or 0
        wait_until_done(installed.database, before + number)
        if warm:
            continue
        with installed.database.read() as session:
            query = sa.select(Job.claimed_at, Job.finished_at).where(Job.submission_id.in_(numbers))
            times = session.execute(query).all()
    return 60 * count / (max(finished for _, finished in times) - min(claimed for claimed, _ in times))


def measure_way(way: str, course: Course, names: Sequence[str], submissions: int) -> dict[str, object]:
    """All figures of one way of working."""
    console = Console(stderr=True, highlight=False)
    found: dict[str, object] = {}
    hosts = 1 if way in BROKERS else 0
    with Installation(way, REPOSITORY, slots=SLOTS, hosts=hosts) as installed:
        installed.make_accounts(["bench"])
        for name in names:
            if console.is_terminal:
                console.print(f"{NAMES[way]}: {name}")
            found[name] = graded(installed, name, references(course[name]), submissions)
        settings = installed.settings
        for process in list(installed.processes):
            installed.stop(process)
        if console.is_terminal:
            console.print(f"{NAMES[way]}: empty jobs")
        fresh = Settings(**{**settings.__dict__, "home": settings.home.with_name("bench"), "database": new(installed)})
        found["empty"], found["heard"] = empty_jobs(fresh, EMPTY_JOBS, HEARD)
    return found


def new(installed: Installation) -> str:
    """Another database on the same server."""
    server: Server | None = installed.servers.get("postgresql")
    return server.create("bench") if server else ""  # type: ignore[attr-defined]


def table_of(found: dict[str, dict[str, object]], names: Sequence[str]) -> list[Sequence[str]]:
    base = found["sqlite"]
    rows: list[Sequence[str]] = []
    for way, figures in found.items():
        rate, first = figures["empty"], base["empty"]
        assert isinstance(rate, float)
        assert isinstance(first, float)
        rows.append((f"empty jobs: {NAMES[way]}", f"{rate:.0f} a second", ratio(rate, first)))
    for way, figures in found.items():
        waits = sorted(figures["heard"])  # type: ignore[call-overload]
        middle = f"{1000 * statistics.median(waits):.3g} ms"
        rows.append((f"heard: {NAMES[way]}", middle, f"{1000 * waits[0]:.2g} to {1000 * waits[-1]:.3g}"))
    for way, figures in found.items():
        if way != "sqlite" and names:
            rate, first = figures[names[0]], base[names[0]]
            assert isinstance(rate, float)
            assert isinstance(first, float)
            rows.append((f"{names[0]}: graded through {NAMES[way]}", f"{rate:.3g} a minute", ratio(rate, first)))
    for name in names:
        rate = base[name]
        assert isinstance(rate, float)
        rows.append(
            (f"{name}: graded by the service", f"{rate / SLOTS:.3g} a minute a core", f"{SLOTS} slots, embedded")
        )
    return rows


def ratio(rate: float, first: float) -> str:
    return f"{rate / first:.2f} times the embedded engine's"


def measure(rounds: int) -> Section:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: all that was started is ended in order
    course = Course(REPOSITORY)
    names = [one.name for one in course if one.manifest.device == "cpu"]
    found = {
        way: measure_way(way, course, names if way == "sqlite" else names[:1], rounds or SUBMISSIONS) for way in WAYS
    }
    return Section("make bench ARGS=jobs", ("what", "figure", "range, or ratio"), table_of(found, names))


def celery_worker() -> None:
    """The main function of a Celery worker whose slots are empty ones."""
    from grader_service.workers import celery_worker, supervisor

    ours = supervisor.environment_of_ours
    supervisor.environment_of_ours = lambda: {**ours(), "PYTHONPATH": os.environ["PYTHONPATH"]}
    celery_worker.main("bench.jobs")


if __name__ == "__main__":  # slots in processes of their own, or a Celery worker that starts such slots
    celery_worker() if os.environ.get(KIND) == "celery" else slot()
