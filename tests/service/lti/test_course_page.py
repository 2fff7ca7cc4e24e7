"""The page of a connected course: refused grades are sent again, and a course is disconnected on purpose."""

from __future__ import annotations

import sqlalchemy as sa

from grader_service.database.models import AuditEntry, LtiContext, LtiLink

from .conftest import known, launched

AT = "/courses/course/staff/lti"


def test_an_admin_disconnects_a_course_after_ticking_the_box(platform, user, database):
    known(database, platform, "s-1", "ada")
    launched(user(), platform, "s-1")
    root = user("max", role="admin")
    assert "Deep learning at Example LMS" in root.get(AT).text
    assert "no column of grades" not in root.get(AT).text
    for fields, left in (({}, 1), ({"confirm": "1"}, 0)):
        assert root.post(f"{AT}/1/disconnect", fields, form_at=AT).status_code == 303
        with database.read() as session:
            assert len(session.scalars(sa.select(LtiContext)).all()) == left
            assert len(session.scalars(sa.select(LtiLink)).all()) == left
    with database.read() as session:
        assert "context removed" in session.scalars(sa.select(AuditEntry.action)).all()
    assert "have not connected it" in launched(user(), platform, "s-1").text


def test_staff_send_refused_grades_again(platform, user, database):
    eve = user("eve", role="staff")
    answer = eve.post(f"{AT}/1/again", form_at=AT)
    assert "0 grades will be sent again" in eve.get(answer.location).text
    assert eve.post(f"{AT}/1/disconnect", {"confirm": "1"}, form_at=AT).status_code == 403
