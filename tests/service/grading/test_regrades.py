"""Grading again: what changes is seen before it counts, and what was comes back."""

from __future__ import annotations

import json
import re
import time

import msgspec
import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.report.schema import Report
from grader_service.accounts import accounts, tokens
from grader_service.database import audit
from grader_service.database.models import Course, CourseAssignment, Job, Regrade, Result
from grader_service.grading import job_grading, results, scores
from grader_service.queue import enqueue
from grader_service.queue.leases import Slot
from grader_service.web.pages.regrades import numbers_of
from grader_service.workers.worker import Worker

from ..conftest import RIGHT, WRONG, User, hidden_fields, zip_of
from ..support.pages_list import RIGHT_REPORT, WRONG_REPORT, finish, report, result

AT = "/courses/course/staff/regrades"
WITHOUT_NEGATE = RIGHT.replace("return -x", "return x")


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff")


@pytest.fixture
def two(app, user, eve) -> User:
    """ada has 2 points, bob none."""
    user("ada", name="Ada").handed_in(zip_of(RIGHT))
    user("bob", name="Bob").handed_in(zip_of(WRONG))
    finish(app, RIGHT_REPORT)
    finish(app, WRONG_REPORT)
    return eve


def begin(eve: User, **fields: str):
    return eve.post(AT, {"assignment": "double", "which": "counting", "reason": "a test was wrong", **fields})


def points(database) -> dict[str, float | None]:
    with database.read() as session:
        one = session.scalars(sa.select(CourseAssignment)).one()
        found = scores.load(session, one.course, [one])
        return {
            person: found.cell(number, one).score.points
            for person, number in session.execute(sa.text("SELECT login, id FROM person WHERE login IN ('ada', 'bob')"))
        }


def told(database) -> list[tuple]:
    with database.read() as session:
        course = session.scalars(sa.select(Course)).one()
        return [
            (entry.action, entry.person.login if entry.person else "", entry.before, entry.after)
            for entry in reversed(audit.entries(session, course))
            if entry.action != "regrade begun"
        ]


@pytest.mark.threat(41)
def test_nothing_counts_before_it_was_looked_at_and_it_can_be_taken_back(app, two, database):
    answer = begin(two)
    assert answer.location == f"{AT}/1"
    assert "0 of 2 submissions graded" in two.get(f"{AT}/1").text
    assert ">Apply<" not in two.get(f"{AT}/1").text, "not while it is being graded"
    assert "are still being graded" in two.post(f"{AT}/1/count", form_at=f"{AT}/1").text
    finish(app, RIGHT_REPORT)
    finish(app, RIGHT_REPORT)
    assert points(database) == {"ada": 2, "bob": 0}
    page = two.get(f"{AT}/1").text
    assert "1 has different points" in page
    assert "test_a: failed, now passed" in page
    assert page.index("Bob") < page.index("Ada"), "what differs comes first"
    assert two.post(f"{AT}/1/count", form_at=f"{AT}/1").status_code == 303
    assert points(database) == {"ada": 2, "bob": 2}
    assert ">Applied<" in two.get(f"{AT}/1").text
    assert two.post(f"{AT}/1/count", form_at=f"{AT}/1").status_code == 422, "once is enough"
    assert two.post(f"{AT}/1/withdraw", {"reason": "it was right before"}, form_at=f"{AT}/1").status_code == 303
    assert points(database) == {"ada": 2, "bob": 0}
    assert told(database) == [
        ("regrade counted", "", None, {"submissions": 2, "other_points": 1}),
        ("grade changed", "bob", {"points": 0.0}, {"points": 2.0}),
        ("regrade withdrawn", "", {"counted": True}, None),
        ("grade changed", "bob", {"points": 2.0}, {"points": 0.0}),
    ]
    with database.read() as session:
        assert len(session.scalars(sa.select(Result)).all()) == 4, "old results are kept"


def test_the_report_that_counts_is_the_one_that_is_shown(app, two):
    begin(two, which="named", numbers="2")
    finish(app, RIGHT_REPORT)
    assert "of 4 points" in two.get("/submissions/2").text
    two.post(f"{AT}/1/count", form_at=f"{AT}/1")
    assert "of 2 points" in two.get("/submissions/2").text


def test_the_last_regrade_that_was_counted_wins(app, two, database):
    for graded in (RIGHT_REPORT, WRONG_REPORT):
        begin(two, which="named", numbers="1-2")
        finish(app, graded)
        finish(app, graded)
    for number in (2, 1):
        two.post(f"{AT}/{number}/count", form_at=f"{AT}/{number}")
    assert points(database) == {"ada": 2, "bob": 2}, "the first was counted last"


def test_what_cannot_be_graded_again_keeps_what_it_has(app, two, database):
    begin(two)
    finish(app, Report("double", "Twice as much", "grader_error", message="the sandbox is gone"))
    finish(app, Report("double", "Twice as much", "refused", message="there is no double.py"))
    page = two.get(f"{AT}/1").text
    assert "2 could not be graded and keep their old results" in page
    two.post(f"{AT}/1/count", form_at=f"{AT}/1")
    assert points(database) == {"ada": 2, "bob": 0}
    with database.read() as session:
        shown = results.of(session, [2])[2]
        assert (shown.batch, shown.state) == ("", "graded"), "the report that is shown is that of the points"


