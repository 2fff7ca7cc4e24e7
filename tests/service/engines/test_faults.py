"""A disk that is full or read-only, a database that is locked or gone: 503, and nothing half-written is accepted."""

from __future__ import annotations

import io
import os
import subprocess
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from grader_service.core.settings import Settings
from grader_service.database import session as databases
from grader_service.database.models import Job, Submission, Upload
from grader_service.database.session import Database
from grader_service.web.app import create_app

from ..conftest import COURSE, RIGHT, User, hidden_fields, zip_of
from ..support import processes
from ..support.processes import Client, serving

SMALL_MB = 4
NOISE = os.urandom(24 * 1024).hex()  # a zip of some size: what does not fit must be seen not to


class Disk:
    """A small disk of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={SMALL_MB}m,mode=700", "tmpfs")

    def _mount(self, *words: str) -> None:
        subprocess.run(["mount", *words, str(self.folder)], check=True, capture_output=True)

    def fill(self) -> None:
        """Not a byte is left."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (64 * 1024, 4096, 1):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        (self.folder / "filler").unlink()

    def read_only(self, on: bool) -> None:
        self._mount("-o", f"remount,{'ro' if on else 'rw'}")

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        disk = Disk(tmp_path / "disk")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        disk.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", course=COURSE)


@pytest.fixture
def make_app() -> Iterator[Callable[[Settings], Flask]]:
    made = []

    def make(settings: Settings) -> Flask:
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        app.extensions["services"].database.close()


def ada(app: Flask, settings: Settings) -> User:
    processes.add(settings, "ada")
    user = User(app.test_client())
    assert user.sign_in("ada").status_code == 303
    return user


def kept(database: Database) -> tuple[int, int, int]:
    """How many uploads, submissions and jobs there are."""
    with database.read() as session:
        counts = [
            session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0 for kind in (Upload, Submission, Job)
        ]
    return counts[0], counts[1], counts[2]


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Hold the one lock for writing that SQLite has."""
    with database.write() as session:
        session.execute(sa.text("SELECT 1"))  # a transaction begins with its first statement
        yield


@pytest.mark.threat(38)
def test_on_a_full_disk_an_upload_is_answered_503_and_what_was_accepted_is_graded(disk):
    settings = Settings(home=disk.folder / "home", course=COURSE)
    processes.add(settings, "ada")
    with serving(settings) as service:
        student = Client(service.url, "ada")
        accepted = [student.hand_in(zip_of(RIGHT, salt_txt="before"))]
        disk.fill()
        for number in range(3):
            with pytest.raises(urllib.error.HTTPError) as answer:
                student.hand_in(zip_of(RIGHT, salt_txt=f"{number} {NOISE}"))
            assert answer.value.code == 503
            assert "Nothing was stored" in answer.value.read().decode()
            answer.value.close()
        disk.empty()
        accepted.append(student.hand_in(zip_of(RIGHT, salt_txt=f"0 {NOISE}")))
        for number in accepted:
            assert student.report(number)["points"] == 5
    with processes.opened(settings) as database:
        assert kept(database) == (2, 2, 2)
    assert processes.results(settings) == accepted


@pytest.mark.threat(38)
def test_on_a_read_only_disk_an_upload_is_answered_503(disk, make_app):
    settings = Settings(home=disk.folder / "home", course=COURSE)
    app = make_app(settings)
    user = ada(app, settings)
    form = hidden_fields(user.get("/courses/course/assignments/double").text)
    app.extensions[
        "services"
    ].database.close()  # a file that is open for writing keeps its disk from becoming read-only
    disk.read_only(True)
    answer = user.client.post(
        "/courses/course/assignments/double", data={**form, "zip": (io.BytesIO(zip_of(RIGHT)), "double.zip")}
    )
    assert answer.status_code == 503
    app.extensions["services"].database.close()
    disk.read_only(False)
    assert kept(app.extensions["services"].database) == (0, 0, 0)
    user.handed_in()


@pytest.mark.threat(38)
def test_a_database_that_stays_locked_is_told_and_keeps_nothing(settings, make_app, monkeypatch):
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.2)
    app = make_app(settings)
    user = ada(app, settings)
    with writing(app.extensions["services"].database):
        assert user.hand_in(zip_of(RIGHT)).status_code == 503
    assert kept(app.extensions["services"].database) == (0, 0, 0)
    user.handed_in()


@pytest.mark.threat(38)
def test_a_database_that_is_locked_for_a_while_is_waited_for(settings, make_app):
    app = make_app(settings)
    user = ada(app, settings)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(app.extensions["services"].database):
            locked.set()
            time.sleep(1)
            done.set()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait()
    user.handed_in()
    assert done.is_set(), "the receipt came while another was writing"
    holder.join()
