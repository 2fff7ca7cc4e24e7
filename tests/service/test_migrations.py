"""The migrations make the tables that the models describe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from grader_service.database import Database
from grader_service.models import Base


def test_migrations_make_what_the_models_describe(settings):
    database = Database(settings)
    database.upgrade()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, Base.metadata) == []
        made = {
            check["name"]
            for table in ("person", "job")
            for check in sa.inspect(connection).get_check_constraints(table)
        }
    assert made == {"ck_person_role", "ck_job_state"}, "checks are not compared"


def test_starting_again_changes_nothing(user, app, database):
    user("ada")
    database.upgrade()
    assert user().sign_in("ada").status_code == 303


def test_sqlite_keeps_what_it_has_said(database):
    with database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert found == ["wal", 2, 60_000, 1]
