"""Logs are lines for people or JSON, and hold no secret."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader_service.core import logs
from grader_service.core.logs import Redaction, known_secrets
from grader_service.core.settings import Settings
from grader_service.web import permissions
from grader_service.web.app import create_app

from ..conftest import PASSWORD, User, hidden_fields

SECRET = "correct-horse-battery-staple"
ENVIRONMENT = {
    "DEEPGRADE_SECRET": "course-secret-0123456789",
    "DEEPGRADE_DATABASE": f"postgresql+psycopg://deepgrade:{SECRET}@db.internal/deepgrade",
    "DEEPGRADE_BROKER": "redis://:broker-password@db.internal:6379/0",
    "DEEPGRADE_METRICS_TOKEN": "metrics-token",
    "DEEPGRADE_ADMIN_PASSWORD": "admin-password",
}
WORDS = ("course-secret-0123456789", SECRET, "broker-password", "metrics-token", "admin-password")


@pytest.fixture
def said(capsys) -> Iterator[Callable[[], str]]:
    """What a process that was told how to says since this was last asked; the loggers are as before afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield lambda: capsys.readouterr().err
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def configured(tmp_path, how: str) -> Settings:
    settings = Settings.from_environment({**ENVIRONMENT, "DEEPGRADE_HOME": str(tmp_path), "DEEPGRADE_LOG": how})
    logs.configure(settings, "web", ENVIRONMENT)
    return settings


@pytest.mark.parametrize("how", ["text", "json"])
def test_no_secret_is_said_whoever_says_it(tmp_path, said, how):
    settings = configured(tmp_path, how)
    log = logging.getLogger("somebody")
    for word in (*WORDS, ENVIRONMENT["DEEPGRADE_DATABASE"]):
        log.warning("it is %s", word)
        log.warning("facts", extra={"fact": f"<{word}>"})
        try:
            raise ValueError(f"cannot use {word}")
        except ValueError:
            log.exception("failed")
    log.warning("%r", settings)
    text = said()
    assert text.count("***") >= 12
    for word in WORDS:
        assert word not in text


@pytest.mark.parametrize(
    "line, shown",
    [
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer:***"),
        ("redis://:hunter22@h", "redis://:***@h"),
        ("amqp://u:hunter22@h:5672//", "amqp://u:***@h:5672//"),
        ("password=hunter22&x=1", "password:***&x=1"),
        ('{"token": "hunter22"}', '{"token:***"}'),
        ("submission 7: the course has changed", "submission 7: the course has changed"),
        ("http://h:8000/submissions/7", "http://h:8000/submissions/7"),
    ],
)
def test_what_looks_like_a_secret_is_struck_out(line, shown):
    assert Redaction(set())(line) == shown


@given(secret=st.text(st.characters(codec="utf-8"), min_size=logs.LEAST), before=st.text(), after=st.text())
def test_a_known_secret_is_struck_out_wherever_it_stands(secret, before, after):
    shown = Redaction({secret})(before + secret + after)
    assert secret not in shown or secret in logs.STRUCK_OUT + before + after


def test_an_address_is_shown_and_its_password_is_not():
    known = known_secrets(Settings.from_environment({**ENVIRONMENT, "DEEPGRADE_HOME": "/x"}), ENVIRONMENT)
    assert "db.internal" in Redaction(known)(ENVIRONMENT["DEEPGRADE_DATABASE"])


def test_json_is_an_object_a_line_with_its_exception(tmp_path, said):
    configured(tmp_path, "json")
    logging.getLogger("somebody").warning("two\nlines", extra={"submission": 7})
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("somebody").exception("failed")
    first, second = map(json.loads, said().splitlines())
    assert first.pop("time").startswith("20")
    assert first == {
        "level": "WARNING",
        "logger": "somebody",
        "message": "two\nlines",
        "process": "web",
        "submission": 7,
    }
    assert "ValueError: no" in second["exc_info"]


def test_requests_are_told_by_their_route_and_without_what_was_sent(settings, said):
    settings = dataclasses.replace(settings, log="json")
    logs.configure(settings, "web", ENVIRONMENT)
    app = create_app(settings)
    page = app.test_client()
    answer = page.get("/sign-in?next=/secret-address")
    page.post("/sign-in", data={**hidden_fields(answer.text), "login": "ada", "password": PASSWORD})
    page.get("/no/such/secret-address")
    page.get("/courses/secret-address/assignments/double")
    page.get("/healthz")
    text = said()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(one["method"], one["route"], one["status"]) for one in lines] == [
        ("GET", "/sign-in", 200),
        ("POST", "/sign-in", 401),
        ("GET", "(no route)", 404),
        ("GET", "/courses/<slug>/assignments/<name>", 303),
    ]
    assert lines[0]["request"] == answer.headers["X-Request-Id"]
    assert "secret-address" not in text
    assert PASSWORD not in text
    app.extensions["services"].database.close()


def test_a_request_that_fails_is_told_with_its_traceback_and_not_its_address(settings, said, monkeypatch):
    settings = dataclasses.replace(settings, log="json")
    logs.configure(settings, "web", ENVIRONMENT)
    app = create_app(settings)
    app.view_functions["health.alive"] = permissions.anybody(lambda: 1 / 0)  # type: ignore[assignment]
    answer = User(app.test_client()).get("/healthz?token=hunter22")
    assert answer.status_code == 500
    text = said()
    (line,) = [json.loads(line) for line in text.splitlines() if "failed" in line]
    assert line["message"] == "GET /healthz failed"
    assert "ZeroDivisionError" in line["exc_info"]
    assert "hunter22" not in text
    app.extensions["services"].database.close()
