"""Celery over real brokers: what Flower and remote control see, a dead broker, both shutdowns, and a lost lease."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import kombu.pools
import pytest
import sqlalchemy as sa
from chaos import COURSE, KINDS, Student, zipped
from installation import BROKERS, Installation
from servers import Server

from grader_service.database.models import Job, Result
from grader_service.queue import hosts

pytest.importorskip("celery", reason="celery is not installed")

PATIENCE_SECONDS = 240.0
SLOW = "import time\n" + KINDS["right"].replace("return 2", "time.sleep(1.0)\n    return 2")


def until(true: Callable[[], object]) -> None:
    late = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < late, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(params=sorted(BROKERS))
def installed(request: pytest.FixtureRequest) -> Iterator[Installation]:
    servers: dict[str, Server] = {name: request.getfixturevalue(name) for name in ("postgresql", request.param)}
    with Installation(request.param, COURSE, slots=2, hosts=1, servers=servers) as one:
        yield one
    if servers[request.param].process is None:
        servers[request.param].start()


def hand_in(installed: Installation, count: int, source: str = SLOW) -> list[int]:
    """From students of their own: a student's second job waits for the first."""
    with installed.database.read() as session:
        made = session.scalar(sa.select(sa.func.count()).select_from(Job)) or 0
    logins = [f"student{made + number}" for number in range(count)]
    installed.make_accounts(logins)
    numbers = []
    for login in logins:
        student = Student(installed.address)
        student.sign_in_for_sure(login)
        numbers.append(student.receipt_for(zipped(source, salt=login)))
    return numbers


def jobs(installed: Installation) -> list[Job]:
    with installed.database.read() as session:
        return list(session.scalars(sa.select(Job).order_by(Job.id)))


def running(installed: Installation, count: int) -> Callable[[], bool]:
    return lambda: sum(job.state == "running" for job in jobs(installed)) >= count


def all_done(installed: Installation) -> bool:
    return all(job.state == "done" for job in jobs(installed))


def results(installed: Installation) -> list[int]:
    with installed.database.read() as session:
        return sorted(session.scalars(sa.select(Result.submission_id)))


def remote_control(installed: Installation) -> Any:
    from grader_service.queue.notify.tickets import make_app

    kombu.pools.reset()  # connections to a broker that an earlier test has killed
    return make_app(installed.settings).control


def test_remote_control_sees_a_grading_and_its_slot(installed):
    control = remote_control(installed)
    until(lambda: set(control.inspect(timeout=2).ping() or {}) == {"cpu@host0", "cpu-long@host0"})
    pools = {name: stats["pool"] for name, stats in control.inspect(timeout=2).stats().items()}
    assert {name for pool in pools.values() for name in pool["slots"]} == {"host0:0", "host0:1"}
    numbers = hand_in(installed, 2)
    until(running(installed, 2))
    active = control.inspect(timeout=2).active()
    (task,) = [task for tasks in active.values() for task in tasks][:1]
    assert task["name"] == "deepgrade.ticket"
    assert task["args"] == ["cpu"], "a ticket says nothing of a student"
    assert task["worker_pid"] in [pid for pool in pools.values() for pid in pool["processes"]]
    until(lambda: all_done(installed))
    assert results(installed) == numbers


def test_a_dead_broker_stops_no_grading_and_new_uploads_are_graded_without_it(installed):
    hand_in(installed, 4)
    until(running(installed, 2))
    installed.kill(installed.way)
    late = hand_in(installed, 2)
    until(lambda: all_done(installed))
    assert {job.attempt for job in jobs(installed)} == {1}, "nothing is graded again"
    installed.start(installed.way)
    last = hand_in(installed, 1)
    until(lambda: all_done(installed))
    assert set(late + last) <= set(results(installed))
    assert len(results(installed)) == 7


def test_a_ticket_for_a_paused_queue_takes_no_job(installed):
    def tickets() -> int:
        stats = remote_control(installed).inspect(timeout=2).stats() or {}
        return sum(sum(one["total"].values()) for one in stats.values())

    with installed.database.write() as session:
        hosts.pause(session, "cpu")
    before = tickets()
    hand_in(installed, 1)
    until(lambda: tickets() > before)
    until(lambda: not any((remote_control(installed).inspect(timeout=2).active() or {"": [1]}).values()))
    assert [job.state for job in jobs(installed)] == ["queued"]
    with installed.database.write() as session:
        hosts.pause(session, "cpu", False)
    until(lambda: all_done(installed))


def test_a_warm_shutdown_finishes_what_runs_and_a_cold_one_returns_it(installed):
    hand_in(installed, 4)
    until(running(installed, 2))
    in_hand = [job.id for job in jobs(installed) if job.state == "running"]
    host = installed.processes.pop("host0")
    host.send_signal(signal.SIGTERM)
    assert host.wait(PATIENCE_SECONDS) == 0
    after = {job.id: job for job in jobs(installed)}
    assert {after[number].state for number in in_hand} == {"done"}
    assert {job.state for job in after.values() if job.id not in in_hand} <= {"queued", "done"}
    installed.start("host0")
    hand_in(installed, 2)
    until(running(installed, 1))
    host = installed.processes.pop("host0")
    host.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    host.send_signal(signal.SIGTERM)
    assert host.wait(PATIENCE_SECONDS) == 0
    assert all((job.workers_lost, job.faults) == (0, 0) for job in jobs(installed)), "nobody's fault"
    installed.start("host0")
    until(lambda: all_done(installed))
    assert len(results(installed)) == 6


def test_the_result_of_a_host_that_was_frozen_past_its_lease_is_refused(installed):
    (number,) = hand_in(installed, 1)
    until(running(installed, 1))
    frozen = [pid for kind in ("slot", "celery") for pid in installed.pids(kind)]
    for one in frozen:
        os.kill(one, signal.SIGSTOP)
    with installed.database.write() as session:
        session.execute(sa.update(Job).where(Job.submission_id == number).values(lease_until=0.0))
    until(lambda: jobs(installed)[0].state == "queued")
    with installed.database.write() as session:  # another host takes it
        session.execute(sa.update(Job).values(state="running", token="another", worker="elsewhere", lease_until=4e9))
    for one in frozen:
        os.kill(one, signal.SIGCONT)
    until(lambda: jobs(installed)[0].late_refused == 1)
    job = jobs(installed)[0]
    assert (job.state, job.token) == ("running", "another")
    assert results(installed) == []


def test_the_pool_shrinks_grows_and_ends_by_remote_control(installed):
    control = remote_control(installed)
    until(lambda: len(installed.pids("slot")) == 2)
    name = ["cpu-long@host0"]
    until(lambda: control.pool_shrink(1, destination=name, reply=True, timeout=5) and len(installed.pids("slot")) == 1)
    control.pool_grow(1, destination=name, reply=True, timeout=5)
    until(lambda: len(installed.pids("slot")) == 2)
    hand_in(installed, 2)
    until(running(installed, 2))
    remote_control(installed).shutdown()  # the other connection may have ended meanwhile: it sends no heartbeats
    host = installed.processes.pop("host0")
    assert host.wait(PATIENCE_SECONDS) == 0
    assert all_done(installed)
