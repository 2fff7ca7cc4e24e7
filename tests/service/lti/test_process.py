"""The real service sends grades by itself, also what waited while it was down."""

from __future__ import annotations

from narrowing import not_none

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.database.session import Database
from grader_service.lti import keys, platforms

from ..conftest import COURSE, PASSWORD
from ..support.platform import Platform, running
from ..support.processes import serving, wait_for
from .conftest import connected, known
from .graded_course import GradedCourse


def test_the_service_sends_grades_as_they_change_and_after_a_restart(tmp_path):
    settings = Settings(home=tmp_path / "home", course=COURSE)
    platform = Platform(lambda: keys.public(settings), "http://localhost/lti/launch")
    with running(platform):
        with serving(settings):
            database = Database(settings)
            with database.write() as session:
                root, _ = accounts.create(session, login="root", role="admin", password=PASSWORD)
                root.is_operator = True
                platforms.add(session, root, platform.registration(), [platform.deployment])
            connected(database, platform)
            ada = known(database, platform, "s-1", "ada")
            course = GradedCourse(database, settings)
            course.link(platform)
            course.hand_in(ada, 3.0)
            wait_for(lambda: platform.grades(1) == {"s-1": 0.6})
        course.by_hand(ada, 4.0)
        assert len(platform.recorded) == 1
        with serving(settings):
            wait_for(lambda: platform.grades(1) == {"s-1": 0.8})
        with database.read() as session:
            assert not_none(accounts.find(session, "ada")).id == ada
        database.close()
    assert [score for _, _, score, _ in platform.recorded] == [3.0, 4.0]
