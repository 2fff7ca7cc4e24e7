"""`deepgrade backup` and `restore` on a real PostgreSQL: what depends on the kind, and as commands."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.database import backup
from grader_service.database.backup import postgresql
from grader_service.database.session import Database
from grader_service.web.app import create_app

from ..conftest import COURSE
from ..database.test_backup import (  # noqa: F401
    rows,
    test_a_backup_made_while_students_hand_in_is_of_one_moment,
    test_a_restore_overwrites_nothing,
    test_all_of_it_is_put_back,
    test_what_fails_half_way_leaves_nothing,
    used,
)


@pytest.fixture
def settings(tmp_path, new_database) -> Settings:
    store = (tmp_path / "store").as_uri()
    return Settings(home=tmp_path / "home", course=COURSE, files=store, inline_kb=0, database=new_database())


@pytest.fixture
def empty(tmp_path, new_database) -> Settings:
    store = (tmp_path / "new-store").as_uri()
    return Settings(home=tmp_path / "new", course=COURSE, files=store, inline_kb=0, database=new_database())


def deepgrade(settings: Settings, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli", *map(str, arguments)],
        env=environment | settings.to_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_as_somebody_types_them(settings, database, used, empty, tmp_path):  # noqa: F811
    copy = tmp_path / "copy"
    made = deepgrade(settings, "backup", copy)
    assert (made.returncode, made.stderr) == (0, "")
    assert deepgrade(empty, "restore", "--check", copy).returncode == 0
    again = deepgrade(empty, "restore", copy)
    assert (again.returncode, again.stderr) == (0, "")
    assert "start `deepgrade serve`" in again.stdout
    app = create_app(empty)
    assert rows(app.extensions["services"].database) == rows(database)
    app.extensions["services"].database.close()
    once_more = deepgrade(empty, "restore", copy)
    assert once_more.returncode == 2
    assert "and restoring overwrites nothing" in once_more.stderr


def test_a_backup_of_one_kind_is_not_put_into_the_other(settings, used, empty, tmp_path):  # noqa: F811
    backup.back_up(settings, tmp_path / "copy")
    with pytest.raises(
        DeepgradeError, match="contains a postgresql database, but DEEPGRADE_DATABASE names a sqlite database"
    ):
        backup.restore(dataclasses.replace(empty, database=""), tmp_path / "copy")


def test_a_password_is_in_no_argument_and_in_no_complaint(settings, used, tmp_path, monkeypatch):  # noqa: F811
    seen = []
    run = subprocess.run

    def looked_at(words, **options):
        seen.append(words)
        return run(words, **options)

    monkeypatch.setattr(subprocess, "run", looked_at)
    backup.back_up(settings, tmp_path / "copy")
    password = sa.make_url(settings.database).password
    assert seen
    assert not_none(password) not in str(seen)


def test_a_dump_that_fails_says_why(settings, used, empty, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(postgresql, "_program", lambda name: "/no/such/program")
    with pytest.raises(DeepgradeError, match=r"pg_dump cannot be run .* install PostgreSQL's client programs"):
        backup.back_up(settings, tmp_path / "copy")
    monkeypatch.undo()
    backup.back_up(settings, tmp_path / "copy")
    monkeypatch.setenv("PGOPTIONS", "--no-such-option")
    with pytest.raises(DeepgradeError, match="pg_restore failed: "):
        backup.restore(empty, tmp_path / "copy")
    with contextlib.closing(Database(empty)) as database, database.engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
