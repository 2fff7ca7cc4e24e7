"""`serve` and `worker` refuse to start where students' work would not be safe, and say when they are ready."""

from __future__ import annotations

import dataclasses
import os
from collections import namedtuple

import pytest

from autograder.core.errors import DeepgradeError
from autograder.course import secrets as autograder_secrets
from autograder.report.schema import Report
from grader_service.accounts import accounts
from grader_service.core import secrets
from grader_service.database.session import Database
from grader_service.grade_worker import work
from grader_service.serve import serve
from grader_service.web.app import create_app

from ..conftest import PASSWORD

LONG = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("value", ["1", "true", "yes", "on"])
def test_nothing_starts_while_flask_is_told_to_debug(settings, monkeypatch, value):
    monkeypatch.setenv("FLASK_DEBUG", value)
    for start in (lambda: serve(port=0, settings=settings), lambda: create_app(settings)):
        with pytest.raises(
            DeepgradeError, match="FLASK_DEBUG is set, but a service for students must not run in debug mode"
        ):
            start()
    assert not settings.home.exists()


@pytest.mark.parametrize("value", ["", "0", "false", "no"])
def test_it_starts_where_flask_is_told_not_to(settings, monkeypatch, value):
    monkeypatch.setenv("FLASK_DEBUG", value)
    app = create_app(settings)
    assert not app.debug
    app.extensions["services"].database.close()


@pytest.mark.parametrize(
    "secret, sentence",
    [("", "has 0 characters"), ("short", "has 5 characters"), ("changechangechange"[:5] * 8, "guessed")],
)
def test_a_secret_that_can_be_guessed_is_refused(settings, monkeypatch, secret, sentence):
    monkeypatch.setenv("DEEPGRADE_SECRET", secret)
    with pytest.raises(DeepgradeError, match=sentence):
        secrets.course_secret(settings)


def test_random_secrets_are_never_taken_for_guessable_ones(settings, monkeypatch):
    import secrets as random

    for _ in range(200):
        assert len(set(random.token_hex(16))) >= autograder_secrets.LEAST_DIFFERENT


def test_no_other_secret_is_made_up_where_there_are_reports(settings, app, user, graded, monkeypatch):
    """With another one every regrade would differ."""
    user("ada").handed_in()
    assert graded(Report("double", "Twice as much", "graded"))
    monkeypatch.setattr("grader_service.serve._check_up", lambda: None)
    monkeypatch.setattr("grader_service.serve._run", lambda *_: None)  # it must not come so far
    (settings.home / "course.secret").unlink(missing_ok=True)
    with pytest.raises(DeepgradeError, match=r"course\.secret: is missing, but existing reports were made with it"):
        serve(port=0, settings=settings)
    assert not (settings.home / "course.secret").exists()


def test_a_host_makes_up_no_secret_of_its_own(settings, database):
    (settings.home / "course.secret").unlink(missing_ok=True)
    with pytest.raises(DeepgradeError, match="Set DEEPGRADE_SECRET to the value used by `deepgrade serve`"):
        work(settings=dataclasses.replace(settings, host="other"))
    assert not (settings.home / "course.secret").exists()


def test_ready_is_who_would_accept_an_upload(user):
    answer = user().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "checks": {"database": "ok", "disk": "ok", "graders": "no host takes jobs, so submissions wait"},
    }


def test_a_full_disk_is_not_ready(user, monkeypatch):
    Disk = namedtuple("Disk", "f_bavail f_frsize")
    monkeypatch.setattr(os, "statvfs", lambda path: Disk(10, 4096))
    answer = user().get("/readyz")
    assert (answer.status_code, answer.json["checks"]["disk"]) == (503, "less than 200 MB are free")


def test_a_data_folder_that_is_gone_is_not_ready(user, settings, tmp_path):
    os.rename(settings.home, tmp_path / "away")
    answer = user().get("/readyz")
    assert (answer.status_code, answer.json["checks"]["disk"]) == (503, "the data folder does not exist")


def test_tables_of_another_version_are_not_ready(user, database):
    with database.write() as session:
        accounts.create(session, login="ada", password=PASSWORD)
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = user().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == "cannot be reached, or its tables have another version"


def test_a_database_out_of_reach_is_not_ready(user, monkeypatch):
    def out_of_reach(self) -> None:
        raise DeepgradeError("the database cannot be used")

    monkeypatch.setattr(Database, "check_version", out_of_reach)
    assert user().get("/readyz").status_code == 503
