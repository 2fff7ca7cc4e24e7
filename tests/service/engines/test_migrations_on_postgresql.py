"""The tables of a real PostgreSQL: made from nothing, brought up from the first version, and used by the pages."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from narrowing import not_none
from sqlalchemy.orm import Session

from autograder.core.errors import DeepgradeError, Refused
from grader_service.accounts import accounts, deletion
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import AuditEntry, Base, CourseAssignment, Person, Submission, Upload
from grader_service.database.session import Database
from grader_service.queue import enqueue
from grader_service.submissions.submissions import accept
from grader_service.web.app import create_app

from ..conftest import COURSE, PASSWORD, User
from ..support import first_tables


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
@pytest.mark.parametrize("way", first_tables.ways(), ids=" ".join)
def test_a_database_of_the_first_tables_keeps_all_that_it_holds(settings, way):
    database = Database(settings)
    first_tables.fill(database)
    for revision in way:
        database.upgrade(revision)
    assert differences(database) == []
    assert first_tables.lost(database) == []
    database.close()


def test_the_first_course_is_there_and_the_next_has_a_number_of_its_own(settings):
    database = Database(settings)
    database.upgrade()
    with database.write() as session:
        assert accounts.first_course(session).slug == "course"
        assert courses.create(session, None, slug="next", title="Next", timezone="UTC").id == 2
    database.close()


@pytest.mark.threat(47)
@pytest.mark.parametrize("revision", ["0001", "0006", "9999"])
def test_tables_of_an_unreleased_version_are_refused_and_left_as_they_are(settings, revision):
    database = Database(settings)
    first_tables.fill(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    for use in (database.upgrade, database.check_version, lambda: create_app(settings)):
        with pytest.raises(DeepgradeError, match=rf"was made by an unreleased .*\(tables {revision};") as refused:
            use()
        told = (
            "start again with a new DEEPGRADE_HOME and DEEPGRADE_DATABASE; the submissions stay in the table `upload`"
        )
        assert told in str(refused.value)
    assert first_tables.lost(database) == []
    database.close()


def hand_in(session: Session) -> None:
    accept(
        session,
        not_none(accounts.find(session, "eve")),
        accounts.first_course(session),
        "double",
        upload=Upload(sha256="x", data=b"zip", size=3),
        filename="",
        notes=[],
        form_key="k",
        needs=enqueue.Needs(),
    )


def remove(session: Session) -> None:
    chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
    courses.remove(session, not_none(accounts.find(session, "eve")), chosen)


@pytest.mark.parametrize(
    "first, second, refusal", [(remove, hand_in, "has no assignment 'double'"), (hand_in, remove, "has submissions")]
)
def test_who_hands_in_and_who_removes_the_assignment_wait_for_each_other(settings, first, second, refusal):
    database = Database(settings, connections=4)
    database.upgrade()
    with database.write() as session:
        eve, _ = accounts.create(session, login="eve", role="staff", password=PASSWORD)
        courses.add(session, eve, accounts.first_course(session), "double")

    def follow() -> None:
        with database.write() as session:
            second(session)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            first(session)
            session.flush()
            done = pool.submit(follow)
            assert waiting_for_a_lock(database)
        with pytest.raises((DeepgradeError, Refused), match=refusal):
            done.result()
    database.close()


def waiting_for_a_lock(database: Database) -> bool:
    """Until somebody does; False where nobody did within the patience of a test."""
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with database.read() as session:
            if session.scalar(query):
                return True
        time.sleep(0.05)
    return False


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
