"""Versions of the tables: which ones this deepgrade can bring up to date, and the errors for all others.

A version is the revision of a migration. The unreleased versions before 0.1.0 had six of their own. No migration
starts from these: their databases are refused and not changed.
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
UNRELEASED = frozenset({"0001", "0002", "0003", "0004", "0005", "0006"})  # before the first migration


def configuration() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def newest() -> str | None:
    """The version of the tables of this deepgrade."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def known() -> set[str]:
    """The versions that this deepgrade can bring up to date."""
    return {one.revision for one in ScriptDirectory.from_config(configuration()).walk_revisions()}


def made_by(revision: str) -> str:
    """The program that makes tables of an unknown version, in words."""
    maker = "an unreleased version" if revision in UNRELEASED else "an unreleased or a newer version"
    return f"was made by {maker} of deepgrade (tables {revision}; this version has {newest()})"


def must_be_known(revision: str | None, settings: Settings, database: str) -> None:
    """Raises DeepgradeError for tables of an unknown version.

    revision : the version of the tables; None without tables
    database : the file, or the address without a password
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
    """The version of an SQLite file's tables; None without tables. The file does not change.

    A connection that may write makes files beside it, and writes into it when it ends. An immutable connection does
    not; but it does not see the write-ahead log of a service that runs or was killed.
    """
    log = path.with_name(f"{path.name}-wal")
    immutable = not (log.exists() and log.stat().st_size)
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:  # no file, or no tables yet; the first use reports other errors
        return None
    return row[0] if row else None
