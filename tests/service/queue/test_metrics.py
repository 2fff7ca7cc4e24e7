"""Numbers for Prometheus: what they say, and who may read them."""

from __future__ import annotations

import dataclasses

import pytest
from prometheus_client.parser import text_string_to_metric_families

from grader_service.queue import hosts, leases, recovery
from grader_service.web.app import create_app

from ..conftest import User
from ..support.rows import FACTS


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
