"""Counts and times of the requests of this web process, since its start.

A request is known by its route and not by its address: addresses are without number, and may be one-time links. What
has no route is one class of its own, and so are methods that HTTP does not define.
"""

from __future__ import annotations

import time

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

from grader_service.web.request_log import QUIET
from grader_service.web.server import WAITED

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NAME = "request_metrics"  # in the application's extensions


class RequestMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.requests = Counter(
            "deepgrade_requests",
            "Answered requests, without health checks, metrics and static files",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "deepgrade_request_seconds",
            "From the last byte of a request to its answer; waiting for a thread is in it",
            ["route"],
            buckets=BOUNDS,
            registry=self.registry,
        )


def install(app: Flask) -> None:
    """Before all else that looks at requests: what refuses a request is counted too."""
    app.extensions[NAME] = RequestMetrics()
    app.before_request(_begin)
    app.after_request(_count)


def registry() -> CollectorRegistry:
    metrics: RequestMetrics = current_app.extensions[NAME]
    return metrics.registry


def _begin() -> None:
    g.measured_since = time.perf_counter() - request.environ.get(WAITED, 0.0)


def _count(response: Response) -> Response:
    if request.endpoint in QUIET:
        return response
    metrics: RequestMetrics = current_app.extensions[NAME]
    route = request.url_rule.rule if request.url_rule is not None else "(no route)"
    method = request.method if request.method in METHODS else "other"
    metrics.requests.labels(method, route, str(response.status_code)).inc()
    metrics.seconds.labels(route).observe(time.perf_counter() - g.measured_since)
    return response
