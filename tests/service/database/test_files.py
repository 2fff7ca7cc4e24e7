"""Bytes are kept where the settings say, found by their hash, and are those that were stored."""

from __future__ import annotations

import dataclasses
import os
import secrets
import stat

import pytest
import sqlalchemy as sa

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts
from grader_service.database.files import Files, StoreError
from grader_service.database.models import Upload
from grader_service.web.app import create_app

from ..conftest import PASSWORD, RIGHT, User, zip_of

SMALL, LARGE = b"small", secrets.token_bytes(3000)
HASH = 64


@pytest.fixture(params=["folder", "fsspec"])
def address(request, tmp_path) -> str:
    return f"file://{tmp_path}/a%20store" if request.param == "folder" else f"memory://{secrets.token_hex(4)}/store"


@pytest.fixture
def stored(settings, address):
    return dataclasses.replace(settings, files=address, inline_kb=1)


def add(database, upload: Upload) -> str:
    with database.write() as session:
        session.add(upload)
    return upload.sha256


@pytest.mark.parametrize("data, inline", [(SMALL, True), (LARGE, False)], ids=["small", "large"])
def test_large_bytes_lie_in_the_store_and_small_ones_in_the_database(stored, database, data, inline):
    files = Files(stored)
    sha256 = add(database, files.keep(data))
    assert files.keep(data).sha256 == sha256, "to store it again is harmless"
    with database.read() as session:
        row = session.get_one(Upload, sha256)
        assert (row.data, row.size) == (data if inline else b"", len(data))
        assert files.read(session, sha256) == data


def test_without_a_store_all_is_in_the_database(settings, database):
    files = Files(settings)
    sha256 = add(database, files.keep(LARGE))
    with database.read() as session:
        assert session.get_one(Upload, sha256).data == LARGE
        assert files.read(session, sha256) == LARGE


def test_what_was_in_the_database_is_found_when_a_store_is_set_later(settings, stored, database):
    sha256 = add(database, Files(settings).keep(LARGE))
    with database.read() as session:
        assert Files(stored).read(session, sha256) == LARGE


def test_files_are_for_their_owner_s_eyes_and_no_draft_stays(settings, tmp_path):
    sha256 = Files(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0)).keep(SMALL).sha256
    paths = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert [path.name for path in paths] == [sha256]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (*paths, tmp_path / "store")] == [0o600, 0o700]


def test_bytes_that_were_changed_in_the_store_are_no_submission(settings, database, tmp_path):
    files = Files(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    sha256 = add(database, files.keep(SMALL))
    (tmp_path / "store" / sha256[:2] / sha256).write_bytes(b"another")
    with database.read() as session, pytest.raises(StoreError, match="it was changed or is damaged"):
        files.read(session, sha256)


def test_bytes_that_are_gone_are_our_fault(stored, settings, database):
    sha256 = add(database, Upload(sha256="0" * HASH, data=b"", size=9))
    with database.read() as session:
        with pytest.raises(StoreError, match="cannot be read"):
            Files(stored).read(session, sha256)
        with pytest.raises(StoreError, match="set DEEPGRADE_FILES to its address"):
            Files(settings).read(session, sha256)


def test_a_store_that_cannot_be_written_is_told_and_nothing_is_accepted(settings, tmp_path, database, user):
    user("ada")
    (tmp_path / "store").touch()  # a file where the folder should be
    app = create_app(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    app.testing = True
    ada = User(app.test_client())
    ada.sign_in("ada")
    answer = ada.hand_in(zip_of(RIGHT))
    assert answer.status_code == 503
    assert "Nothing was stored" in answer.text
    assert ada.get("/").status_code == 200
    with database.read() as session:
        assert session.query(Upload).count() == 0
    app.extensions["services"].database.close()


def test_a_submission_in_a_store_can_be_downloaded(settings, tmp_path, user, database):
    user("ada")
    app = create_app(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    app.testing = True
    ada, data = User(app.test_client()), zip_of(RIGHT)
    ada.sign_in("ada")
    assert ada.get(f"/submissions/{ada.handed_in(data)}/upload.zip").data == data
    app.extensions["services"].database.close()


@pytest.mark.parametrize("address, words", [("store", "write it like file:///folder"), ("nosuch://x", "nosuch")])
def test_an_address_that_is_none_is_told(settings, address, words):
    with pytest.raises(DeepgradeError, match=f"DEEPGRADE_FILES is '{address}'.*{words}"):
        Files(dataclasses.replace(settings, files=address))


@pytest.mark.parametrize("times", [1, 2], ids=["new", "there already"])
@pytest.mark.threat(36)
def test_bytes_and_their_names_are_flushed_before_the_row_that_is_the_receipt(settings, tmp_path, monkeypatch, times):
    """As far as this can be seen without cutting the power: the order in which the kernel is told."""
    app = create_app(dataclasses.replace(settings, files=f"file://{tmp_path}/store", inline_kb=0))
    database, told = app.extensions["services"].database, []
    with database.write() as session:
        accounts.create(session, login="ada", password=PASSWORD)
    ada, store = User(app.test_client()), tmp_path / "store"
    ada.sign_in("ada")
    data = zip_of(RIGHT)
    for _ in range(times - 1):
        ada.handed_in(data)

    def flush(descriptor: int, flush=os.fsync) -> None:
        flush(descriptor)
        told.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", flush)
    sa.event.listen(database.engine, "commit", lambda connection: told.append("commit"))
    ada.handed_in(data)
    (file,) = (path for path in store.rglob("*") if path.is_file())
    folders = [str(file.parent), str(store)]
    flushed = told[: told.index("commit")]
    assert flushed[-2:] == folders
    if times == 1:
        assert file.name in flushed[-3], "the bytes come before their names"
    app.extensions["services"].database.close()
