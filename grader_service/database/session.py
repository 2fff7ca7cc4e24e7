"""Sessions on the database, and its clock.

On SQLite a writing transaction begins with `BEGIN IMMEDIATE`, since SQLite can refuse at once a transaction that starts
to write later. With WAL readers never wait, with `synchronous=FULL` a commit is on the disk, and a writer waits up to a
minute for the others.

On PostgreSQL writers run at the same time, except those that call `one_at_a_time`. The loss of a server is noticed
within seconds, also if a cable is cut, and the next use replaces a broken connection.
"""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import sqlalchemy as sa
from alembic.migration import MigrationContext
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.functions import FunctionElement

from autograder.core import own_wheels
from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.database import revisions

BUSY_SECONDS = 60
LARGEST = 2**31 - 1  # the largest number of a row
AFTER_COMMIT = "deepgrade.after_commit"  # in `Session.info`

# Options of libpq: how long a server may be silent before it counts as lost.
POSTGRESQL = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,  # seconds of silence before the first check
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds without an acknowledgement
    # The limit of waiting for a lock, and of a transaction whose client was cut off or suspended.
    "options": "-c lock_timeout=30s -c statement_timeout=60s -c idle_in_transaction_session_timeout=10s",
}


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


def one_at_a_time(session: Session, what: str, *, shared: bool = False) -> None:
    """Until the transaction ends, other transactions that ask for the same name wait. Transactions that share it do not
    wait for each other. SQLite has one writer anyhow."""
    if session.get_bind().dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
        session.execute(sa.select(lock(_number(what))))


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Call it after the commit of this writing transaction; never, if the transaction is rolled back."""
    session.info.setdefault(AFTER_COMMIT, []).append(call)


def storable(text: str) -> str:
    r"""The text as it is kept: lines end in `\n`, also where a browser's form ended them in `\r\n`.

    PostgreSQL does not store NUL, so it is written out as pages show it: `\x00`.
    """
    return text.replace("\r\n", "\n").replace("\0", r"\x00")


def _number(what: str) -> int:
    return (int.from_bytes(b"dg") << 32) + zlib.crc32(what.encode())


class Database:
    """`with database.read() as session` sees one state; `with database.write() as session` commits at the end."""

    def __init__(self, settings: Settings, *, connections: int = 1) -> None:
        """`connections` stay open between uses; additional connections open when needed and close after use.

        Raises DeepgradeError as `must_be_ours` does.
        """
        must_be_ours(settings)
        settings.make_home()
        self._settings, self._url = settings, _url(settings)
        self.engine = self._make_engine(pool_size=connections)
        self._writing = self.engine.execution_options(deepgrade_writes=True)

    def _make_engine(self, **options: Any) -> sa.Engine:
        # Parameters include uploads and password hashes, so logged errors do not show them.
        options |= {"hide_parameters": True}
        if self._url.get_backend_name() == "postgresql":
            engine = sa.create_engine(self._url, connect_args=POSTGRESQL, pool_pre_ping=True, **options)
        else:
            engine = sa.create_engine(self._url, **options)
            sa.event.listen(engine, "connect", _configure_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def reading(self) -> Session:
        return Session(self.engine, expire_on_commit=False, autoflush=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self.reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with Session(self._writing, expire_on_commit=False) as session:
            with session.begin():
                yield session
            for call in session.info.get(AFTER_COMMIT, ()):
                call()

    def upgrade(self, revision: str = "head") -> None:
        """Bring the tables up to date: all migrations, or none."""
        engine = self._make_engine(poolclass=NullPool).execution_options(deepgrade_writes=True)
        if engine.dialect.name == "sqlite":
            # A migration copies a table, so foreign keys are off here and checked below.
            sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
        config = revisions.configuration()
        with self.in_reach(), engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_number("upgrade"))))
            self._must_be_known(MigrationContext.configure(connection).get_current_revision())
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, revision)
            if engine.dialect.name == "sqlite":
                wrong = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                assert not wrong, f"the migration broke references between rows: {wrong[:3]}"

    def revision(self) -> str | None:
        """The version of the tables; None without tables."""
        with self.in_reach(), self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def check_version(self) -> None:
        """Raises DeepgradeError if the tables are not of this version."""
        revision = self.revision()
        self._must_be_known(revision)
        wanted = revisions.newest()
        if revision != wanted:
            raise DeepgradeError(
                f"the database has tables of version {revision or 'none'}, but this program needs version {wanted}; "
                "start `deepgrade serve` of the same deepgrade version first"
            )

    def _must_be_known(self, revision: str | None) -> None:
        revisions.must_be_known(revision, self._settings, _in_words(self._url))

    @contextmanager
    def in_reach(self) -> Iterator[None]:
        """At the start, turns the error of a database that does not answer into a sentence."""
        try:
            yield
        except OperationalError as error:
            why = str(error.orig).strip().splitlines()[:1]
            raise DeepgradeError(
                f"the database {_in_words(self._url)} cannot be used ({' '.join(why)}); "
                "start it, or set DEEPGRADE_DATABASE to another"
            ) from error

    def close(self) -> None:
        self.engine.dispose()


def _url(settings: Settings) -> sa.URL:
    try:
        url = sa.make_url(settings.database_url)
    except ArgumentError as error:
        raise DeepgradeError(
            "DEEPGRADE_DATABASE is not a valid database URL; write it like postgresql+psycopg://user:password@host/name"
        ) from error
    if url.get_backend_name() == "postgresql":
        if importlib.util.find_spec("psycopg") is None:
            raise DeepgradeError(
                f"PostgreSQL needs psycopg, which is not installed; {own_wheels.how_to_install('scaled')}"
            )
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise DeepgradeError(
            f"DEEPGRADE_DATABASE: {url.get_backend_name()!r} is not supported; use sqlite or postgresql"
        )
    return url


def must_be_ours(settings: Settings) -> None:
    """Call it before any write into a home. Raises DeepgradeError if its database has tables of an unknown version.
    Then the home is not changed. On PostgreSQL the first use checks this."""
    url = _url(settings)
    if url.get_backend_name() == "sqlite" and url.database:
        revisions.must_be_known(revisions.of_file(Path(url.database)), settings, _in_words(url))


def _in_words(url: sa.URL) -> str:
    """The name of a database in messages: its file, or its address without the password."""
    sqlite = url.get_backend_name() == "sqlite" and url.database
    return url.database or "" if sqlite else url.render_as_string(hide_password=True)


def sqlite_file(url: sa.URL) -> Path:
    """The file of the database. Raises DeepgradeError for a database in memory."""
    if not url.database or url.database == ":memory:":
        raise DeepgradeError("DEEPGRADE_DATABASE is in memory and is lost when the process ends; name a file")
    return Path(url.database)


def _configure_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("deepgrade_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
