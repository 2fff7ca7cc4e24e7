"""Versions of the tables: which this deepgrade can bring up to date, and what it says of all others.

A version is the revision of a migration. The unreleased versions before 0.1.0 had six of their own, which nothing leads
on from: their databases are refused, and not a byte of them is changed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import alembic.config
from alembic.script import ScriptDirectory

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings

MIGRATIONS = Path(__file__).with_name("migrations")
UNRELEASED = frozenset({"0001", "0002", "0003", "0004", "0005", "0006"})  # from before the first migration


def configuration() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def newest() -> str | None:
    """Of the tables, as this version of deepgrade has them."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def known() -> set[str]:
    """All from which this version of deepgrade can go on."""
    return {one.revision for one in ScriptDirectory.from_config(configuration()).walk_revisions()}


def made_by(revision: str) -> str:
    """Who makes tables of a version that is not known here, in words."""
    maker = "an unreleased version" if revision in UNRELEASED else "an unreleased or a newer version"
    return f"was made by {maker} of deepgrade (tables {revision}; this version has {newest()})"


def must_be_known(revision: str | None, settings: Settings, database: str) -> None:
    """Raises DeepgradeError for tables of which this version would not know what it writes.

    revision : of the tables; None where there are none
    database : its file, or its address without a password
    """
    if revision is None or revision in known():
        return
    variables = "DEEPGRADE_HOME and DEEPGRADE_DATABASE" if settings.database else "DEEPGRADE_HOME"
    store = f" and in {settings.files}" if settings.files else ""
    other = "" if revision in UNRELEASED else "use the version that made it, or "
    raise DeepgradeError(
        f"{database}: {made_by(revision)}, so this one does not use it and has changed nothing; {other}start again "
        f"with a new {variables}; the submissions stay in the table `upload` of this database{store}"
    )


def of_file(path: Path) -> str | None:
    """The version of an SQLite file's tables, with the file as it was; None where it has none.

    A connection that may write makes files beside it, and writes into it when it ends. One that takes it for a file
    that never changes does not; but it would not see what lies in the write-ahead log of a service that runs, or was
    killed.
    """
    log = path.with_name(f"{path.name}-wal")
    immutable = not (log.exists() and log.stat().st_size)
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:  # no file, or no tables yet; what is wrong with it is said when it is used
        return None
    return row[0] if row else None
