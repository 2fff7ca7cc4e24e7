"""Requests have names, which answers carry as X-Request-Id and lines of the log too; with json each request is a line.

A line tells the route and not the address, which may be a one-time link, and of a person the number alone.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

from flask import Flask, Response, g, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from grader_service.core.logs import request_name
from grader_service.core.settings import Settings

QUIET = ("static", "health.alive", "health.ready", "metrics.metrics")  # asked all the time, by machines

log = logging.getLogger("deepgrade.request")


def install(app: Flask, settings: Settings) -> None:
    """Before all else that looks at requests: an answer of theirs has its name too."""
    app.before_request(_begin)
    app.after_request(_tell if settings.log == "json" else _name)
    app.teardown_request(_end)
    app.log_exception = _failed  # type: ignore[method-assign]  # Flask's own tells the address


def _begin() -> None:
    g.begun = time.perf_counter()
    g.request_name = secrets.token_hex(8)
    request_name.set(g.request_name)


def _name(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_name
    return response


def _tell(response: Response) -> Response:
    if request.endpoint not in QUIET:
        facts = {
            "method": request.method,
            "route": _route(),
            "status": response.status_code,
            "ms": round(1000 * (time.perf_counter() - g.begun), 1),
            "person": _person(),
            "address": request.remote_addr,
        }
        log.info("%s %s %d", request.method, _route(), response.status_code, extra=facts)
    return _name(response)


def _end(error: BaseException | None) -> None:
    request_name.set("")


def _failed(exc_info: Any) -> None:
    logging.getLogger("deepgrade.web").error("%s %s failed", request.method, _route(), exc_info=exc_info)


def _route() -> str:
    return request.url_rule.rule if request.url_rule is not None else "(no route)"


def _person() -> int | None:
    try:
        person = getattr(current_user, "person", None)
        return person.id if person is not None else None
    except SQLAlchemyError:
        return None
