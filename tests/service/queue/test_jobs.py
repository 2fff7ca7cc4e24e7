"""Job rows: claimed once, finished once, never lost."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from grader_service.database.models import Job, Result
from grader_service.queue import leases, recovery

from ..support.rows import REPORT


@pytest.fixture
def number(user) -> int:
    """A submission that waits."""
    return user("ada").handed_in()


def job_of(database, number: int) -> Job:
    with database.read() as session:
        return session.scalars(sa.select(Job).where(Job.submission_id == number)).one()


def results(database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Result))


def test_a_job_is_claimed_by_one_worker(number, claim):
    assert claim() is not None
    assert claim() is None


def test_the_first_come_is_the_first_claimed(user, claim):
    ada = user("ada")
    numbers = [ada.handed_in() for _ in range(3)]
    assert [claim().submission_id for _ in range(3)] == numbers


@pytest.mark.threat(37)
def test_eight_workers_at_once_claim_every_job_once(user, database, claim):
    ada = user("ada")
    numbers = [ada.handed_in() for _ in range(12)]
    taken: list[int] = []

    def work() -> None:
        while (one := claim()) is not None:
            taken.append(one.submission_id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == numbers


def test_a_finished_job_has_one_report(number, database, claim, do):
    taken = claim()
    assert do(leases.finish, taken, REPORT, {})
    assert do(leases.finish, taken, REPORT, {}), "as when the first answer was lost"
    job = job_of(database, number)
    assert (job.state, job.late_refused) == ("done", 0)
    assert results(database) == 1


@pytest.mark.threat(37)
def test_an_expired_lease_goes_back_to_the_queue_and_its_late_result_is_dropped(number, database, claim, do):
    late = claim(lease_seconds=-1)
    assert do(recovery.sweep) == 1
    again = claim()
    assert again is not None
    assert again.token != late.token
    assert not do(leases.renew, late, 45)
    assert not do(leases.progress, late, done=1, total=2)
    assert not do(leases.fault, late, "late")
    assert not do(leases.release, late)
    assert not do(leases.finish, late, REPORT, {})
    assert results(database) == 0
    assert do(leases.finish, again, REPORT, {})
    assert results(database) == 1


def test_a_renewed_lease_is_not_swept(number, claim, do):
    taken = claim(lease_seconds=-1)
    assert do(leases.renew, taken, 45)
    assert do(recovery.sweep) == 0


@pytest.mark.threat(36)
def test_a_job_that_takes_down_three_workers_is_given_up_as_our_fault(number, user, database, do, claim):
    for _ in range(3):
        assert claim(lease_seconds=-1) is not None
        do(recovery.sweep)
    job = job_of(database, number)
    assert (job.state, job.workers_lost) == ("grader_error", 3)
    assert claim() is None
    assert results(database) == 0, "a grader error is not a zero"


def test_workers_that_are_known_to_be_dead_need_not_be_waited_for(number, do, claim):
    claim(worker="here:0")
    do(recovery.expire, worker="here:0")
    assert do(recovery.sweep) == 1


def test_other_workers_are_not_taken_for_dead(number, do, claim):
    claim(worker="here:10")
    do(recovery.expire, worker="here:1")
    do(recovery.expire, host="here")
    assert do(recovery.sweep) == 0, "it names no host"


def test_a_fault_of_ours_is_tried_three_times_after_a_pause(number, database, do, claim):
    for tries in range(3):
        taken = claim()
        assert taken is not None
        assert do(leases.fault, taken, "the sandbox vanished")
        assert claim() is None, "not at once"
        job = job_of(database, number)
        assert job.state == ("grader_error" if tries == 2 else "queued")
        do(lambda session: session.execute(sa.update(Job).values(not_before=0)))
    assert claim() is None
    assert job.message == "the sandbox vanished"


def test_a_released_job_is_nobody_s_fault(number, database, do, claim):
    do(leases.release, claim())
    job = job_of(database, number)
    assert (job.state, job.workers_lost, job.faults) == ("queued", 0, 0)


def test_staff_can_have_a_given_up_job_tried_again(number, user, database, do, claim):
    staff = user("eve", role="staff")
    path = f"/submissions/{number}/again"
    for _ in range(3):
        claim(lease_seconds=-1)
        do(recovery.sweep)
    page = staff.get(f"/submissions/{number}").text
    assert "the worker that graded it was lost" in page
    assert staff.post(path, form_at="/").status_code == 303
    assert job_of(database, number).state == "queued"


def test_only_what_was_given_up_can_be_tried_again(number, user, database, graded):
    graded(REPORT)
    user("eve", role="staff").post(f"/submissions/{number}/again", form_at="/")
    assert job_of(database, number).state == "done"


@pytest.mark.threat(20)
def test_a_student_hears_of_our_fault_without_its_words(number, user, do, claim):
    for _ in range(3):
        do(leases.fault, claim(), "secret words")
        do(lambda session: session.execute(sa.update(Job).values(not_before=0)))
    ada = user()
    ada.sign_in("ada")
    page = ada.get(f"/submissions/{number}").text
    assert "This is a fault of the service" in page
    assert "secret words" not in page
    answer = ada.get(f"/submissions/{number}/report.json").json
    assert answer["state"] == "grader_error"
    assert "secret words" not in answer["message"]
    assert ada.get(f"/submissions/{number}/progress").headers["HX-Refresh"] == "true"
