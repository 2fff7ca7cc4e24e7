"""Making a backup, while the service runs."""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import sqlalchemy as sa

import autograder
from autograder.core.errors import DeepgradeError
from grader_service.core import secrets
from grader_service.core.settings import Settings
from grader_service.database.backup import postgresql
from grader_service.database.backup.contents import (
    CONTENTS,
    FORMAT,
    POSTGRESQL,
    SECRETS,
    SQLITE,
    Contents,
    fingerprint,
    look,
)
from grader_service.database.backup.disk import sentences, sync, write
from grader_service.database.files import IN_STORE, Files, StoreError
from grader_service.database.models import Submission, Upload
from grader_service.database.session import Database, sqlite_file


def back_up(settings: Settings, folder: Path) -> Contents:
    """Make the folder. Raises DeepgradeError if it exists already or cannot be made. Then no folder is left."""
    if folder.exists():
        raise DeepgradeError(f"{folder}: exists already, and a backup overwrites nothing; name another folder")
    os.umask(0o077)
    part = folder.with_name(f"{folder.name}.part")
    try:
        part.mkdir(parents=True)
    except FileExistsError as error:
        raise DeepgradeError(
            f"{part}: exists already; if no other backup is running, remove it and try again"
        ) from error
    except OSError as error:
        raise DeepgradeError(f"{part}: cannot be made ({error.strerror}); name another folder") from error
    try:
        with closing(Database(settings)) as database, sentences(f"{part}"):
            contents = _fill(settings, database, part)
            write(part / CONTENTS, msgspec.json.format(msgspec.json.encode(contents), indent=2))
            sync(part)
            part.rename(folder)
            sync(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return contents


def _fill(settings: Settings, database: Database, part: Path) -> Contents:
    database.check_version()
    # Secrets never change, but for the keys for platforms, of which each state fits each database. Older secrets fit a
    # newer database; newer secrets may not fit an older one.
    secret = fingerprint(secrets.course_secret(settings))
    secrets.session_key(settings)
    for name in SECRETS:
        if (settings.home / name).is_file():
            write(part / name, (settings.home / name).read_bytes())
    kind = database.engine.dialect.name
    if kind == "sqlite":
        _copy_sqlite(sqlite_file(database.engine.url), part / SQLITE)
    else:
        _dump(database.engine.url, part / POSTGRESQL)
    # Files never change, so files that are newer than the database's copy do no harm.
    missing = _copy_files(settings, database, part / "files")
    return Contents(
        format=FORMAT,
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        deepgrade=autograder.__version__,
        database=kind,
        revision=database.revision() or "",
        secret=secret,
        files={path.relative_to(part).as_posix(): look(path) for path in sorted(part.rglob("*")) if path.is_file()},
        missing=missing,
    )


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copies one state of the database; writers continue."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        rows = copy.execute("PRAGMA quick_check").fetchall()
        if rows != [("ok",)]:
            raise DeepgradeError(f"{source}: is damaged, so a copy would be useless ({rows[0][0]})")
    sync(target)


def _dump(url: sa.URL, target: Path) -> None:
    postgresql.run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    sync(target)


def _copy_files(settings: Settings, database: Database, folder: Path) -> list[str]:
    """Copies the files of the store. Returns the hashes of missing files."""
    files, missing = Files(settings), []
    with database.read() as session:
        stored = sa.select(Upload.sha256).where(IN_STORE, sa.exists().where(Submission.sha256 == Upload.sha256))
        hashes = list(session.scalars(stored.order_by(Upload.sha256)))
    for sha256 in hashes:
        try:
            with database.read() as session:
                data = files.read(session, sha256)
        except sa.exc.NoResultFound:
            continue  # its person was deleted since
        except StoreError:
            missing.append(sha256)
            continue
        path = folder / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, data)
    return missing
