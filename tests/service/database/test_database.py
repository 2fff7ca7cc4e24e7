"""The tables are what the models describe, and the database keeps what it has said."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from autograder.core.errors import DeepgradeError, GraderError
from grader_service.core import secrets
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database import backup, revisions
from grader_service.database.files import Files
from grader_service.database.models import Base, Job, Submission, Upload
from grader_service.database.session import Database
from grader_service.grade_worker import work
from grader_service.grading import results
from grader_service.serve import serve
from grader_service.web.app import create_app

from ..support import first_tables


def test_migrations_make_what_the_models_describe(settings):
    database = Database(settings)
    database.upgrade()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, Base.metadata) == []
        made = {
            check["name"]
            for table in Base.metadata.tables
            for check in sa.inspect(connection).get_check_constraints(table)
        }
    described = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    assert made == described, "checks are not compared"


@pytest.mark.threat(47)
@pytest.mark.parametrize("way", first_tables.ways(), ids=" ".join)
def test_a_database_of_the_first_tables_keeps_all_that_it_holds(settings, way):
    """Rows in each table, brought up to date by every later migration: at once, and by way of each between."""
    database = Database(settings)
    first_tables.fill(database)
    for revision in way:
        database.upgrade(revision)
    database.check_version()
    assert first_tables.lost(database) == []
    with database.read() as session:
        kept = session.get_one(Submission, 9)
        assert (kept.in_course.slug, kept.assignment, kept.person.role_in(2)) == ("next", "double", "student")
        assert [one.draft for one in courses.assignments(session, kept.in_course)] == [False, True]
        outcome = results.of(session, [9])[9]
        assert (outcome.points, outcome.batch) == (1.5, "regrade-1")
        assert Files(settings).read(session, kept.sha256) == b"zip"
    with pytest.raises(sa.exc.IntegrityError), database.write() as session:
        session.execute(sa.delete(Upload))  # what refers to it does so still


HEADER = (
    'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{}"\ndown_revision = "{}"\n\n\ndef upgrade():\n'
)
FINE = """\
    op.add_column("comment", sa.Column("seen", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("submission") as table:
        table.alter_column("filename", type_=sa.String(300))
        table.create_index("ix_submission_form_key", ["form_key"])
"""


@pytest.fixture
def add_migration(tmp_path, monkeypatch):
    """`add_migration(lines)` makes up a migration behind the last one; no file of the service is changed."""
    folder = tmp_path / "migrations"
    shutil.copytree(revisions.MIGRATIONS, folder)
    monkeypatch.setattr(revisions, "MIGRATIONS", folder)

    def add(lines: str) -> None:
        before = str(revisions.newest())
        name = f"{len(revisions.known()) + 1:04}_made_up"
        (folder / "versions" / f"{name}.py").write_text(HEADER.format(name, before) + lines)

    return add


@pytest.mark.threat(47)
def test_a_later_migration_is_tried_by_itself(settings, add_migration):
    """The next one that is added is in the ways of the test above, and what stays is looked at."""
    real = first_tables.later()
    add_migration(FINE)
    add_migration('    op.drop_index("ix_submission_form_key", "submission")\n')
    ways = first_tables.ways()
    made_up = [f"{2 + len(real):04}_made_up", f"{3 + len(real):04}_made_up"]
    assert ways == [["head"], [*real, *made_up, "head"]]
    for number, way in enumerate(ways):
        database = Database(dataclasses.replace(settings, home=settings.home.with_name(f"way{number}")))
        first_tables.fill(database)
        with pytest.raises(DeepgradeError, match=f"version 0001_first, but this program needs version {made_up[1]}"):
            database.check_version()
        for revision in way:
            database.upgrade(revision)
        database.check_version()
        assert first_tables.lost(database) == []


@pytest.mark.parametrize("lines, what", [
    ('    op.execute("DELETE FROM comment")\n', ["comment: {'id': 17,"]),
    ('    op.execute("UPDATE result SET points = 0")\n', ["result: {'id': 13,", "result: {'id': 14,"]),
    ('    op.drop_table("sheet")\n', ["sheet"]),
    ('    with op.batch_alter_table("host") as table:\n        table.drop_column("lacks")\n', ["host.lacks"]),
])  # fmt: skip
def test_a_later_migration_that_loses_something_is_noticed(settings, add_migration, lines, what):
    database = Database(settings)
    first_tables.fill(database)
    add_migration(lines)
    database.upgrade()
    found = first_tables.lost(database)
    assert [one[: len(start)] for one, start in zip(found, what, strict=True)] == what


def test_a_migration_that_breaks_a_reference_changes_nothing(settings, add_migration):
    database = Database(settings)
    first_tables.fill(database)
    add_migration('    op.execute("DELETE FROM course_assignment")\n')
    with pytest.raises(AssertionError, match="the migration broke references between rows"):
        database.upgrade()
    assert first_tables.lost(database) == []


OLD = ("0001", "0006")


def _bytes_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file, and when it was last written; without SQLite's index of its log, which each reader makes anew."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


@pytest.fixture(params=["closed", "killed"])
def old_home(request, settings):
    """`old_home(revision)`: a home of an older checkout, whose service was stopped, or was killed and left a log."""
    database = Database(settings)
    database.upgrade()
    database.close()
    secrets.session_key(settings)
    path, end = settings.home / "deepgrade.sqlite3", {"closed": "connection.close()", "killed": "os._exit(0)"}

    def make(revision: str) -> dict[str, tuple[bytes, int]]:
        code = f"import os, sqlite3; connection = sqlite3.connect({str(path)!r}); connection.execute('UPDATE "
        code += f"alembic_version SET version_num = ?', [{revision!r}]); connection.commit(); {end[request.param]}"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert path.with_name(f"{path.name}-wal").exists() is (request.param == "killed")
        return _bytes_of(settings.home)

    return make


STARTS = {
    "serve": lambda settings: serve(port=0, settings=settings),
    "work": lambda settings: work(settings=dataclasses.replace(settings, host="other"), slots=1, gpus=()),
    "create_app": create_app,
    "back_up": lambda settings: backup.back_up(settings, settings.home.with_name("copy")),
}


@pytest.mark.threat(47)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("revision", [*OLD, "9999"])
def test_a_home_of_an_unreleased_version_is_refused_and_left_as_it_is(settings, old_home, monkeypatch, start, revision):
    before = old_home(revision)
    monkeypatch.setattr("grader_service.serve._check_up", lambda: None)
    monkeypatch.setenv("DEEPGRADE_SECRET", "0123456789abcdef0123456789abcdef")
    with pytest.raises(DeepgradeError) as refused:
        STARTS[start](settings)
    told = str(refused.value)
    assert not isinstance(refused.value, GraderError), "exit 2"
    assert told.startswith(f"{settings.home / 'deepgrade.sqlite3'}: was made by an unreleased ")
    assert ("or a newer version" in told) is (revision not in OLD)
    assert "start again with a new DEEPGRADE_HOME; the submissions stay in the table `upload` of this database" in told
    assert _bytes_of(settings.home) == before
    assert not settings.home.with_name("copy").exists()


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["queue"]])
def test_such_a_home_is_one_sentence_and_exit_2(settings, old_home, command):
    before = old_home("0006")
    bare = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    words = [sys.executable, "-m", "autograder.cli", *command]
    done = subprocess.run(
        words, env=bare | settings.to_environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.count("unreleased") == 1
    assert "Traceback" not in done.stderr
    assert _bytes_of(settings.home) == before


def test_uploads_in_a_store_are_named_as_well(settings, old_home, tmp_path):
    old_home("0006")
    with pytest.raises(DeepgradeError, match=f"of this database and in {(tmp_path / 'store').as_uri()}$"):
        Database(dataclasses.replace(settings, files=(tmp_path / "store").as_uri()))


def test_the_database_of_a_running_service_is_seen_through_its_log(settings):
    """A new home whose service runs: its version lies in the log, and a command beside it goes on."""
    database = Database(settings)
    database.upgrade()
    with database.read() as session:
        session.execute(sa.select(Upload)).all()
        assert revisions.of_file(settings.home / "deepgrade.sqlite3") == revisions.newest()
        Database(settings).check_version()


def test_starting_again_changes_nothing(user, app, database):
    user("ada")
    database.upgrade()
    assert user().sign_in("ada").status_code == 303


def test_writers_that_read_first_wait_for_each_other(user, database):
    number = user("ada").handed_in()

    def add() -> None:
        for _ in range(10):
            with database.write() as session:
                job = session.scalars(sa.select(Job).where(Job.submission_id == number)).one()
                job.attempt += 1

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(add) for _ in range(4)]:
            done.result()
    with database.read() as session:
        assert session.scalars(sa.select(Job.attempt)).one() == 40


def test_a_database_out_of_reach_is_told_on_a_page_of_its_own(user, database):
    ada = user("ada")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE person RENAME TO gone")
        connection.commit()
    answer = ada.get("/")
    assert answer.status_code == 503
    assert "Try again in a minute" in answer.text


def test_a_database_that_cannot_be_used_is_told_in_a_sentence_without_its_password(tmp_path):
    database = Database(Settings(home=tmp_path, database="postgresql://u:secret@127.0.0.1:1/d"))
    for use in (database.upgrade, database.check_version):
        with pytest.raises(
            DeepgradeError, match=r"^the database .*u:\*\*\*@127.0.0.1:1/d cannot be used \(.*refused.*"
        ) as told:
            use()
        assert "secret" not in str(told.value)


@pytest.mark.threat(46)
def test_errors_of_the_database_do_not_hold_what_was_stored(user, database):
    twice = sa.insert(Upload).values([{"sha256": "canary", "data": b""}] * 2)
    with pytest.raises(sa.exc.IntegrityError) as error, database.write() as session:
        session.execute(twice)
    assert "canary" not in str(error.value)


@pytest.mark.threat(36)
def test_sqlite_keeps_what_it_has_said(database):
    with database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert found == ["wal", 2, 60_000, 1]
