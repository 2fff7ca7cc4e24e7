"""A submission is shown by one view of it: the page, the report, the lists and the API say what the view says."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.course.course import Course as Content
from autograder.course.course import find_course
from autograder.report.schema import Report
from grader_service.accounts import accounts, tokens
from grader_service.courses import courses
from grader_service.database.models import RubricItem, Submission
from grader_service.grading import manual, marks, submission_view
from grader_service.queue import leases, monitor
from grader_service.submissions import submissions

from ..conftest import COURSE
from ..support.pages_list import finish, report, result

DOUBLE = "/courses/course/assignments/double"
FAULT = "the disk is full"

# What became of a submission -> the report that a worker writes of it; None while none has.
ENDS = {
    "queued": None,
    "running": None,
    "graded": report(result("test_p", "public", "passed"), result("test_h", "hidden", "passed")),
    "refused": Report("double", "Twice as much", "refused", message="double.py cannot be read"),
    "grader_error": Report("double", "Twice as much", "grader_error", message=FAULT),
}
POLICIES = [("now", None), ("after_due", 60), ("after_due", -60), ("never", -60)]


@pytest.fixture
def content() -> Content:
    return find_course(COURSE)


def looked_at(database, content: Content, viewer: str) -> submission_view.SubmissionView:
    with database.read() as session:
        found = not_none(submissions.find(session, 1))
        return submission_view.view(session, content, found, viewer)  # type: ignore[arg-type]


@pytest.mark.threat(20, 21)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda case: f"{case[0]} {case[1]}")
def test_page_report_list_and_program_say_what_the_view_says(app, user, database, claim, content, end, policy):
    """Of a student, and of staff; a script makes the same view without a web framework."""
    people = {"student": user("ada"), "staff": user("eve", role="staff")}
    people["student"].handed_in()
    if end == "running":
        taken = claim()
        with database.write() as session:
            assert leases.progress(session, taken, done=17, total=61, curve="")
    elif (found := ENDS[end]) is not None:
        finish(app, found)
    hidden_results, due = policy
    secrets = {}
    with database.write() as session:
        eve = not_none(accounts.find(session, "eve"))
        chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
        due_at = None if due is None else time.time() + due
        courses.set_policy(session, eve, chosen, {"hidden_results": hidden_results, "due_at": due_at})
        for viewer, login in (("student", "ada"), ("staff", "eve")):
            person = not_none(accounts.find(session, login))
            _, secrets[viewer] = tokens.make(
                session, person, name="t", scope="read" if viewer == "student" else "staff"
            )
    for viewer, browser in people.items():
        view = looked_at(database, content, viewer)
        bearer = {"Authorization": f"Bearer {secrets[viewer]}"}
        points_shown = viewer == "staff" or hidden_results == "now" or due is None or due < 0
        assert view.points == (2.0 if end == "graded" and points_shown else None)
        told = app.test_client().get("/api/v1/submissions/1", headers=bearer).get_json()
        assert (told["state"], told["place"]) == (view.state, view.place)
        assert (told["points"], told["possible"]) == (view.points, view.possible)
        assert (told["tests_done"], told["tests_total"]) == (view.progress.done, view.progress.total)
        for asked in (browser.get("/submissions/1/report.json"), _api_report(app, bearer)):
            assert asked.status_code == (202 if view.answer is None else 200)
            if view.answer is not None:
                assert [test["id"] for test in asked.json["tests"]] == [test.id for test in view.answer.tests]
                assert (asked.json["points"], asked.json["message"]) == (view.answer.points, view.answer.message)
        page = browser.get("/submissions/1").text
        assert (view.withheld in page) if view.report and view.withheld else ('class="note"' not in page)
        assert (FAULT in page) == (FAULT in view.fault) == (viewer == "staff" and end == "grader_error")
    with database.read() as session:
        row = submission_view.summary(session, not_none(submissions.find(session, 1)), "student")
    listed = people["student"].get(DOUBLE).text
    assert ('<span class="score">2 <span class="of">/ 2' in listed) == (row.points is not None)


def _api_report(app, bearer: dict[str, str]):
    return app.test_client().get("/api/v1/submissions/1/report", headers=bearer)


def test_an_assignment_that_the_disk_has_lost_is_shown_by_its_name(user, database, tmp_path):
    user("ada").handed_in()
    (tmp_path / "assignments").mkdir()
    assert looked_at(database, find_course(tmp_path), "student").title == "double"


def test_places_of_all_that_wait_are_one_question(user, database):
    for login in ("ada", "bob", "cem"):
        user(login).handed_in()
    with database.read() as session:
        query = sa.select(Submission).order_by(Submission.id)
        found = submissions.whole(session, query)
        assert monitor.places(session, [one.job for one in found]) == {1: 1, 2: 2, 3: 3}
        shown = submission_view.summaries(session, query.where(Submission.id > 1), lambda _: "student")
    assert [one.place for one in shown] == [2, 3]


def test_a_student_is_shown_no_points_of_a_rubric_before_every_line_has_some(app, user, database):
    services = app.extensions["services"]
    user("ada")
    user("eve", role="staff")
    with database.write() as session:
        ada, eve = not_none(accounts.find(session, "ada")), not_none(accounts.find(session, "eve"))
        chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
        lines = [manual.Line(None, "derivation", 3.0), manual.Line(None, "words", 2.0)]
        manual.set_rubric(session, eve, chosen, lines, "a rubric")
        upload = services.files.keep(b"# My text\n")
        submission = submissions.accept(
            session,
            ada,
            chosen.course,
            "double",
            upload=upload,
            filename="a.md",
            notes=[],
            form_key="k" * 16,
            needs=None,
            kind="written",
        )
        items = session.scalars(sa.select(RubricItem.id).order_by(RubricItem.position)).all()
    for given, seen_by_student in (({items[0]: 1.0}, {}), ({items[1]: 2.0}, {items[0]: 1.0, items[1]: 2.0})):
        with database.write() as session:
            found = session.get_one(Submission, submission.id)
            chosen = not_none(courses.assignment(session, found.in_course, "double"))
            manual.score_rubric(session, not_none(accounts.find(session, "eve")), found, chosen, given)
        with database.read() as session:
            found = not_none(submissions.find(session, submission.id))
            assert marks.marks(services, session, found, "student").scores == seen_by_student
            assert marks.marks(services, session, found, "staff").scores.items() >= given.items()


def test_what_a_program_gets_of_a_fault_is_a_report_that_says_so(app, user, database, content):
    user("ada").handed_in()
    finish(app, not_none(ENDS["grader_error"]))
    student, staff = (looked_at(database, content, viewer) for viewer in ("student", "staff"))
    assert (student.report, not_none(student.answer).state, not_none(student.answer).message) == (
        None,
        "grader_error",
        submission_view.OUR_FAULT,
    )
    assert not_none(staff.answer).message == FAULT
