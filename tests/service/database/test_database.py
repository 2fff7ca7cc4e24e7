"""The tables are what the models describe, and the database keeps what it has said."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from autograder.core.errors import DeepgradeError
from grader_service.core.settings import Settings
from grader_service.database.files import Files
from grader_service.database.models import Base, Job, Picture, Submission, Upload
from grader_service.database.session import Database
from grader_service.grading import results

ZIP = hashlib.sha256(b"zip").hexdigest()
FIRST_STOREY = (
    "INSERT INTO person VALUES (3, 'ada', 'Ada', 'student', 'h', false, 's', 1.0)",
    f"INSERT INTO upload VALUES ('{ZIP}', CAST('zip' AS BLOB))",
    f"INSERT INTO submission VALUES (7, 3, 'double', 'd.zip', '{ZIP}', '[]', 'key', 5.5)",
    "INSERT INTO job VALUES (8, 7, 'done', 'cpu', 0, 0.0, 1, NULL, 'w', NULL, 0, 0, '', 5, 5)",
    """INSERT INTO result VALUES (9, 7, CAST('{"tests_sha256": "ab"}' AS BLOB), 'graded', 1.0, 2.0, 6.0)""",
    "INSERT INTO picture VALUES (9, 'k', CAST('png' AS BLOB))",
)


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
@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
def test_a_database_of_the_first_storey_keeps_all_that_it_holds(settings, version):
    """Tables as they were at 0001, with rows in each, brought up to date: at once, or by way of another version."""
    database = Database(settings)
    database.upgrade("0001")
    with pytest.raises(DeepgradeError, match="of version 0001, but this program needs version"):
        database.check_version()
    with database.engine.begin() as connection:
        for line in FIRST_STOREY:
            connection.exec_driver_sql(line)
    database.upgrade(version)
    database.upgrade()
    database.check_version()
    with database.read() as session:
        kept = session.get_one(Submission, 7)
        assert (kept.job.state, kept.job.person_id, kept.job.batch, kept.job.queued_at) == ("done", 3, "", 5.5)
        assert (kept.in_course.slug, kept.kind, kept.person.role_in(1)) == ("course", "code", "student")
        outcome = results.of(session, [7])[7]
        assert (outcome.points, outcome.batch, outcome.tests_sha256) == (1.0, "", "ab")
        assert Files(settings).read(session, kept.sha256) == b"zip"
        assert session.get_one(Upload, kept.sha256).size == 3
        assert session.get_one(Picture, (9, "k")).png == b"png"
    with pytest.raises(sa.exc.IntegrityError), database.write() as session:
        session.execute(sa.delete(Upload))  # what refers to it does so still
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, Base.metadata) == []


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
