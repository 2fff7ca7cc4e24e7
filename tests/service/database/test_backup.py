"""What `deepgrade backup` copied, `deepgrade restore` puts back: here on SQLite, with files in a store.

Some of it on PostgreSQL as well, in engines/test_backup_on_postgresql.py.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from autograder.core.errors import DeepgradeError
from autograder.report.schema import Report
from grader_service.core import secrets
from grader_service.core.settings import Settings
from grader_service.database import backup
from grader_service.database.backup import backing_up, restoring
from grader_service.database.models import Base, Upload
from grader_service.database.session import Database
from grader_service.lti import keys
from grader_service.web.app import create_app

from ..conftest import COURSE, RIGHT, WRONG, User, zip_of

HANDED_IN = zip_of(RIGHT)
GRADED = Report("double", "Twice as much", "graded")


@pytest.fixture
def settings(tmp_path) -> Settings:
    """With a store for everything but the smallest uploads."""
    store = (tmp_path / "store").as_uri()
    return Settings(home=tmp_path / "home", course=COURSE, files=store, inline_kb=0)


@pytest.fixture
def empty(tmp_path) -> Settings:
    """Another machine."""
    return Settings(home=tmp_path / "new", course=COURSE, files=(tmp_path / "new-store").as_uri(), inline_kb=0)


@pytest.fixture
def used(settings, app, user, graded) -> User:
    """A service with two submissions, one of them graded."""
    secrets.course_secret(settings)
    keys.load(settings)
    ada = user("ada")
    ada.handed_in(HANDED_IN)
    ada.handed_in(zip_of(WRONG))
    assert graded(GRADED)
    return ada


def rows(database: Database) -> dict[str, list[tuple]]:
    """All that is in it."""
    with database.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(sa.select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.threat(47)
def test_all_of_it_is_put_back(settings, database, used, empty, tmp_path):
    before = rows(database)
    contents = backup.back_up(settings, tmp_path / "copy")
    assert contents.missing == []
    backup.restore(empty, tmp_path / "copy")
    app = create_app(empty)
    assert rows(app.extensions["services"].database) == before
    assert len(before["submission"]) == 2
    for name in backup.SECRETS:
        assert (empty.home / name).read_bytes() == (settings.home / name).read_bytes()
    # The same cookie is still signed in, and what was handed in can be had.
    again = app.test_client()
    again.set_cookie("deepgrade", used.client.get_cookie("deepgrade").value)
    answer = again.get("/submissions/1/upload.zip")
    assert answer.data == HANDED_IN
    app.extensions["services"].database.close()


def test_nobody_else_can_read_a_backup_or_what_is_restored(settings, used, empty, tmp_path):
    backup.back_up(settings, tmp_path / "copy")
    backup.restore(empty, tmp_path / "copy")
    for root in (tmp_path / "copy", empty.home):
        for path in [root, *root.rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_backup_made_while_students_hand_in_is_of_one_moment(settings, database, used, empty, tmp_path):
    """Every submission in it has its job and its bytes."""
    stop = threading.Event()

    def upload() -> None:
        number = 0
        while not stop.is_set():
            used.handed_in(zip_of(RIGHT + f"# {(number := number + 1)}\n"))

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        for number in range(3):
            backup.back_up(settings, tmp_path / f"copy{number}")
    finally:
        stop.set()
        thread.join()
    backup.restore(empty, tmp_path / "copy2")
    app = create_app(empty)
    with app.extensions["services"].database.read() as session:
        for sha256 in session.scalars(sa.select(Upload.sha256)):
            assert app.extensions["services"].files.read(session, sha256)
    found = rows(app.extensions["services"].database)
    assert len(found["job"]) == len(found["submission"])
    app.extensions["services"].database.close()


def test_a_restore_overwrites_nothing(settings, database, used, tmp_path):
    backup.back_up(settings, tmp_path / "copy")
    before = rows(database)
    with pytest.raises(DeepgradeError, match="restoring overwrites nothing"):
        backup.restore(settings, tmp_path / "copy")
    assert rows(database) == before


def test_a_backup_overwrites_nothing(settings, used, tmp_path):
    (tmp_path / "copy").mkdir()
    with pytest.raises(DeepgradeError, match="exists already, and a backup overwrites nothing"):
        backup.back_up(settings, tmp_path / "copy")
    (tmp_path / "other.part").mkdir()
    with pytest.raises(DeepgradeError, match="if no other backup is running, remove it"):
        backup.back_up(settings, tmp_path / "other")


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_byte_that_changed_is_found_before_anything_is_put_down(settings, used, empty, tmp_path):
    backup.back_up(settings, tmp_path / "copy")
    for name in files_of(tmp_path / "copy"):
        if name == backup.CONTENTS:
            continue
        broken = tmp_path / "broken"
        shutil.copytree(tmp_path / "copy", broken)
        with (broken / name).open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)[0]
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last ^ 1]))
        with pytest.raises(DeepgradeError, match="its checksum is wrong"):
            backup.restore(empty, broken)
        (broken / name).unlink()
        with pytest.raises(DeepgradeError, match="is missing; use another backup"):
            backup.restore(empty, broken)
        shutil.rmtree(broken)
    assert not empty.home.exists()


@pytest.mark.parametrize("name", ["../home/session.key", "/etc/passwd", "files/ab/../../x", "files/ab/cd"])
def test_a_name_that_leads_out_of_the_folder_is_refused(settings, used, empty, tmp_path, name):
    backup.back_up(settings, tmp_path / "copy")
    path = tmp_path / "copy" / backup.CONTENTS
    contents = json.loads(path.read_text())
    contents["files"][name] = {"size": 0, "sha256": ""}
    path.write_text(json.dumps(contents))
    with pytest.raises(DeepgradeError, match="which is not a file of a backup"):
        backup.restore(empty, tmp_path / "copy")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "x"}', "\x00" * 100])
def test_what_is_no_backup_is_refused_with_a_sentence(empty, tmp_path, text):
    with pytest.raises(DeepgradeError, match="is not a backup"):
        backup.restore(empty, tmp_path / "none")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / backup.CONTENTS).write_text(text)
    with pytest.raises(DeepgradeError, match="was not written by `deepgrade backup`"):
        backup.restore(empty, tmp_path / "copy")


@pytest.mark.parametrize("revision, maker", [
    ("0001", "an unreleased version"), ("0006", "an unreleased version"), ("9999", "an unreleased or a newer version"),
])  # fmt: skip
def test_tables_of_a_version_that_is_not_known_are_refused(settings, used, empty, tmp_path, revision, maker):
    backup.back_up(settings, tmp_path / "copy")
    path = tmp_path / "copy" / backup.CONTENTS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"revision": revision}))
    with pytest.raises(DeepgradeError) as refused:
        backup.restore(empty, tmp_path / "copy")
    told = str(refused.value)
    assert told.startswith(f"{tmp_path / 'copy'}: was made by {maker} of deepgrade (tables {revision};")
    assert f"the submissions stay in the table `upload` of its database and in {tmp_path / 'copy' / 'files'}" in told
    assert not empty.home.exists()


def test_what_fails_half_way_leaves_nothing(settings, used, empty, tmp_path, monkeypatch):
    """The disk is full when the last file, the database, is put down."""
    backup.back_up(settings, tmp_path / "copy")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restoring, "_put_database", full)
    with pytest.raises(DeepgradeError, match="No space left on device"):
        backup.restore(empty, tmp_path / "copy")
    assert files_of(empty.home) == []


def test_a_backup_that_fails_leaves_nothing(settings, used, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backing_up, "sync", full)
    with pytest.raises(DeepgradeError, match="No space left on device"):
        backup.back_up(settings, tmp_path / "copy")
    assert list(tmp_path.glob("copy*")) == []


def test_uploads_that_the_store_has_lost_are_told(settings, used, tmp_path):
    lost = next(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    lost.unlink()
    assert backup.back_up(settings, tmp_path / "copy").missing == [lost.name]


def test_uploads_of_a_store_need_one(settings, used, empty, tmp_path):
    backup.back_up(settings, tmp_path / "copy")
    with pytest.raises(DeepgradeError, match="set DEEPGRADE_FILES to the store for them"):
        backup.restore(dataclasses.replace(empty, files=""), tmp_path / "copy")


def test_a_secret_of_the_environment_stays_there_and_must_be_the_same(settings, used, empty, tmp_path, monkeypatch):
    (settings.home / "course.secret").unlink()
    monkeypatch.setenv("DEEPGRADE_SECRET", "0123456789abcdef")
    backup.back_up(settings, tmp_path / "copy")
    assert "course.secret" not in files_of(tmp_path / "copy")
    assert "0123456789abcdef" not in (tmp_path / "copy" / backup.CONTENTS).read_text()
    monkeypatch.setenv("DEEPGRADE_SECRET", "another-0123456789")
    with pytest.raises(DeepgradeError, match="is not the secret of this backup"):
        backup.restore(empty, tmp_path / "copy")
    monkeypatch.delenv("DEEPGRADE_SECRET")
    with pytest.raises(DeepgradeError, match="set DEEPGRADE_SECRET to the same value"):
        backup.restore(empty, tmp_path / "copy")
    monkeypatch.setenv("DEEPGRADE_SECRET", "0123456789abcdef")
    backup.restore(empty, tmp_path / "copy")
