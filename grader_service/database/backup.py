"""`deepgrade backup` and `restore`: all that must be kept, in one folder, while the service runs.

    FOLDER/
      backup.json            what is here: each file's size and SHA-256, the tables' version, when
      deepgrade.sqlite3      SQLite: a copy as of one moment, by its online backup
      deepgrade.dump         PostgreSQL: the same by pg_dump
      session.key  course.secret
      files/ab/abcd...       what DEEPGRADE_FILES holds, read by hash and so known to be whole

The folder has another name until all of it is on the disk: one without `.part` is whole. Whoever can read it knows all
that the service knows, so it is for nobody else's eyes; a secret that comes from DEEPGRADE_SECRET is not in it.

A restore looks at every byte first. It overwrites nothing: not a database, not a secret, not a table. What it has put
down when something fails is removed again.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import sqlalchemy as sa
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError

import autograder
from autograder.core.decoding import Decoder
from autograder.core.errors import DeepgradeError
from grader_service.core import secrets
from grader_service.core.settings import Settings
from grader_service.database import revisions
from grader_service.database.files import IN_STORE, Files, StoreError
from grader_service.database.models import Submission, Upload
from grader_service.database.session import Database, sqlite_file

CONTENTS = "backup.json"
SQLITE, POSTGRESQL = "deepgrade.sqlite3", "deepgrade.dump"
SECRETS = ("session.key", "course.secret")
FORMAT = 1
CHUNK = 2**20  # bytes that are read at once


class Kept(msgspec.Struct, frozen=True):
    """A file of the backup."""

    size: int  # bytes
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """`backup.json`."""

    format: int
    made_at: str  # ISO 8601, UTC
    deepgrade: str
    database: str  # "sqlite" or "postgresql"
    revision: str  # of the tables
    secret: str  # a hash that tells the course's secret from another, and from which it cannot be had
    files: dict[str, Kept]
    missing: list[str] = []  # uploads whose bytes the store did not give, or not whole

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(one.size for one in self.files.values())


_CONTENTS: Decoder[Contents] = Decoder(Contents)


def back_up(settings: Settings, folder: Path) -> Contents:
    """Make the folder. Raises DeepgradeError where it is there already or cannot be made, and leaves none then."""
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
        with closing(Database(settings)) as database, _sentences(f"{part}"):
            contents = _fill(settings, database, part)
            _write(part / CONTENTS, msgspec.json.format(msgspec.json.encode(contents), indent=2))
            _sync(part)
            part.rename(folder)
            _sync(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return contents


def _fill(settings: Settings, database: Database, part: Path) -> Contents:
    database.check_version()
    # Older secrets serve a newer database, not the other way round; they never change.
    secret = _told(secrets.course_secret(settings))
    secrets.session_key(settings)
    for name in SECRETS:
        if (settings.home / name).is_file():
            _write(part / name, (settings.home / name).read_bytes())
    kind = database.engine.dialect.name
    if kind == "sqlite":
        _copy_sqlite(sqlite_file(database.engine.url), part / SQLITE)
    else:
        _dump(database.engine.url, part / POSTGRESQL)
    # Files are never changed, so those that are newer than the database's copy do no harm.
    missing = _copy_files(settings, database, part / "files")
    return Contents(
        format=FORMAT,
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        deepgrade=autograder.__version__,
        database=kind,
        revision=_revision(database.engine) or "",
        secret=secret,
        files={path.relative_to(part).as_posix(): _look(path) for path in sorted(part.rglob("*")) if path.is_file()},
        missing=missing,
    )


def _copy_sqlite(source: Path, target: Path) -> None:
    """In one step, under one reader's view: writers go on meanwhile."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        found = copy.execute("PRAGMA quick_check").fetchall()
        if found != [("ok",)]:
            raise DeepgradeError(f"{source}: is damaged, so a copy would be useless ({found[0][0]})")
    _sync(target)


def _dump(url: sa.URL, target: Path) -> None:
    _postgresql("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    _sync(target)


def _copy_files(settings: Settings, database: Database, folder: Path) -> list[str]:
    """What lies in the store. Returns the hashes of what it did not give."""
    files, missing = Files(settings), []
    with database.read() as session:
        stored = sa.select(Upload.sha256).where(IN_STORE, sa.exists().where(Submission.sha256 == Upload.sha256))
        hashes = list(session.scalars(stored.order_by(Upload.sha256)))
    for sha256 in hashes:
        try:
            with database.read() as session:
                data = files.read(session, sha256)
        except sa.exc.NoResultFound:
            continue  # its person was deleted meanwhile
        except StoreError:
            missing.append(sha256)
            continue
        path = folder / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, data)
    return missing


