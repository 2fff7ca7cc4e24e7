"""`deepgrade upgrade --check`: an upgrade of the tables on a copy of the database, while the service runs.

    copy ── SQLite: one moment of the file, in a temporary folder       ── upgrade ── every row still there? ── removed
         └─ PostgreSQL: pg_dump into a new database of the same server  ┘

What fails on the copy would fail on the original, and what it takes in time the original takes too. Nothing of the
original is written. PostgreSQL's user needs the right to create databases.
"""

from __future__ import annotations

import dataclasses
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.database import revisions
from grader_service.database.backup import postgresql
from grader_service.database.backup.disk import sentences
from grader_service.database.session import Database, sqlite_file


@dataclass(frozen=True)
class Rehearsal:
    """What an upgrade did with the copy."""

    before: str  # version of the tables
    after: str
    rows: int  # of all tables
    seconds: float  # of the upgrade alone


def rehearse(settings: Settings) -> Rehearsal:
    """Raises DeepgradeError if the tables cannot be upgraded, or if rows would be lost."""
    with closing(Database(settings)) as database:
        before = database.revision()
        if before is None:
            raise DeepgradeError("there are no tables yet, so nothing is to be upgraded; `deepgrade serve` makes them")
        with _copy(settings, database) as copy, closing(Database(copy)) as rehearsed:
            counts = _rows(rehearsed)
            begun = time.perf_counter()
            try:
                rehearsed.upgrade()
            except (AssertionError, DBAPIError) as error:
                words = " ".join(str(getattr(error, "orig", error)).split())[:300]
                raise DeepgradeError(
                    f"the upgrade from tables {before} to {revisions.newest()} fails ({words}); the database was not "
                    "changed; keep the old version of deepgrade, and report this"
                ) from error
            seconds = time.perf_counter() - begun
            after = _rows(rehearsed)
    if lost := [
        f"{table} ({count} rows, then {after.get(table, 0)})"
        for table, count in counts.items()
        if after.get(table, 0) < count
    ]:
        raise DeepgradeError(
            f"the upgrade from tables {before} would lose rows of {', '.join(lost)}; the database was not changed; "
            "keep the old version of deepgrade, and report this"
        )
    return Rehearsal(before, revisions.newest() or "", sum(after.values()), seconds)


@contextmanager
def _copy(settings: Settings, database: Database) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="deepgrade-upgrade-") as folder:
        home = Path(folder)
        if database.engine.dialect.name == "sqlite":
            file = home / "copy.sqlite3"
            original = sqlite_file(database.engine.url)
            with sentences(folder), closing(sqlite3.connect(original)) as live, closing(sqlite3.connect(file)) as copy:
                live.backup(copy)
            yield dataclasses.replace(settings, home=home, database=f"sqlite:///{file}")
            return
        url = database.engine.url
        dump = home / "copy.dump"
        postgresql.run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
        with _scratch(database) as name:
            scratch = url.set(database=name)
            postgresql.run("pg_restore", scratch, "--no-owner", "--no-privileges", "--exit-on-error", str(dump))
            yield dataclasses.replace(settings, home=home, database=scratch.render_as_string(hide_password=False))


@contextmanager
def _scratch(database: Database) -> Iterator[str]:
    """The name of a new database on the same server, which is removed afterwards."""
    name = f"deepgrade_upgrade_{secrets.token_hex(6)}"
    outside = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with outside.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except DBAPIError as error:
        raise DeepgradeError(
            f"no copy of the database can be made ({str(error.orig).strip()}); let its user create databases "
            "(`ALTER ROLE ... CREATEDB`), or rehearse on a restored backup"
        ) from error
    try:
        yield name
    finally:
        with outside.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def _rows(database: Database) -> dict[str, int]:
    """By table, the number of its rows."""
    with database.engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0
            for name in names
            if name != "alembic_version"
        }