def test_to_withdraw_one_that_waits_empties_the_queue(two, database):
    begin(two)
    two.post(f"{AT}/1/withdraw", {"reason": "too early"}, form_at=f"{AT}/1")
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).where(Job.batch != "")) == 0


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"reason": " "}, "enter a reason"),
        (
            {"which": "named", "numbers": "99"},
            "Submission 99 is not a code submission for &#39;double&#39; in this course.",
        ),
        ({"which": "named", "numbers": "x"}, "is not a submission number"),
        ({"which": "named", "numbers": ""}, "there is no submission to grade again"),
        ({"which": "some"}, "is not a set of submissions"),
        ({"assignment": "nothing"}, "is not an assignment with tests"),
        ({"tests": "test_a; rm"}, "the assignment has no test &#39;test_a;&#39;"),
        ({"tests": "test_double_of_fiv"}, "no test &#39;test_double_of_fiv&#39;; did you mean test_double_of_five"),
        ({"tests": "negate"}, "no test &#39;negate&#39;; did you mean test_negate"),
        ({"tests": "zzz"}, "it has 5 others; tick some in the list"),
    ],
)
def test_what_cannot_be_begun_is_told(two, database, fields, sentence):
    answer = begin(two, **fields)
    assert answer.status_code == 422
    assert sentence in answer.text
    with database.read() as session:
        assert session.scalars(sa.select(Regrade)).all() == []


def test_tests_are_ticked_from_a_list(two, database):
    page = two.get(AT).text
    names = re.findall(r'name="tests" value="(\w+)"', page)
    assert {"test_double_of_five", "test_negate"} < set(names)
    assert len(names) == len(set(names)) == 5
    hidden = hidden_fields(page)
    data = {**hidden, "assignment": "double", "which": "counting", "reason": "r", "tests": names[:2]}
    assert two.client.post(AT, data=data).status_code == 303
    with database.read() as session:
        assert session.scalars(sa.select(Regrade)).one().tests == names[:2]


def test_a_list_of_numbers():
    assert numbers_of("3, 5-8 12") == [3, 5, 6, 7, 8, 12]
    assert numbers_of("8-5") == []


def test_some_tests_alone_take_the_place_of_their_results():
    base = report(result("test_a", "public", "failed"), result("test_b[1]", "hidden", "failed"))
    new = report(
        result("test_a", "public", "passed"),  # that test_b needs; nobody asked for it
        result("test_b[1]", "hidden", "passed"),
        result("test_b[2]", "hidden", "passed"),
    )
    found = job_grading.merged(base, new, ["test_b"])
    assert [(test.name, test.verdict) for test in found.tests] == [
        ("test_a", "failed"),
        ("test_b[1]", "passed"),
        ("test_b[2]", "passed"),
    ]
    assert (found.points, found.possible) == (2, 3)
    assert (found.problems[0].points, found.problems[0].possible) == (2, 3)
    gone = job_grading.merged(found, report(), ["test_b"])
    assert [test.name for test in gone.tests] == ["test_a"], "a test that is there no more"


def test_a_worker_runs_the_tests_that_a_regrade_names_and_no_other(app, user, eve, database, settings):
    user("ada").handed_in(zip_of(WITHOUT_NEGATE))
    finish(app, WRONG_REPORT)
    begin(eve, tests="test_double_of_five test_negate")
    worker = Worker(settings, Slot("w", enqueue.QUEUES))
    assert worker.grade_next()
    worker.database.close()
    with database.read() as session:
        one = session.scalars(sa.select(Result).where(Result.batch == "regrade-1")).one()
        graded = msgspec.json.decode(one.report, type=Report)
    old = [(test.name, test.verdict) for test in WRONG_REPORT.tests]
    assert [(test.name, test.verdict) for test in graded.tests] == [
        *old,
        ("test_negate", "failed"),
        ("test_double_of_five", "passed"),
    ]
    assert graded.message == "Some tests of this submission were graded again."


@pytest.mark.threat(20)
@pytest.mark.parametrize("hidden_results", ["now", "after_due", "never"])
def test_no_student_learns_which_hidden_tests_were_graded_again(app, user, eve, database, settings, hidden_results):
    """Neither by the page, nor by what programs read; staff see it on the regrade's page."""
    names = ["test_double_of_five", "test_double_of_zero"]
    ada = user("ada")
    ada.post("/courses/course/assignments/double/leaderboard", {"pseudonym": "countess"})
    ada.handed_in(zip_of(WITHOUT_NEGATE))
    worker = Worker(settings, Slot("w", enqueue.QUEUES))
    assert worker.grade_next()
    begin(eve, tests=" ".join(names))
    assert worker.grade_next()
    worker.database.close()
    eve.post(f"{AT}/1/count", form_at=f"{AT}/1")
    with database.write() as session:
        chosen = session.scalars(sa.select(CourseAssignment)).one()
        chosen.hidden_results, chosen.due_at, chosen.leaderboard = hidden_results, time.time() + 60, True
        _, secret = tokens.make(session, not_none(accounts.find(session, "ada")), name="t", scope="read")
    assert "test_double_of_zero" in eve.get(f"{AT}/1").text
    bearer = {"Authorization": f"Bearer {secret}"}
    at = "/courses/course/assignments/double"
    pages = ["/submissions/1", "/", at, f"{at}/leaderboard"]
    programs = ["submissions", "submissions/1", "courses/course/assignments", "submissions/1/report"]
    found = {path: ada.get(path).text for path in [*pages, "/submissions/1/report.json"]}
    found |= {path: app.test_client().get(f"/api/v1/{path}", headers=bearer).text for path in programs}
    for path, text in found.items():
        if path.endswith(("report", "report.json")):
            told = json.loads(text)
            assert told["message"] == "Some tests of this submission were graded again."
            if hidden_results == "now":
                continue  # each result stands beside its test, as it did before
        assert not [name for name in names if name in text], path