def check(folder: Path) -> Contents:
    """What is in a backup. Raises DeepgradeError where it is none, or a byte of it is not what it was."""
    path = folder / CONTENTS
    try:
        contents = _CONTENTS.json(path.read_bytes())
    except OSError as error:
        raise DeepgradeError(f"{folder}: is not a backup: {CONTENTS} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DeepgradeError(f"{path}: was not written by `deepgrade backup` ({error})") from error
    if contents.format != FORMAT:
        raise DeepgradeError(
            f"{path}: has format {contents.format}, but this deepgrade reads format {FORMAT}; install a newer deepgrade"
        )
    if wrong := [name for name in contents.files if not _is_inside(name)]:
        raise DeepgradeError(f"{path}: names {wrong[0]!r}, which is not a file of a backup")
    with _sentences(str(folder)):
        for name, kept in contents.files.items():
            if not (folder / name).is_file():
                raise DeepgradeError(f"{folder / name}: is missing; use another backup")
            if _look(folder / name) != kept:
                raise DeepgradeError(
                    f"{folder / name}: differs from what was backed up (its checksum is wrong); use another backup"
                )
    return contents


def restore(settings: Settings, folder: Path) -> Contents:
    """Put all of it in place, where there is nothing yet.

    Raises DeepgradeError, with everything as it was, where the backup is damaged or something is there already.
    """
    contents = check(folder)
    if contents.revision not in revisions.known():
        files = f" and in {folder / 'files'}" if (folder / "files").is_dir() else ""
        raise DeepgradeError(
            f"{folder}: {revisions.made_by(contents.revision)}, so it cannot be restored; use the version that made "
            f"it, or start again with an empty home; the submissions stay in the table `upload` of its database{files}"
        )
    with closing(Database(settings)) as database, contextlib.ExitStack() as undo, _sentences(str(settings.home)):
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
        # The database comes last, and wholly or not at all: where it is, everything is.
        _put_database(database, folder, undo)
        undo.pop_all()
    return contents


def _put_database(database: Database, folder: Path, undo: contextlib.ExitStack) -> None:
    database.close()
    if database.engine.dialect.name == "sqlite":
        _place(folder / SQLITE, sqlite_file(database.engine.url), undo)
    else:
        how = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        _postgresql("pg_restore", database.engine.url, *how, str(folder / POSTGRESQL))


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
        there = home / name
        if name in contents.files and there.exists() and _look(there) != contents.files[name]:
            raise DeepgradeError(f"{there}: exists already and is different; move it away first")
    if os.environ.get("DEEPGRADE_SECRET") or (home / "course.secret").exists():
        if _told(secrets.course_secret(settings)) != contents.secret:
            raise DeepgradeError(
                "DEEPGRADE_SECRET is not the secret of this backup; hidden tests would draw other examples"
            )
    elif "course.secret" not in contents.files:
        raise DeepgradeError(
            "the backup contains no course.secret, because the course used DEEPGRADE_SECRET; "
            "set DEEPGRADE_SECRET to the same value"
        )


def _place_files(settings: Settings, database: Database, folder: Path, contents: Contents) -> None:
    """Into the store, found by hash: what is there already is the same, and what is too much harms nobody."""
    names = [name for name in contents.files if name.startswith("files/")]
    if names and not settings.files:
        raise DeepgradeError(
            f"{folder}: has {len(names)} uploads from a file store; set DEEPGRADE_FILES to the store for them"
        )
    files = Files(settings)
    for name in names:
        files.put(name.rpartition("/")[2], (folder / name).read_bytes())


def _place(source: Path, target: Path, undo: contextlib.ExitStack) -> None:
    """A copy that is there wholly or not at all."""
    draft = target.with_name(f".{target.name}.restored")
    undo.callback(draft.unlink, missing_ok=True)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(read, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())
    os.link(draft, target)  # fails where somebody was faster
    undo.callback(target.unlink, missing_ok=True)
    draft.unlink()
    _sync(target.parent)


def _postgresql(program: str, url: sa.URL, *arguments: str) -> None:
    """One of PostgreSQL's own programs, which is told the password by its environment: others can read arguments."""
    without = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    address = without.render_as_string()
    environment = {**os.environ, "PGPASSWORD": str(url.password or os.environ.get("PGPASSWORD", ""))}
    try:
        done = subprocess.run(
            [_program(program), "--no-password", f"--dbname={address}", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise DeepgradeError(
            f"{program} cannot be run ({error.strerror}); install PostgreSQL's client programs of the "
            "server's version or newer"
        ) from error
    if done.returncode:
        raise DeepgradeError(f"{program} failed: {' '.join(done.stderr.split())[:500]}")


def _program(name: str) -> str:
    """The one in PATH, else the newest that Debian has put aside: an older one refuses a newer server."""
    put_aside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(put_aside[-1]) if put_aside else name


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _told(secret: bytes) -> str:
    return hmac.new(secret, b"deepgrade backup", hashlib.sha256).hexdigest()[:16]


def _is_inside(name: str) -> bool:
    """`backup.json` comes from a disk that others may have had: no name in it leads out of the folder."""
    if name in (SQLITE, POSTGRESQL, *SECRETS):
        return True
    parts = name.split("/")
    return (
        len(parts) == 3
        and parts[0] == "files"
        and len(parts[2]) == 64
        and set(parts[2]) <= set("0123456789abcdef")
        and parts[1] == parts[2][:2]
    )


def _look(path: Path) -> Kept:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Kept(size, digest.hexdigest())


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _sentences(place: str) -> Iterator[None]:
    """What a disk or a database says, as a sentence."""
    try:
        yield
    except OSError as error:
        raise DeepgradeError(
            f"{error.filename or place}: {error.strerror or error}; all partial results were removed"
        ) from error
    except (sqlite3.Error, OperationalError) as error:
        words = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise DeepgradeError(
            f"the database cannot be read or written ({words}); all partial results were removed"
        ) from error
