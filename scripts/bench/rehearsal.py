"""The last hour of a deadline night, with the real queue, PostgreSQL, a broker and Celery workers.

    deadline_night.arrivals ── uploads of 5,000 students ──> rows of the database and tickets
    hosts (processes) ── agent, Celery worker, slots ──> claim, pause for the grading time, finish

The hour is made shorter by a factor, and so are the grading times. Their mean is the measured one of
docs/benchmarks.md, and they vary as in deadline_night.py. A grading is a pause, because this machine has fewer cores
than the hosts that it stands for. So the waits show what queue, database, broker and Celery add, and the processor time
of each kind of process shows what saturates first. Not in it: the web process (rows are written as intake writes them),
real networks, real gradings.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from deadline_night import GOAL, HOUR, OPEN, PAGE, arrivals, quantile, rates, simulate, span
from installation import BROKERS
from servers import PostgreSQL, below

from autograder.report.schema import Report
from bench.page import REPOSITORY
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.files import Files
from grader_service.database.models import Host, Job, Person, Submission
from grader_service.database.session import Database, db_now
from grader_service.queue import enqueue
from grader_service.queue.leases import Claim, Origin
from grader_service.queue.notify import engine_of
from grader_service.workers import worker
from grader_service.workers.slots import Plan, nodes
from grader_service.workers.worker import Worker

EMPTY = Report("softmax", "Softmax", "graded")
KIND = "REHEARSAL_KIND"  # variable: what a process of this module is
PATIENCE_SECONDS = 900.0
TICK = os.sysconf("SC_CLK_TCK")


class PausingSlot(Worker):
    """A slot that claims, keeps and finishes jobs as ever, and pauses in place of grading."""

    def _grade(self, claim: Claim, version: str) -> tuple[Report, Origin]:
        with self.database.read() as session:
            (name,) = session.execute(sa.select(Submission.filename).where(Submission.id == claim.submission_id)).one()
        time.sleep(float(name.removesuffix(".zip")))
        return EMPTY, Origin()


# --- processes ------------------------------------------------------------------------------------------------------


def run_slot() -> None:
    from autograder import grade

    grade.warm = lambda: None  # there is no sandbox to be kept warm
    worker.main(PausingSlot)


def run_celery() -> None:
    from grader_service.workers import celery_worker, supervisor

    ours = supervisor.environment_of_ours
    supervisor.environment_of_ours = lambda: {**ours(), "PYTHONPATH": os.environ["PYTHONPATH"]}
    celery_worker.main("bench.rehearsal")


def run_host(name: str, slots: int) -> None:
    from grader_service.workers.agent import HostAgent, named
    from grader_service.workers.supervisor import Child, Supervisor

    settings = Settings.from_environment()
    plans = [Plan(f"{name}:{number}", ("cpu",)) for number in range(slots)]
    (node,) = nodes(plans)
    supervisor = Supervisor(settings)
    variables = {KIND: "celery", "PYTHONPATH": os.environ["PYTHONPATH"]}

    def start() -> subprocess.Popen[bytes]:
        words = ("--host", name, "--node", node.to_json(), "--parent", str(os.getpid()))
        return supervisor.start_python("bench.rehearsal", *words, environment=variables)

    with closing(Database(settings)) as database, named(settings, database, name) as instance:
        agent = HostAgent(settings, name, instance, plans, leads=False)
        agent.found_well()

        def begin() -> None:
            agent.begin()
            supervisor.add(Child(f"cpu@{name}", start, warm=True))

        try:
            supervisor.run(begin)
        finally:
            agent.leave()


@contextmanager
def hosts(settings: Settings, folder: Path, count: int, slots: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    paths = os.pathsep.join(str(REPOSITORY / part) for part in (".", "scripts", "tests/support"))
    processes = []
    for number in range(count):
        name = f"host{number:02}"
        one = Settings(**{**settings.__dict__, "home": folder / name, "host": name})
        variables = {**os.environ, **one.to_environment(), KIND: "host", "PYTHONPATH": paths}
        words = ["setpriv", "--pdeathsig=KILL", sys.executable, "-m", "bench.rehearsal", name, str(slots)]
        processes.append(subprocess.Popen(words, env=variables, cwd=folder, start_new_session=True))
    try:
        yield processes
    finally:
        for process in processes:
            for pid in [process.pid, *below(process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in processes:
            process.wait()


def processor_seconds(pids: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Of all processes so far, by the kind of process."""
    return {kind: sum(map(_seconds, found)) for kind, found in pids.items()}


