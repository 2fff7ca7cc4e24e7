"""A course of one small assignment (tests/service_course), and people who use its pages."""

from __future__ import annotations

import functools
import inspect
import io
import os
import re
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from markdown_it import MarkdownIt
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from autograder.course import bundle, kit
from autograder.report import schema as reports
from autograder.report.schema import Report
from grader_service.accounts import accounts, mail
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.models import Person
from grader_service.database.session import Database
from grader_service.grading import report_figures
from grader_service.queue import leases
from grader_service.queue.leases import Claim, Slot
from grader_service.submissions import sandboxed
from grader_service.web.app import create_app

COURSE = Path(__file__).resolve().parents[1] / "service_course"
PASSWORD = "correct horse battery"
HASHED = accounts.HASHED  # before it is made cheap below

RIGHT = (COURSE / "solutions/double/double.py").read_text()
WRONG = RIGHT.replace("2 * x", "3 * x")


def zip_of(*sources: str, **more: str) -> bytes:
    """A zip with double.py, and what else is named."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sources:
            archive.writestr("double.py", source)
        for name, text in more.items():
            archive.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", course=COURSE)


@pytest.fixture(scope="session")
def _tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of SQLite with all tables and no rows: to make it takes longer than most tests."""
    settings = Settings(home=tmp_path_factory.mktemp("tables"), course=COURSE)
    database = Database(settings)
    database.upgrade()
    database.close()
    return settings.home / "deepgrade.sqlite3"


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Those that tests make in their own process are hashed in a hundredth of the time, and so signed in with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "HASHED", "scrypt:256:8:1")
        yield


# What takes long or waits for somebody, where the service looks it up. Two calls of `Files` are left out: while it adds
# or removes bytes in a store, `keep_still` and `forget` look at the store, or a deletion could take another's bytes.
SLOW: tuple[tuple[object, str], ...] = (
    (accounts, "generate_password_hash"),
    (accounts, "check_password_hash"),
    (sandboxed, "tool"),
    (mail, "send"),
    (mail, "_server"),
    (requests.Session, "request"),
    (Files, "keep"),
    (Files, "read"),
    (zipfile.ZipFile, "__init__"),
    (kit, "build"),
    (bundle.Contents, "version"),
    (MarkdownIt, "parse"),
    (report_figures, "draw_all"),
    (reports, "to_json"),
    (time, "sleep"),
)


@pytest.fixture(scope="session", autouse=True)
def _nothing_slow_while_writing() -> Iterator[None]:
    """On SQLite everybody waits while somebody writes: in the service's own transactions nothing of `SLOW` is called.

    Tests' own transactions may: a test waits for nobody but itself.
    """
    writing = threading.local()
    write = Database.write

    @contextmanager
    def watched(self: Database) -> Iterator[Session]:
        opener = sys._getframe(2).f_code.co_filename
        ours = f"{os.sep}grader_service{os.sep}" in opener and f"{os.sep}tests{os.sep}" not in opener
        with write(self) as session:
            before, writing.place = getattr(writing, "place", ""), opener if ours else ""
            try:
                yield session
            finally:
                writing.place = before

    def guarded(name: str, call: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(call)
        def guard(*arguments: object, **options: object) -> object:
            place = getattr(writing, "place", "")
            assert not place, f"{name} is called in a writing transaction of {place}"
            return call(*arguments, **options)

        return guard

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "write", watched)
        for owner, name in SLOW:
            found = inspect.getattr_static(owner, name)
            told = f"{getattr(owner, '__name__', owner)}.{name}"
            if isinstance(found, property):
                patch.setattr(owner, name, property(guarded(told, found.fget)))  # type: ignore[arg-type]
            else:
                patch.setattr(owner, name, guarded(told, found))
        yield


@pytest.fixture
def app(settings: Settings, _tables: Path) -> Iterator[Flask]:
    shutil.copy(_tables, settings.make_home() / _tables.name)
    app = create_app(settings)
    app.testing = True
    yield app
    app.extensions["services"].database.close()


@pytest.fixture
def database(app: Flask) -> Database:
    return app.extensions["services"].database


@dataclass
class User:
    """Somebody at a browser: follows forms as they are on the page, tokens included."""

    client: FlaskClient
    person: Person | None = None

    def get(self, path: str, **options: object) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, data: Mapping[str, object] | None = None, *, form_at: str | None = None) -> TestResponse:
        """Send a form with the hidden fields that the page at `form_at` (else at `path`) gives it."""
        hidden = hidden_fields(self.get(form_at or path).text)
        return self.client.post(path, data={**hidden, **(data or {})}, content_type="multipart/form-data")

    def sign_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/sign-in", {"login": login, "password": password})

    def hand_in(self, data: bytes, filename: str = "double.zip") -> TestResponse:
        return self.post("/courses/course/assignments/double", {"zip": (io.BytesIO(data), filename)})

    def handed_in(self, data: bytes | None = None, filename: str = "double.zip") -> int:
        """Hand in what is accepted: the number of the submission."""
        answer = self.hand_in(data or zip_of(RIGHT), filename)
        assert answer.status_code == 303, answer.text
        return int(answer.location.rsplit("/", 1)[1])


def hidden_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


@pytest.fixture
def user(app: Flask, database: Database) -> Callable[..., User]:
    """`user("ada")` is a student who is signed in; `user("eve", role="staff")` is staff; `user()` is nobody."""

    def make(login: str = "", role: str = "student", name: str = "") -> User:
        user = User(app.test_client())
        if login:
            with database.write() as session:
                user.person, _ = accounts.create(session, login=login, name=name, role=role, password=PASSWORD)
            assert user.sign_in(login).status_code == 303
        return user

    return make


@pytest.fixture
def do(database: Database) -> Callable[..., Any]:
    """`do(leases.renew, claim, 45)`: a function of the service in a transaction of its own."""

    def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with database.write() as session:
            return function(session, *arguments, **named)

    return call


@pytest.fixture
def claim(database: Database) -> Callable[..., Claim | None]:
    """Take the next job, as a worker does."""

    def take(worker: str = "worker", lease_seconds: float = 45) -> Claim | None:
        with database.write() as session:
            return leases.claim(session, Slot(worker, ("cpu",)), lease_seconds=lease_seconds)

    return take


@pytest.fixture
def graded(database: Database, claim: Callable[..., Claim | None]) -> Callable[[Report], bool]:
    """Finish the next job with a report, as a worker does."""

    def finish(report: Report) -> bool:
        taken = claim()
        assert taken is not None
        with database.write() as session:
            return leases.finish(session, taken, report, {})

    return finish
