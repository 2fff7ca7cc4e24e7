"""The log of the service's processes on standard error: text or, with DEEPGRADE_LOG=json, one JSON object a line.

    {"time": "2026-10-01T12:00:00.000+00:00", "level": "WARNING", "logger": "deepgrade.worker", "process": "cpu-1:0",
     "message": "submission 7: fault of the grader: ...", "request": "9f3c..."}

With json each request is a line too. It has the route and not the address, since an address may be a one-time link. No
line has a password, a token or a secret: known secrets are removed from all lines, also from tracebacks, and so is text
that looks like one.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, TextIO

import sqlalchemy as sa
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy.exc import ArgumentError

from grader_service.core.settings import Settings
from grader_service.core.variables import SECRETS

STRUCK_OUT = "***"
LEAST = 6  # characters of a known secret: a shorter one would be found in the middle of words
SHAPES = (
    re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+(?=@)"),  # scheme://user:password@host
    re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"\b(dg)_[A-Za-z0-9_-]{20,}"),  # tokens
    re.compile(r"(/link|/continue)/[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(eyJ)[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),  # signed messages
    re.compile(r"(?i)\b(password|passwd|secret|token|api[_-]?key)\b[\"']?\s*[=:]\s*[\"']?[^\s\"'&,;)}]{4,}"),
)

request_name: ContextVar[str] = ContextVar("request_name", default="")  # of the current request


class Redaction:
    """Replaces the secrets in a line."""

    def __init__(self, known: set[str]) -> None:
        longest_first = sorted((one for one in known if len(one) >= LEAST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, line: str) -> str:
        if self._known is not None:
            line = self._known.sub(STRUCK_OUT, line)
        for shape in SHAPES:
            line = shape.sub(lambda match: f"{match.group(1)}:{STRUCK_OUT}", line)
        return line


def known_secrets(settings: Settings, environment: Mapping[str, str]) -> set[str]:
    """The secrets of the environment, and the passwords in addresses."""
    values = {environment.get(name, "") for name in SECRETS}
    values |= {settings.metrics_token, settings.admin_password or "", settings.database, settings.broker}
    known = set()
    for value in values:
        try:
            url = sa.make_url(value)
        except (ArgumentError, ValueError):
            known.add(value)
        else:  # an address is not a secret, and it names the server
            known.add(str(url.password or ""))
    return known


class _Text(logging.Formatter):
    def __init__(self, redact: Redaction) -> None:
        super().__init__("%(asctime)s %(name)s: %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


class _Json(JsonFormatter):
    def __init__(self, redact: Redaction, process: str) -> None:
        names = {"levelname": "level", "name": "logger"}
        super().__init__("%(levelname)s %(name)s %(message)s", rename_fields=names, timestamp="time")
        self._redact = redact
        self._process = process

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data["process"] = self._process
        if name := request_name.get():
            log_data["request"] = name

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        # Before quoting: JSON may change the characters of a secret.
        return {name: self._redact(value) if isinstance(value, str) else value for name, value in log_data.items()}


class _Stderr(logging.StreamHandler[TextIO]):
    """The standard error at the time of each line."""

    stream = property(lambda self: sys.stderr, lambda self, value: None)


def configure(settings: Settings, process: str, environment: Mapping[str, str], level: int = logging.INFO) -> None:
    """Call it once in a process. `process` is the name of the process in the lines."""
    redact = Redaction(known_secrets(settings, environment))
    handler = _Stderr()
    handler.setFormatter(_Json(redact, process) if settings.log == "json" else _Text(redact))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for loud in ("alembic", "urllib3", "fsspec", "botocore", "celery", "kombu", "amqp"):
        logging.getLogger(loud).setLevel(logging.WARNING)
