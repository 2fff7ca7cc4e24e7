"""The tables of a real PostgreSQL: made from nothing, brought up from each older version, and used by the pages."""

from __future__ import annotations

import hashlib
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from narrowing import not_none

from grader_service.accounts import accounts, deletion
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import AuditEntry, Base, CourseAssignment, Person, Submission, Upload
from grader_service.database.session import Database
from grader_service.web.app import create_app

from ..conftest import COURSE, PASSWORD, User

ZIP = hashlib.sha256(b"zip").hexdigest()
FIRST = (
    "INSERT INTO person VALUES (3, 'ada', 'Ada', 'student', 'h', false, 's', 1.0)",
    "INSERT INTO person VALUES (4, 'root', 'Root', 'admin', 'h', false, 's', 1.0)",
    f"INSERT INTO upload (sha256, data) VALUES ('{ZIP}', 'zip')",
    f"INSERT INTO submission VALUES (7, 3, 'double', 'd.zip', '{ZIP}', '[]', 'key', 5.5)",
)


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)


@pytest.fixture
def settings(new_database, tmp_path) -> Settings:
    return Settings(home=tmp_path, database=new_database(), course=COURSE)


def test_from_nothing_the_tables_are_what_the_models_describe(settings):
    database = Database(settings)
    database.upgrade()
    assert differences(database) == []
    database.close()


@pytest.mark.threat(47)
@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
def test_from_an_older_version_everything_is_kept_and_everybody_has_a_role(settings, version):
    database = Database(settings)
    database.upgrade("0001")
    with database.engine.begin() as connection:
        for line in FIRST:
            connection.exec_driver_sql(line)
    database.upgrade(version)
    database.upgrade()
    assert differences(database) == []
    with database.read() as session:
        ada, root = not_none(accounts.find(session, "ada")), not_none(accounts.find(session, "root"))
        assert (ada.role_in(1), ada.is_operator, root.memberships[0].role, root.is_operator) == (
            "student",
            False,
            "admin",
            True,
        )
        kept = session.get_one(Submission, 7)
        assert (kept.in_course.slug, kept.kind, kept.received_at) == ("course", "code", 5.5)
    with database.write() as session:
        assert courses.create(session, None, slug="next", title="Next", timezone="UTC").id == 2
    database.close()


@pytest.mark.threat(47)
def test_pages_policies_and_deletion_work_there_as_well(settings):
    app = create_app(settings)
    app.testing = True
    database = app.extensions["services"].database
    with database.write() as session:
        eve, _ = accounts.create(session, login="eve", role="staff", password=PASSWORD)
        ada, _ = accounts.create(session, login="ada", password=PASSWORD)
        session.execute(sa.update(CourseAssignment).values(due_at=time.time() + 86400))
    user, staff = User(app.test_client()), User(app.test_client())
    user.sign_in("ada")
    staff.sign_in("eve")
    user.handed_in()
    dates = "/courses/course/staff/dates/double"
    sent = {"extension-login": "ada", "extension-due_at": "2999-01-01T00:00", "extension-reason": "ill"}
    assert staff.post(f"{dates}/extensions", sent, form_at=dates).status_code == 303
    for path in ("/", "/courses/course/assignments/double", "/submissions/1", "/account"):
        assert user.get(path).status_code == 200
    for path in (dates, "/courses/course/staff/people", "/courses/course/staff/grades"):
        assert staff.get(path).status_code == 200
    with database.write() as session:
        deletion.erase(session, eve, session.get_one(Person, ada.id))
    with database.read() as session:
        assert session.scalar(sa.select(Submission.id)) is None
        assert session.scalar(sa.select(Upload.sha256)) is None
        assert session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()[-1] == "person deleted"
    database.close()
