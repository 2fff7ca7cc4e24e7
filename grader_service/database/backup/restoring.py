"""Restores a backup into an empty home and an empty database."""

from __future__ import annotations

import contextlib
import os
import shutil
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from autograder.core.errors import DeepgradeError
from grader_service.core import secrets
from grader_service.core.settings import Settings
from grader_service.database import revisions
from grader_service.database.backup import postgresql
from grader_service.database.backup.contents import POSTGRESQL, SECRETS, SQLITE, Contents, check, fingerprint, look
from grader_service.database.backup.disk import CHUNK, sentences, sync
from grader_service.database.files import Files
from grader_service.database.session import Database, sqlite_file


def restore(settings: Settings, folder: Path) -> Contents:
    """Restore all of a backup into an empty home and an empty database.

    Raises DeepgradeError, and changes nothing, if the backup is damaged or the home or the database is not empty.
    """
    contents = check(folder)
    if contents.revision not in revisions.known():
        files = f" and in {folder / 'files'}" if (folder / "files").is_dir() else ""
        raise DeepgradeError(
            f"{folder}: {revisions.made_by(contents.revision)}, so it cannot be restored; use the version that made "
            f"it, or start again with an empty home; the submissions stay in the table `upload` of its database{files}"
        )
    with closing(Database(settings)) as database, contextlib.ExitStack() as undo, sentences(str(settings.home)):
        kind = database.engine.dialect.name
        if kind != contents.database:
            raise DeepgradeError(
                f"{folder}: contains a {contents.database} database, but DEEPGRADE_DATABASE names a {kind} database; "
                f"set it to a {contents.database} database"
            )
        _must_be_empty(settings, database, contents)
        _place_files(settings, database, folder, contents)
        for name in SECRETS:
            if name in contents.files and not (settings.home / name).exists():
                _place(folder / name, settings.home / name, undo)
        # The database comes last, in one step: if it exists, everything is restored.
        _put_database(database, folder, undo)
        undo.pop_all()
    return contents


def _put_database(database: Database, folder: Path, undo: contextlib.ExitStack) -> None:
    database.close()
    if database.engine.dialect.name == "sqlite":
        _place(folder / SQLITE, sqlite_file(database.engine.url), undo)
    else:
        how = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        postgresql.run("pg_restore", database.engine.url, *how, str(folder / POSTGRESQL))


def _must_be_empty(settings: Settings, database: Database, contents: Contents) -> None:
    home = settings.home
    if database.engine.dialect.name == "sqlite":
        path = sqlite_file(database.engine.url)
        for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if one.exists():
                raise DeepgradeError(f"{one}: exists already, and restoring overwrites nothing; move it away first")
    else:
        with database.in_reach(), database.engine.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
        if tables:
            raise DeepgradeError(
                f"the database has {len(tables)} tables already ({', '.join(sorted(tables)[:3])} ...), and restoring "
                "overwrites nothing; set DEEPGRADE_DATABASE to an empty database"
            )
    for name in SECRETS:
        secret = home / name
        if name in contents.files and secret.exists() and look(secret) != contents.files[name]:
            raise DeepgradeError(f"{secret}: exists already and is different; move it away first")
    if os.environ.get("DEEPGRADE_SECRET") or (home / "course.secret").exists():
        if fingerprint(secrets.course_secret(settings)) != contents.secret:
            raise DeepgradeError(
                "DEEPGRADE_SECRET is not the secret of this backup; hidden tests would draw other examples"
            )
    elif "course.secret" not in contents.files:
        raise DeepgradeError(
            "the backup contains no course.secret, because the course used DEEPGRADE_SECRET; "
            "set DEEPGRADE_SECRET to the same value"
        )


def _place_files(settings: Settings, database: Database, folder: Path, contents: Contents) -> None:
    """Copies files into the store by their hash: an existing file is the same, and an additional file does no harm."""
    names = [name for name in contents.files if name.startswith("files/")]
    if names and not settings.files:
        raise DeepgradeError(
            f"{folder}: has {len(names)} uploads from a file store; set DEEPGRADE_FILES to the store for them"
        )
    files = Files(settings)
    for name in names:
        files.put(name.rpartition("/")[2], (folder / name).read_bytes())


def _place(source: Path, target: Path, undo: contextlib.ExitStack) -> None:
    """Copies a file in one step: the target is complete, or it does not exist."""
    draft = target.with_name(f".{target.name}.restored")
    undo.callback(draft.unlink, missing_ok=True)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(read, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())
    os.link(draft, target)  # fails if another process was faster
    undo.callback(target.unlink, missing_ok=True)
    draft.unlink()
    sync(target.parent)
