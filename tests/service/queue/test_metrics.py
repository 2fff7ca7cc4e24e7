"""Numbers for Prometheus: what they say, and who may read them."""

from __future__ import annotations

import dataclasses
import os

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from grader_service.database.models import Job
from grader_service.queue import hosts, leases, recovery
from grader_service.web.app import create_app
from grader_service.web.server import WAITED

from ..conftest import User
from ..support.rows import FACTS, REPORT


def numbers(text: str) -> dict[str, float]:
    """`name` or `name label`, and its value."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_they_count_what_is_there(user, database, claim):
    ada = user("ada", name="Ada Lovelace")
    for _ in range(3):
        ada.handed_in()
    late = claim(lease_seconds=-1)
    with database.write() as session:
        recovery.sweep(session)
        leases.turn_away(session, late)
        hosts.beat(session, FACTS)
        hosts.beat(session, dataclasses.replace(FACTS, name="two", well=False))
        hosts.pause(session, "gpu")
    claim()
    answer = user().get("/metrics")
    found = numbers(answer.text)
    assert found["deepgrade_queue_waiting cpu"] == 2
    assert found["deepgrade_queue_running cpu"] == 1
    assert 0 <= found["deepgrade_queue_oldest_seconds cpu"] < 120
    assert (found["deepgrade_queue_hosts cpu"], found["deepgrade_queue_hosts gpu"]) == (1, 0)
    assert (found["deepgrade_queue_paused cpu"], found["deepgrade_queue_paused gpu"]) == (0, 1)
    assert (found["deepgrade_jobs queued"], found["deepgrade_jobs done"]) == (2, 0)
    assert (found["deepgrade_claims_total"], found["deepgrade_workers_lost_total"]) == (2, 1)
    assert found["deepgrade_late_refused_total"] == 1
    assert (found["deepgrade_host_open one"], found["deepgrade_host_open two"]) == (1, 0)
    assert (found["deepgrade_host_well two"], found["deepgrade_host_up two"]) == (0, 1)
    assert "ada" not in answer.text.casefold(), "nobody's name"


@pytest.mark.parametrize(
    "address, headers, status",
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.1", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, 403),
    ],
)
def test_without_a_token_this_machine_alone_reads_them_and_nobody_through_a_proxy(user, address, headers, status):
    answer = user().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


@pytest.mark.parametrize("given, status", [("Bearer right", 200), ("Bearer wrong", 403), ("", 403)])
def test_with_a_token_who_has_it_reads_them_from_anywhere(settings, given, status):
    app = create_app(dataclasses.replace(settings, metrics_token="right"))
    answer = User(app.test_client()).get(
        "/metrics", headers={"Authorization": given}, environ_base={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert answer.status_code == status
    app.extensions["services"].database.close()


def test_times_of_waiting_and_grading_are_histograms_by_queue(user, database, graded):
    ada = user("ada")
    for seconds in (0.5, 4.0, 100.0):
        number = ada.handed_in()
        assert graded(REPORT)
        with database.write() as session:
            job = session.scalars(sa.select(Job).where(Job.submission_id == number)).one()
            job.claimed_at = job.queued_at + 3
            job.finished_at = job.claimed_at + seconds
    text = user().get("/metrics").text
    found = {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("queue") == "cpu"
    }
    assert [found["deepgrade_grading_seconds_bucket", le] for le in ("1.0", "5.0", "60.0", "120.0", "+Inf")] == [
        1,
        2,
        2,
        3,
        3,
    ]
    assert found["deepgrade_grading_seconds_sum", ""] == pytest.approx(104.5, abs=0.01)
    assert [found["deepgrade_waiting_seconds_bucket", le] for le in ("2.0", "5.0", "+Inf")] == [0, 3, 3]
    assert found["deepgrade_waiting_seconds_count", ""] == 3


def test_requests_are_counted_by_route_and_not_by_address(user):
    somebody = user("ada")
    for path in ("/submissions/7", "/submissions/8", "/made-up/one", "/made-up/two", "/healthz"):
        somebody.get(path)
    somebody.client.open("/submissions/7", method="HACK")
    text = user().get("/metrics").text
    found = {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "deepgrade_requests_total"
    }
    assert found["GET", "/submissions/<int:submission_id>", "404"] == 2
    assert found["GET", "(no route)", "404"] == 2
    assert not [labels for labels in found if "made-up" in str(labels) or "HACK" in labels or "/healthz" in labels]
    assert [labels for labels in found if labels[0] == "other"], "a made-up method makes no series of its own"
    seconds = numbers(text)["deepgrade_request_seconds_count (no route)"]
    assert seconds >= 2


def test_waiting_for_a_thread_is_part_of_a_request_s_time(user):
    user().get("/sign-in", environ_overrides={WAITED: 7.0})
    assert numbers(user().get("/metrics").text)["deepgrade_request_seconds_sum /sign-in"] >= 7.0


def test_the_disk_is_that_of_the_data_folder(user, settings):
    found = numbers(user().get("/metrics").text)
    disk = os.statvfs(settings.home)
    assert found["deepgrade_disk_size_bytes"] == disk.f_blocks * disk.f_frsize
    assert 0 < found["deepgrade_disk_free_bytes"] <= found["deepgrade_disk_size_bytes"]
    assert found["deepgrade_database_bytes"] >= (settings.home / "deepgrade.sqlite3").stat().st_size
