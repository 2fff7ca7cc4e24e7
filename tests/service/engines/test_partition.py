"""Two worker hosts, each in a network of its own, and one is cut off: its job is graded by the other, and once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from installation import Installation
from servers import Missing, PostgreSQL, Redis

from grader_service.database.models import Host as HostRow
from grader_service.database.models import Job, Result

from ..conftest import COURSE, RIGHT, zip_of
from ..support.processes import SLOW, Client, wait_for
from .network import Host, Network

LEASE_SECONDS = 3

HOLD = """
import sys, time
from grader_service.database.session import Database, one_at_a_time
from grader_service.core.settings import Settings
with Database(Settings.from_environment()).write() as session:
    one_at_a_time(session, "claim")
    print("held", flush=True)
    time.sleep(600)
"""


@dataclass
class Two:
    """A service, and the cables of its two hosts."""

    service: Installation
    left: Host
    right: Host

    def start(self, name: str) -> None:
        cable: Host = getattr(self, name)
        self.service.start(name, prefix=cable.command())
        wait_for(lambda: self.well(name))

    def well(self, name: str) -> bool:
        with self.service.database.read() as session:
            host = session.get(HostRow, name)
            return host is not None and bool(host.well)

    def job(self, number: int) -> Job:
        with self.service.database.read() as session:
            return session.scalars(sa.select(Job).where(Job.submission_id == number)).one()

    def results(self, number: int) -> list[int]:
        """The reports that are stored, by their ids."""
        with self.service.database.read() as session:
            query = sa.select(Result.id).where(Result.submission_id == number)
            return list(session.scalars(query))

    def says(self, name: str, words: str) -> bool:
        return words in self.service.log(name).read_text()


@pytest.fixture
def cables() -> Iterator[tuple[Network, Host, Host]]:
    with ExitStack() as stack:
        try:
            network = stack.enter_context(Network())
            left, right = network.host(), network.host()
        except Missing as error:
            pytest.skip(f"no network namespace can be made here: {error}")
        yield network, left, right


@pytest.fixture
def two(cables: tuple[Network, Host, Host]) -> Iterator[Two]:
    network, left, right = cables
    with PostgreSQL(network.address) as postgresql, Redis(network.address) as redis:
        servers = {"postgresql": postgresql, "redis": redis}
        with Installation("redis", COURSE, hosts=0, slots=1, lease_seconds=LEASE_SECONDS, servers=servers) as service:
            service.make_accounts(["ada"])
            yield Two(service, left, right)


@pytest.mark.threat(37)
def test_a_host_that_is_cut_off_loses_its_job_to_the_other_and_its_late_result_is_refused(two: Two):
    two.start("left")
    ada = Client(two.service.address, "ada")
    number = ada.hand_in(zip_of(SLOW))
    wait_for(lambda: two.job(number).tests_done > 0)
    assert two.job(number).host == "left"
    two.left.cut()
    two.start("right")
    report = ada.report(number)
    assert report["points"] == 5
    job = two.job(number)
    assert (job.host, job.attempt, job.workers_lost, job.late_refused) == ("right", 2, 1, 0)

    wait_for(lambda: two.says("left", "results wait"))
    two.left.heal()
    wait_for(lambda: two.job(number).late_refused == 1)
    wait_for(lambda: two.says("left", "a late result is dropped"))  # it says so after it has heard it
    assert len(two.results(number)) == 1
    assert ada.report(number) == report
    page = ada.get(f"/submissions/{number}")[1].decode()
    assert "The machine that graded it was lost, and another took it over." in page
    assert "A late result was refused. Only one grading counts." in page

    two.service.kill("right")
    again = ada.hand_in(zip_of(RIGHT))
    assert ada.report(again)["points"] == 5
    assert two.job(again).host == "left", "it is one of the hosts again"


def test_a_host_that_is_cut_off_while_it_claims_does_not_stop_the_others(two: Two):
    two.start("right")
    settings = two.service.settings
    holder = subprocess.Popen(
        two.left.command(sys.executable, "-c", HOLD),
        env=settings.to_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        two.left.cut()
        ada = Client(two.service.address, "ada")
        assert ada.report(ada.hand_in(zip_of(RIGHT)))["points"] == 5
    finally:
        holder.kill()
        holder.communicate()
