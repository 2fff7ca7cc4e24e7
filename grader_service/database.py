"""Sessions on the database, and its clock.

On SQLite a transaction that will write says so when it begins (`BEGIN IMMEDIATE`), since one that finds out later
can be refused at once however long it would wait. With WAL readers never wait, with `synchronous=FULL` a commit is on
the disk, and a writer waits up to a minute for the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from grader_service.settings import Settings

BUSY_SECONDS = 60
MIGRATIONS = Path(__file__).with_name("migrations")


class db_now(FunctionElement[float]):
    """The database's clock, in seconds since 1970."""

    type = sa.Float()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _now_on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _now_on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


class Database:
    """`with database.read() as session` sees one state; `with database.write() as session` commits at the end."""

    def __init__(self, settings: Settings) -> None:
        settings.make_home()
        # Each of the web process's threads may hold a reading and a writing connection at once.
        # Parameters are uploads and password hashes: errors that are logged do not hold them.
        self.engine = sa.create_engine(settings.database_url, pool_size=20, hide_parameters=True)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        self._writing = self.engine.execution_options(deepgrade_writes=True)

    def reading(self) -> Session:
        return Session(self.engine, expire_on_commit=False, autoflush=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self.reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def upgrade(self) -> None:
        """Bring the tables to this version's form: all of the migrations, or none."""
        config = alembic.config.Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._writing.begin() as connection:
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def _configure_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("deepgrade_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
