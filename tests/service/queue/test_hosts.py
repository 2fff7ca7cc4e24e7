"""Hosts: which of them get jobs, and what is seen of them."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest
from sqlalchemy.exc import OperationalError

from autograder.core.errors import DeepgradeError
from autograder.course.course import Course
from grader_service.core import secrets
from grader_service.core.course_version import Version
from grader_service.database.models import Submission
from grader_service.grade_worker import work
from grader_service.queue import enqueue, hosts, leases, recovery
from grader_service.queue.leases import Slot
from grader_service.workers.agent import HostAgent, examine, named
from grader_service.workers.slots import Plan, plan

from ..conftest import COURSE, zip_of
from ..support.rows import FACTS, REPORT


@pytest.fixture
def take(do):
    return lambda **more: do(leases.claim, Slot("one:0", ("cpu",), host="one", **more), lease_seconds=45)


@pytest.fixture
def number(user) -> int:
    return user("ada").handed_in()


@pytest.mark.threat(45)
def test_a_host_whose_sandbox_does_not_hold_gets_nothing_and_says_why(number, do, take, user):
    do(hosts.beat, dataclasses.replace(FACTS, well=False, trouble="network: a <b>connection</b>"))
    assert take() is None
    page = user("eve", role="staff").get("/staff/queue").text
    assert "sandbox not secure" in page
    assert "one grades nothing: network: a &lt;b&gt;connection&lt;/b&gt;" in page
    do(hosts.beat, FACTS)
    assert take() is not None


def test_a_host_tries_its_own_sandbox_and_says_what_does_not_hold(monkeypatch, tmp_path):
    assert examine() == (True, "")
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap there
    well, trouble = examine()
    assert not well
    assert "sandbox starts: " in trouble
    assert "bubblewrap" in trouble


def test_a_host_that_has_not_tried_its_sandbox_yet_waits(number, do, take):
    do(hosts.beat, dataclasses.replace(FACTS, well=None))
    assert take() is None


@pytest.mark.parametrize("name", ["one", "cpu"])
def test_staff_pause_a_host_or_a_queue_and_let_it_go_on(name, number, do, take, user):
    do(hosts.beat, FACTS)
    eve = user("eve", role="staff")
    answer = eve.post("/staff/queue/pause", {"name": name, "paused": "1"}, form_at="/")
    assert answer.status_code == 303
    assert f"Paused {name}." in eve.get("/staff/queue").text
    assert take() is None
    do(hosts.beat, FACTS)
    assert take() is None, "what a host says does not unpause it"
    eve.post("/staff/queue/pause", {"name": name, "paused": "0"}, form_at="/")
    assert take() is not None


def test_what_is_no_queue_and_no_host_cannot_be_paused(user):
    eve = user("eve", role="staff")
    eve.post("/staff/queue/pause", {"name": "tpu", "paused": "1"}, form_at="/")
    assert "&#39;tpu&#39; is not a queue or a host; choose one of cpu, cpu-long, gpu" in eve.get("/staff/queue").text


@pytest.mark.threat(41)
def test_a_host_with_another_version_does_not_take_the_job(number, app, database, do, take, user):
    do(hosts.beat, FACTS)
    assert take(course="another") is None
    assert (
        "1 job for a version of the course that no open host has" in user("eve", role="staff").get("/staff/queue").text
    )
    assert take(course=app.extensions["services"].version.now()) is not None


def test_when_the_course_changes_what_waits_follows(number, database, do, take):
    do(enqueue.retarget, "new")
    assert take(course="new") is not None
    do(enqueue.retarget, "newer")
    with database.read() as session:
        assert session.get_one(Submission, number).job.course == "new", "what runs finds out by itself"


def test_the_version_is_of_contents_and_of_the_secret(settings, tmp_path):
    mine = Version(settings, Course(COURSE)).now()
    other = Version(dataclasses.replace(settings, home=tmp_path / "other"), Course(COURSE)).now()
    assert mine.split("-")[0] == other.split("-")[0]
    assert mine != other, "another secret draws other examples"


def test_a_queue_that_waits_and_nobody_serves_is_shown(number, do, user):
    eve = user("eve", role="staff")
    assert "no open host serves this queue" in eve.get("/staff/queue").text
    do(hosts.beat, FACTS)
    assert "no open host serves this queue" not in eve.get("/staff/queue").text


def test_hosts_are_seen_as_they_are(do, database):
    do(hosts.beat, FACTS)
    do(hosts.beat, dataclasses.replace(FACTS, name="two", course="w", well=None))
    do(hosts.beat, dataclasses.replace(FACTS, name="three"))
    do(hosts.leave, "three", "another instance")
    do(hosts.leave, "three", "i")
    with database.read() as session:
        seen = hosts.all_of_them(session)
    assert [(one.host.name, one.state) for one in seen] == [("one", "open"), ("three", "silent"), ("two", "checking")]
    assert hosts.courses(seen) == ["v"]


def test_two_slots_keep_one_for_short_jobs_and_one_looks_at_long_ones_first():
    assert plan("h", enqueue.QUEUES, 3, ()) == [
        Plan("h:0", ("cpu",)),
        Plan("h:1", ("cpu", "cpu-long", "gpu")),
        Plan("h:2", ("cpu-long", "gpu", "cpu")),
    ]


def test_one_slot_does_all_short_ones_first():
    assert plan("h", enqueue.QUEUES, 1, ()) == [Plan("h:0", ("cpu", "cpu-long", "gpu"))]


def test_each_gpu_has_a_slot_of_its_own_that_does_nothing_else():
    assert plan("h", ("cpu", "gpu"), 1, ("0", "3")) == [
        Plan("h:0", ("cpu",)),
        Plan("h:gpu0", ("gpu",), "0"),
        Plan("h:gpu3", ("gpu",), "3"),
    ]
    assert plan("h", ("gpu",), 8, ("0",)) == [Plan("h:gpu0", ("gpu",), "0")]


def test_a_host_that_comes_back_takes_back_what_it_had(number, settings, database, do, take):
    do(hosts.beat, FACTS)
    assert take() is not None
    do(hosts.leave, "one", "i")
    with named(settings, database, "one"):
        assert do(recovery.sweep) == 1


def test_two_hosts_of_one_name_on_a_machine_are_one_too_many(settings, database):
    with named(settings, database, "one"), pytest.raises(DeepgradeError, match="already running"):  # noqa: SIM117
        with named(settings, database, "one"):
            pass


def test_a_name_that_another_machine_has_is_refused(settings, database, do):
    stop = threading.Event()

    def speak() -> None:
        while not stop.wait(0.2):
            do(hosts.beat, FACTS)

    do(hosts.beat, FACTS)
    agent = threading.Thread(target=speak)
    agent.start()
    try:
        with pytest.raises(DeepgradeError, match=r"another machine .* --name"), named(settings, database, "one"):
            pass
    finally:
        stop.set()
        agent.join()


def test_a_host_that_was_killed_need_not_wait_to_be_itself_again(settings, database, do, monkeypatch):
    with named(settings, database, "one") as instance:
        do(hosts.beat, dataclasses.replace(FACTS, instance=instance))

    def wait(seconds: float) -> None:
        pytest.fail("the name's lock says that the other is dead")

    monkeypatch.setattr(time, "sleep", wait)
    with named(settings, database, "one"):
        pass


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"queues": ["tpu"]}, "'tpu' is not a queue; choose one of cpu, cpu-long, gpu"),
        ({"queues": ["gpu"], "gpus": []}, "has no visible GPU"),
        ({"slots": 0, "gpus": []}, "this host would grade nothing"),
        ({"name": "a b"}, "'a b' is not a valid host name"),
    ],
)
def test_a_worker_that_cannot_be_says_why(settings, given, sentence):
    with pytest.raises(DeepgradeError, match=sentence):
        work(settings=settings, **given)


def test_a_worker_on_a_database_of_another_version_says_what_to_do(settings):
    secrets.course_secret(settings)  # else that is what it says first
    with pytest.raises(DeepgradeError, match="start `deepgrade serve` of the same deepgrade version first"):
        work(slots=1, settings=settings)


def test_the_page_tells_that_a_job_was_taken_over_and_a_late_result_refused(number, user, do, take, claim, graded):
    late = claim(lease_seconds=-1)
    do(recovery.sweep)
    ada = user()
    ada.sign_in("ada")
    assert "The machine that graded it was lost." in ada.get(f"/submissions/{number}").text
    graded(REPORT)
    assert not do(leases.finish, late, REPORT, {})
    page = " ".join(ada.get(f"/submissions/{number}").text.split())
    assert "The machine that graded it was lost, and another took it over." in page
    assert "A late result was refused. Only one grading counts." in page
    assert "This is attempt 2." in page
    assert "A late result" not in ada.get(f"/submissions/{ada.handed_in(zip_of('x = 1'))}").text


def test_a_database_that_fails_while_a_host_begins_is_one_sentence(settings, database, monkeypatch):
    """It was there a moment ago, and may be gone in the seconds that the host waits to hear of another of its name."""

    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, ConnectionError("the server closed the connection"))

    monkeypatch.setattr(hosts, "heard", gone)
    with pytest.raises(DeepgradeError, match="cannot be used"), named(settings, database, "one"):
        pass
    monkeypatch.setattr(hosts, "beat", gone)
    agent = HostAgent(settings, "one", "i", [Plan("one:0", ("cpu",))], leads=False)
    with pytest.raises(DeepgradeError, match="cannot be used"):
        agent.begin()
    assert not agent.is_alive()
