"""`deepgrade upgrade --check` upgrades a copy, says what would be lost, and writes nothing of the original."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.database import rehearsal, revisions
from grader_service.database.session import Database


@pytest.fixture
def full(user, settings) -> Settings:
    """A database with rows, in use."""
    user("ada").handed_in()
    return settings


def content(settings: Settings) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(settings.home.iterdir())}


def test_it_says_version_and_rows_and_changes_nothing(full):
    before = content(full)
    found = rehearsal.rehearse(full)
    assert (found.before, found.after) == (revisions.newest(), revisions.newest())
    assert found.rows >= 4
    after = content(full)
    del before["deepgrade.sqlite3-shm"], after["deepgrade.sqlite3-shm"]  # readers' locks
    assert after == before


def test_rows_that_would_be_lost_are_named(full, monkeypatch):
    upgrade = Database.upgrade

    def losing(self: Database, revision: str = "head") -> None:
        upgrade(self, revision)
        with self.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM job")

    monkeypatch.setattr(Database, "upgrade", losing)
    with pytest.raises(DeepgradeError, match=r"would lose rows of job \(1 rows, then 0\); the database"):
        rehearsal.rehearse(full)


def test_a_migration_that_fails_is_one_sentence(full, monkeypatch):
    def failing(self: Database, revision: str = "head") -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM missing")

    monkeypatch.setattr(Database, "upgrade", failing)
    with pytest.raises(DeepgradeError, match=r"fails \(no such table: missing\); the database was not changed"):
        rehearsal.rehearse(full)


def test_without_tables_there_is_nothing_to_rehearse(settings):
    with pytest.raises(DeepgradeError, match="there are no tables yet"):
        rehearsal.rehearse(settings)


def test_newer_tables_are_refused_as_at_the_start(full):
    with closing(sqlite3.connect(full.home / "deepgrade.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DeepgradeError, match="newer version"):
        rehearsal.rehearse(full)
