"""The whole story of a submission, the same on every engine: handed in over HTTP, graded, and read on its page."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from installation import BROKERS, WAYS, Installation
from servers import Server

from grader_service.database.models import Result

from ..conftest import COURSE, RIGHT, WRONG, zip_of
from ..support.processes import Client


@pytest.fixture(scope="module", params=WAYS)
def service(request: pytest.FixtureRequest) -> Iterator[Installation]:
    servers: dict[str, Server] = {}
    if request.param != "sqlite":
        servers["postgresql"] = request.getfixturevalue("postgresql")
    if request.param in BROKERS:
        servers[request.param] = request.getfixturevalue(request.param)
    with Installation(request.param, COURSE, slots=1, hosts=1, servers=servers) as service:
        service.make_accounts(["ada"])
        service.make_accounts(["eve"], role="staff")
        yield service


def test_it_is_handed_in_graded_and_read(service: Installation):
    ada, eve = Client(service.address, "ada"), Client(service.address, "eve")
    data = zip_of(RIGHT)
    right, wrong = ada.hand_in(data), ada.hand_in(zip_of(WRONG))
    report = ada.report(right)
    assert (report["state"], report["points"], report["possible"]) == ("graded", 5, 5)
    report = ada.report(wrong)
    failed = {test["name"] for test in report["tests"] if test["verdict"] != "passed"}
    assert failed == {"test_double_of_three", "test_double_of_five", "test_double_of_minus_one"}
    page = ada.get(f"/submissions/{wrong}")[1].decode()
    assert f"{report['points']:g} / 5" in page
    picture = re.search(r'<img src="([^"]+)"', page)
    assert picture is not None
    assert ada.get(picture.group(1))[1].startswith(b"\x89PNG")
    assert ada.get(f"/submissions/{right}/upload.zip")[1] == data

    with service.database.read() as session:
        assert sorted(session.scalars(sa.select(Result.submission_id))) == [right, wrong]
    queue = eve.get("/staff/queue")[1].decode()
    for host in service.hosts:
        assert host in queue
    with urllib.request.urlopen(f"{service.address}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    assert 'deepgrade_jobs{state="done"} 2.0' in metrics
    assert "deepgrade_claims_total 2.0" in metrics


def test_what_is_told_to_stop_ends_in_order_and_nothing_is_left(service: Installation):
    """The last test of this installation: it is gone afterwards."""
    names = list(service.processes)
    assert [service.stop(name) for name in names] == [0] * len(names)
