"""Numbers for Prometheus, read when it asks: the queue's from the database, the same ones that staff see; requests of
this web process since its start; the disk of the data folder. Nobody's name is among them.

Whoever sends DEEPGRADE_METRICS_TOKEN may read them. Without one this machine alone may, and nobody through a proxy.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Callable, Iterator

import sqlalchemy as sa
from flask import Blueprint, Response, abort, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from grader_service.database.session import sqlite_file
from grader_service.queue import hosts, monitor
from grader_service.web import permissions, request_metrics
from grader_service.web.pages import database, reading, settings

blueprint = Blueprint("metrics", __name__)

BOUNDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)  # seconds, of waiting and of grading
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


@blueprint.get("/metrics")
@permissions.anybody
def metrics() -> Response:
    if not _may_read():
        abort(403)
    registry = CollectorRegistry(auto_describe=False)
    for collector in (_Now(), _Disk()):
        registry.register(collector)
    text = generate_latest(registry) + generate_latest(request_metrics.registry())
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read() -> bool:
    if token := settings().metrics_token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


class _Now(Collector):
    def collect(self) -> Iterator[Metric]:
        session = reading()
        seen = hosts.all_of_them(session)
        lines = monitor.lines(session, hosts.courses(seen))
        totals = monitor.totals(session)

        def of_queues(name: str, words: str, value: Callable[[monitor.Line], float]) -> GaugeMetricFamily:
            family = GaugeMetricFamily(f"deepgrade_queue_{name}", words, labels=["queue"])
            for line in lines:
                family.add_metric([line.queue], value(line))
            return family

        yield of_queues("waiting", "Waiting jobs", lambda line: line.waiting)
        yield of_queues("waiting_batch", "Waiting jobs of regrades", lambda line: line.batch)
        yield of_queues("running", "Jobs that are being graded", lambda line: line.running)
        yield of_queues("oldest_seconds", "Age of the longest waiting job", lambda line: line.oldest_seconds)
        yield of_queues(
            "unservable", "Waiting jobs for a course version that no open host has", lambda line: line.elsewhere
        )
        served = [queue for one in seen if one.state == "open" for queue in one.host.queues.split(",")]
        yield of_queues("hosts", "Open hosts that serve the queue", lambda line: served.count(line.queue))
        yield of_queues("paused", "1 while staff have paused the queue", lambda line: line.paused)

        states = GaugeMetricFamily("deepgrade_jobs", "All jobs, by state", labels=["state"])
        for state, count in totals.states.items():
            states.add_metric([state], count)
        yield states
        for name, words, count in (
            ("claims", "Claims of jobs by workers", totals.claims),
            ("workers_lost", "Leases that expired because their worker was lost", totals.workers_lost),
            ("faults", "Gradings that failed because of a fault in the grader", totals.faults),
            ("late_refused", "Late results of lost workers that were refused", totals.late_refused),
        ):
            yield CounterMetricFamily(f"deepgrade_{name}", words, value=count)

        def of_hosts(name: str, words: str, value: Callable[[hosts.Seen], float]) -> GaugeMetricFamily:
            family = GaugeMetricFamily(f"deepgrade_host_{name}", words, labels=["host"])
            for one in seen:
                family.add_metric([one.host.name], value(one))
            return family

        yield of_hosts("up", "1 while the host reports", lambda one: one.state != "silent")
        yield of_hosts("open", "1 while the host takes jobs", lambda one: one.state == "open")
        yield of_hosts("well", "1 while the sandbox of the host is secure", lambda one: bool(one.host.well))
        yield of_hosts("slots", "Jobs that the host can grade at a time", lambda one: one.host.slots)
        yield of_hosts("running", "Jobs that the host is grading", lambda one: one.running)
        yield from self._times()

    def _times(self) -> Iterator[Metric]:
        words = {
            "waiting": "From the upload to the claim by the worker that graded it",
            "grading": "From the claim by the worker to the report",
        }
        rows = monitor.times(reading(), BOUNDS)
        for index, (name, documentation) in enumerate(words.items()):
            family = HistogramMetricFamily(f"deepgrade_{name}_seconds", documentation, labels=["queue"])
            for row in rows:
                bounds = [*map(str, BOUNDS), "+Inf"]
                counts = [*row.up_to[index], row.count]
                family.add_metric([row.queue], list(zip(bounds, counts, strict=True)), row.sums[index])
            yield family


class _Disk(Collector):
    def collect(self) -> Iterator[Metric]:
        try:
            disk = os.statvfs(settings().home)
        except OSError:
            return  # /readyz says that the folder does not exist
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        yield GaugeMetricFamily("deepgrade_disk_free_bytes", "Free space on the disk of DEEPGRADE_HOME", value=free)
        yield GaugeMetricFamily("deepgrade_disk_size_bytes", "Size of the disk of DEEPGRADE_HOME", value=size)
        yield GaugeMetricFamily("deepgrade_database_bytes", "Size of the database", value=_database_bytes())


def _database_bytes() -> int:
    url = database().engine.url
    if url.get_backend_name() == "postgresql":
        return int(reading().scalar(sa.select(sa.func.pg_database_size(sa.func.current_database()))) or 0)
    file = sqlite_file(url)
    return sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists())
