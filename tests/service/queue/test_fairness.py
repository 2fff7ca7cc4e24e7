"""Whose job is next: nobody waits for a flood, short ones not for long ones, and nothing is promised twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.course.manifest import Limits, Manifest, Problem
from autograder.report.schema import Report
from grader_service.accounts import accounts
from grader_service.database.models import Job, Person, Submission, Upload
from grader_service.grading import results
from grader_service.queue import enqueue, hosts, leases, monitor
from grader_service.queue.enqueue import BATCH, Needs
from grader_service.queue.leases import Claim, Slot
from grader_service.submissions import submissions

from ..conftest import PASSWORD

REPORT = Report("double", "Twice as much", "graded", points=3, possible=5)
LONG = Needs("cpu-long")


class Line:
    """People who hand in, and slots that take: without pages, by login."""

    def __init__(self, database) -> None:
        self.database = database
        self.names: dict[int, str] = {}

    def person(self, login: str) -> Person:
        with self.database.write() as session:
            return accounts.find(session, login) or accounts.create(session, login=login, password=PASSWORD)[0]

    def hand_in(self, login: str, count: int = 1, needs: Needs | None = None) -> list[int]:
        person, numbers = self.person(login), []
        for _ in range(count):
            with self.database.write() as session:
                made = submissions.accept(
                    session,
                    person,
                    accounts.first_course(session),
                    "double",
                    upload=Upload(sha256=login, data=b"zip", size=3),
                    filename="double.zip",
                    notes=[],
                    form_key=str(len(self.names)),
                    needs=needs or Needs(),
                )
            self.names[made.id] = login
            numbers.append(made.id)
        return numbers

    def take(self, slot: Slot | None = None) -> Claim | None:
        with self.database.write() as session:
            return leases.claim(session, slot or Slot("w", ("cpu",)), lease_seconds=45)

    def finish(self, claim: Claim) -> None:
        with self.database.write() as session:
            assert leases.finish(session, claim, REPORT, {})

    def order(self, slot: Slot | None = None) -> list[str]:
        """By whom is what is graded, one after the other, until nothing waits."""
        found = []
        while (claim := self.take(slot)) is not None:
            found.append(self.names[claim.submission_id])
            self.finish(claim)
        return found


@pytest.fixture
def line(database) -> Line:
    return Line(database)


def test_whoever_sends_many_has_his_second_after_everybody_s_first(line):
    line.hand_in("flood", 5)
    for login in ("ada", "ben", "cem"):
        line.hand_in(login)
    assert line.order() == ["flood", "ada", "ben", "cem", "flood", "flood", "flood", "flood"]


@pytest.mark.threat(39)
def test_whoever_comes_in_the_middle_of_a_flood_is_next(line):
    line.hand_in("flood", 6)
    for _ in range(3):
        line.finish(line.take())
    line.take()  # his fourth is being graded
    line.hand_in("ada", 2)
    assert line.order() == ["ada", "flood", "ada", "flood"]


def test_a_student_who_came_back_is_not_behind_for_what_is_done(line):
    line.hand_in("ada", 3)
    line.order()
    line.hand_in("ben", 2)
    line.hand_in("ada")
    assert line.order() == ["ben", "ada", "ben"]


def test_of_one_student_no_more_than_so_many_are_graded_at_a_time(line):
    line.hand_in("flood", 3)
    slot = Slot("w", ("cpu",), student_jobs=2)
    taken = [line.take(slot), line.take(slot)]
    assert None not in taken
    assert line.take(slot) is None
    line.hand_in("ada")
    claim = line.take(slot)
    assert claim is not None
    assert line.names[claim.submission_id] == "ada"
    line.finish(taken[0])
    assert line.take(slot) is not None


def test_a_regrade_waits_for_what_students_wait_for(line, database):
    numbers = line.hand_in("ada", 2) + line.hand_in("ben", 2)
    line.order()
    with database.write() as session:
        assert enqueue.enqueue_many(session, numbers, Needs(), batch="again") == 4
        assert enqueue.enqueue_many(session, numbers, Needs(), batch="again") == 0, "to repeat it is harmless"
    line.hand_in("cem")
    assert line.order() == ["cem", "ada", "ben", "ada", "ben"], "and it is fair itself"


def test_a_regrade_of_many_takes_them_in_at_once(line, database):
    person = line.person("ada")
    with database.write() as session:
        session.add(Upload(sha256="x", data=b"zip", size=3))
        session.flush()
        many = [
            Submission(
                course_assignment_id=1,
                person_id=person.id,
                filename="",
                sha256="x",
                notes=[],
                form_key=str(number),
                received_at=0.0,
            )
            for number in range(1200)
        ]
        session.add_all(many)
        session.flush()
        numbers = [one.id for one in many]
    with database.write() as session:
        assert enqueue.enqueue_many(session, numbers, Needs(memory_mb=7, course="v"), batch="again") == 1200
    with database.read() as session:
        job = session.query(Job).filter_by(submission_id=numbers[-1]).one()
        now = session.scalar(hosts.now())
    assert (job.state, job.batch, job.priority, job.memory_mb, job.course) == ("queued", "again", BATCH, 7, "v")
    assert abs(now - job.queued_at) < 60


def test_the_result_of_a_regrade_stands_beside_the_first(line, database):
    (number,) = line.hand_in("ada")
    line.order()
    with database.write() as session:
        enqueue.enqueue_many(session, [number], Needs(), batch="again")
    claim = line.take()
    assert claim is not None
    assert claim.batch == "again"
    line.finish(claim)
    with database.read() as session:
        kept = session.get_one(Submission, number)
        assert kept.job.batch == ""
        assert results.of(session, [number])[number].batch == "", "it counts when staff say so"


def test_a_slot_looks_at_its_first_queue_first_and_at_no_other(line):
    line.hand_in("ada", needs=LONG)
    line.hand_in("ben")
    assert line.take(Slot("w", ("gpu",))) is None
    first = line.take(Slot("w", ("cpu", "cpu-long")))
    assert first is not None
    assert line.names[first.submission_id] == "ben"
    assert line.take(Slot("w", ("cpu",))) is None, "a slot kept for short jobs takes no long one"
    assert line.take(Slot("w", ("cpu-long", "cpu"))) is not None


def test_a_host_promises_no_memory_twice(line):
    line.hand_in("ada", needs=Needs(memory_mb=600))
    line.hand_in("ben", needs=Needs(memory_mb=600))
    line.hand_in("cem", needs=Needs(memory_mb=300))
    here, there = (Slot("w", ("cpu",), host=name, memory_mb=1000) for name in ("here", "there"))
    taken = [line.take(here), line.take(here), line.take(here)]
    assert [line.names[one.submission_id] if one else None for one in taken] == ["ada", "cem", None]
    assert line.take(there) is not None


def test_a_job_that_wants_more_than_the_host_has_gets_it_alone(line):
    line.hand_in("ada", needs=Needs(memory_mb=5000))
    line.hand_in("ben", needs=Needs(memory_mb=1))
    slot = Slot("w", ("cpu",), host="here", memory_mb=1000)
    assert line.take(slot) is not None
    assert line.take(slot) is None


def manifest(**more) -> Manifest:
    return Manifest("T", 1, "t", ["t.py"], [], [Problem("p", "P", 1)], limits=Limits(memory_mb=77), **more)


@pytest.mark.parametrize(
    "made, queue",
    [
        (manifest(expected_seconds=60), "cpu"),
        (manifest(expected_seconds=61), "cpu-long"),
        (manifest(device="gpu", expected_seconds=1), "gpu"),
    ],
)
@pytest.mark.threat(39)
def test_the_manifest_decides_about_the_queue(made: Manifest, queue: str):
    assert enqueue.needs(made, long_seconds=60, course="v") == Needs(queue, 77, "v")


def test_the_place_is_how_many_go_before(line: Line, database, user: Callable):
    line.hand_in("flood", 4)
    (number,) = line.hand_in("ada")
    with database.read() as session:
        assert monitor.places(session, [session.get_one(Submission, number).job]) == {number: 2}
