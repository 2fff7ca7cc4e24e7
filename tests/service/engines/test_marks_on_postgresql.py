"""The grade book and what changes it, on a real PostgreSQL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from grader_service.core.settings import Settings
from grader_service.database import audit
from grader_service.database.models import Course
from grader_service.web.app import create_app

from ..conftest import COURSE
from ..support import pages_list
from ..support.pages_list import signed_in


@pytest.fixture
def settings(new_database, tmp_path) -> Settings:
    return Settings(home=tmp_path, database=new_database(), course=COURSE)


def test_staff_s_pages_and_a_regrade_work_there_as_well(settings):
    app = create_app(settings)
    pages_list.populate(app)
    eve = signed_in(app, "eve")
    for page in pages_list.PAGES:
        if page.who == "eve":
            expected = 502 if page.name == "staff-lti-roster" else 200  # its platform is silent
            assert eve.get(page.path).status_code == expected, page.path
    for form in ("course", "gradescope", "otter"):
        assert eve.get(f"/courses/course/staff/grades.csv?form={form}").status_code == 200
    at = "/courses/course/staff/regrades/1"
    assert eve.post(f"{at}/count", form_at=at).status_code == 303
    assert eve.post(f"{at}/withdraw", {"reason": "it was right"}, form_at=at).status_code == 303
    with app.extensions["services"].database.read() as session:
        told = [entry.action for entry in audit.entries(session, session.scalars(sa.select(Course)).one())]
    assert {"regrade counted", "regrade withdrawn", "override set", "rubric scored"} <= set(told)
    app.extensions["services"].database.close()