def kinds(servers: Mapping[str, int], host_pids: Sequence[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {kind: [pid, *below(pid)] for kind, pid in servers.items()}
    found |= {"agents": list(host_pids), "Celery workers": [], "slots": []}
    for pid in host_pids:
        for child in below(pid):
            words = _words(child)
            found["slots" if b"--pool" in words else "Celery workers"].append(child)
    return found


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


# --- the hour -------------------------------------------------------------------------------------------------------


def people(database: Database, count: int) -> tuple[int, list[int]]:
    """An assignment, and its students."""
    with database.write() as session:
        made = [
            Person(login=f"student{n}", name=f"Student {n}", password_hash="", session_id=f"{n}", created_at=db_now())
            for n in range(count)
        ]
        session.add_all(made)
        session.flush()
        chosen = courses.add(session, None, accounts.first_course(session), EMPTY.assignment)
        session.flush()
        return chosen.id, [one.id for one in made]


def hand_in(settings: Settings, database: Database, assignment: int, person: int, seconds: float, key: int) -> None:
    """Submission and job, as intake writes them: one transaction."""
    with database.write() as session:
        upload = session.merge(Files(settings).keep(b"no zip"))
        session.flush()
        submission = Submission(
            course_assignment_id=assignment,
            person_id=person,
            filename=f"{seconds:.4f}.zip",
            sha256=upload.sha256,
            notes=[],
            form_key=f"rehearsal {key}",
            received_at=db_now(),
        )
        session.add(submission)
        session.flush()
        enqueue.enqueue(session, submission, enqueue.Needs())


def rehearse(options: argparse.Namespace) -> dict[str, object]:
    rate = rates(PAGE.read_text(encoding="utf-8"))[options.assignment]
    cores = options.hosts * options.slots
    night = arrivals(rate, students=options.students, cores=cores, seed=options.seed)
    hour = [(at - (OPEN - HOUR), student, seconds) for at, student, seconds in night if at >= OPEN - HOUR]
    factor = HOUR / (60 * options.minutes)
    with (
        tempfile.TemporaryDirectory(prefix="deepgrade-rehearsal-") as name,
        PostgreSQL() as server,
        BROKERS[options.broker]() as broker,
    ):
        settings = Settings(
            home=Path(name) / "home",
            database=server.create("night"),
            course=REPOSITORY,
            engine="celery",
            broker=broker.url,
            workers=0,
        )
        with closing(Database(settings)) as database:
            database.upgrade()
            assignment, ids = people(database, options.students)
            with hosts(settings, Path(name), options.hosts, options.slots) as processes:
                roots = [process.pid for process in processes]
                wait_for_hosts(database, options.hosts)
                wait_for_slots(roots, cores)
                assert server.process is not None
                assert broker.process is not None
                servers = {"PostgreSQL": server.process.pid, options.broker: broker.process.pid}
                before = processor_seconds(kinds(servers, roots))
                began, late, longest = time.monotonic(), 0.0, 0
                engine = engine_of(settings)
                for key, (at, student, seconds) in enumerate(hour):
                    pause = began + at / factor - time.monotonic()
                    late = max(late, -pause)
                    time.sleep(max(0.0, pause))
                    hand_in(settings, database, assignment, ids[student], seconds / factor, key)
                    engine.ring("cpu")
                    if key % 50 == 0:
                        print(f"  {key} of {len(hour)} uploads", file=sys.stderr, flush=True)
                longest = wait_until_done(database, len(hour))
                took = time.monotonic() - began
                after = processor_seconds(kinds(servers, roots))
            with database.read() as session:
                rows = session.execute(sa.select(Job.finished_at - Job.queued_at, Job.attempt, Job.state)).all()
    waits = sorted(factor * wait for wait, _, _ in rows)
    ideal = simulate(options.assignment, rate, students=options.students, cores=cores, seed=options.seed)
    return {
        "hosts": options.hosts,
        "slots": cores,
        "broker": options.broker,
        "factor": factor,
        "uploads": len(hour),
        "done": sum(state == "done" for _, _, state in rows),
        "tried_again": sum(attempt > 1 for _, attempt, _ in rows),
        "median": quantile(waits, 0.5),
        "p95": quantile(waits, 0.95),
        "longest": waits[-1],
        "simulated": [ideal.median, ideal.p95, ideal.longest],
        "late_uploads_seconds": late,
        "left_at_the_end": longest,
        "seconds": took,
        "processor": {kind: after[kind] - before[kind] for kind in before},
    }


def wait_for_hosts(database: Database, count: int) -> None:
    _wait(database, sa.select(sa.func.count()).select_from(Host).where(Host.well.is_(True)), count)


def wait_for_slots(roots: Sequence[int], count: int) -> None:
    """All slots have been started, and have had time to import."""
    until = time.monotonic() + PATIENCE_SECONDS
    while sum(b"--pool" in _words(pid) for root in roots for pid in below(root)) < count:
        if time.monotonic() > until:
            raise SystemExit("rehearsal: the slots did not start")
        time.sleep(0.5)
    time.sleep(20)


def wait_until_done(database: Database, count: int) -> int:
    """Returns how many jobs were unfinished when the last upload came."""
    done = sa.select(sa.func.count()).select_from(Job).where(Job.state == "done")
    with database.read() as session:
        left = count - (session.scalar(done) or 0)
    _wait(database, done, count)
    return left


def _wait(database: Database, query: sa.Select[tuple[int]], count: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with database.read() as session:
            if (session.scalar(query) or 0) >= count:
                return
        if time.monotonic() > until:
            raise SystemExit(f"rehearsal: waited {PATIENCE_SECONDS:g} s in vain")
        time.sleep(0.2)


def main() -> int:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="make rehearsal", description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--students", type=int, default=5000)
    parser.add_argument("--hosts", type=int, default=20, help="each is an agent, a Celery worker and its slots (20)")
    parser.add_argument("--slots", type=int, default=1, help="of each host (1)")
    parser.add_argument("--assignment", default="autoencoder", help="whose grading time is taken (autoencoder)")
    parser.add_argument("--minutes", type=float, default=10.0, help="that the last hour is made to last (10)")
    parser.add_argument("--broker", choices=sorted(BROKERS), default="redis")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    if min(options.students, options.hosts, options.slots) < 1 or options.minutes <= 0:
        parser.error("--students, --hosts, --slots and --minutes must be above zero")
    found = rehearse(options)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    median, p95, longest = (span(float(found[key])) for key in ("median", "p95", "longest"))  # type: ignore[arg-type]
    simulated = ", ".join(map(span, found["simulated"]))  # type: ignore[call-overload]
    print(f"{found['uploads']} uploads, {found['done']} reports, {found['tried_again']} tried again")
    print(f"waits in the hour's own time: median {median}, 95 of 100 {p95}, longest {longest} (simulated: {simulated})")
    print(f"goal: 95 of 100 within {span(GOAL)}; the hour was {found['factor']:.1f} times shorter")
    for kind, seconds in found["processor"].items():  # type: ignore[attr-defined]
        print(f"  {kind}: {seconds:.0f} s of processor time, {1000 * seconds / len_of(found):.0f} ms an upload")
    return 0


def len_of(found: Mapping[str, object]) -> int:
    assert isinstance(found["uploads"], int)
    return found["uploads"]


if __name__ == "__main__":
    match os.environ.get(KIND):
        case "host":
            run_host(sys.argv[1], int(sys.argv[2]))
        case "celery":
            run_celery()
        case None if "--pool" in sys.argv:
            run_slot()
        case _:
            sys.exit(main())
