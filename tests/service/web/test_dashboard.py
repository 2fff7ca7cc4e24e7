"""What stands under "Due soon" on the first page, and in which order."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from grader_service.accounts import accounts
from grader_service.courses import courses, late_policy
from grader_service.courses.late_policy import DAY, Attempt
from grader_service.database.models import Course, CourseAssignment, Person
from grader_service.grading import scores
from grader_service.web.pages.assignments import Row

NOW = 1_000_000_000.0
HOUR = 3600.0
CODE, TEXT = Attempt(1, NOW - 30 * DAY), Attempt(2, NOW - 30 * DAY)


def row(*, attempts=(), written=None, archived=False, **policy_fields) -> Row:
    fields = {
        "draft": False, "release_at": 0.0, "due_at": None, "hard_end_at": None, "grace_days": 0, "penalty_per_day": 0.0,
        "attempts_per_day": None, "attempts_total": None, "counts": "best", "hidden_results": "now",
        "written_points": 0.0, "assignment": "double",
    }  # fmt: skip
    chosen = CourseAssignment(**fields | policy_fields)
    course = Course(slug="c", title="C", timezone="UTC", archived_at=NOW if archived else None)
    cell = scores.Cell(late_policy.terms(chosen, "UTC"), list(attempts), written)
    return Row(course, chosen, None, cell, NOW)


@pytest.mark.parametrize(
    "pressing, lacks, facts",
    [
        (False, "nothing handed in yet", {}),
        (True, "nothing handed in yet", {"due_at": NOW + 6 * DAY}),
        (True, "", {"due_at": NOW + 6 * DAY, "attempts": [CODE]}),  # it may still be bettered
        (False, "nothing handed in yet", {"due_at": NOW + 7 * DAY}),
        (True, "nothing handed in yet", {"due_at": NOW}),
        (True, "nothing handed in yet", {"due_at": NOW - HOUR}),
        (False, "", {"due_at": NOW - HOUR, "attempts": [CODE]}),
        (False, "nothing handed in yet", {"due_at": NOW - 2 * DAY, "hard_end_at": NOW - DAY}),
        (True, "nothing handed in yet", {"due_at": NOW - 2 * DAY, "hard_end_at": NOW + DAY}),
        (False, "nothing handed in yet", {"due_at": NOW - 4.5 * DAY, "penalty_per_day": 0.2}),  # worth nothing by now
        (True, "nothing handed in yet", {"due_at": NOW - 3.5 * DAY, "penalty_per_day": 0.2}),
        (False, "nothing handed in yet", {"due_at": NOW + 2 * DAY, "release_at": NOW + DAY}),
        (False, "nothing handed in yet", {"due_at": NOW + DAY, "archived": True}),
        (True, "written part not handed in yet", {"due_at": NOW - HOUR, "attempts": [CODE], "written_points": 5.0}),
        (True, "no code handed in yet", {"due_at": NOW - HOUR, "written": TEXT, "written_points": 5.0}),
        (False, "", {"due_at": NOW - HOUR, "attempts": [CODE], "written": TEXT, "written_points": 5.0}),
    ],
)
def test_it_presses_while_something_can_still_be_won(pressing, lacks, facts):
    found = row(**facts)
    assert (found.pressing, found.lacks) == (pressing, lacks)


def test_the_most_urgent_stands_first_across_courses_and_an_extension_moves_one(user, database):
    """Three courses; the student has an extension in the one that is due first, and is not in a fourth."""
    ada = user("ada")
    with database.write() as session:
        now = session.scalar(sa.select(sa.func.max(Person.created_at))) or 0.0
        root, _ = accounts.create(session, login="root", name="Root", role="admin", password="x" * 12)
        who = session.get_one(Person, ada.person.id)
        for slug, hours in (("late", -1), ("first", 5), ("second", 20), ("far", 24 * 30), ("others", 2)):
            made = courses.create(session, root, slug=slug, title=slug.title(), timezone="UTC")
            chosen = courses.assignment(session, made, "double") or courses.add(session, root, made, "double")
            courses.set_policy(session, root, chosen, {"due_at": now + hours * HOUR})
            if slug != "others":
                accounts.join(session, who, made, "student")
            if slug == "first":
                moved: dict[str, Any] = {"due_at": now + 48 * HOUR, "hard_end_at": None, "attempts_extra": 0}
                courses.extend(session, root, chosen, who, reason="ill", **moved)
    due = re.search(r'aria-labelledby="due">(.*?)</section>', ada.get("/").text, re.DOTALL)
    assert due is not None
    assert re.findall(r'href="/courses/(\w+)/assignments', due[1]) == ["late", "second", "first"]
    assert "with your extension" in due[1]
