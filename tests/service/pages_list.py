"""Every page of the service, and the world in which it is looked at: add yours to `PAGES`.

`test_accessibility.py` opens each one in a real browser, in light and dark, on a phone and on a desktop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from autograder.report import Figure, ProblemResult, Report, TestResult
from grader_service import accounts, hosts, jobs, pictures
from grader_service.jobs import Slot
from grader_service.jobs.recovery import TRIES
from grader_service.models import Job

from .conftest import PASSWORD, RIGHT, WRONG, User, zip_of


@dataclass(frozen=True)
class Page:
    """A page as somebody sees it.

    who : a login of the world; "" is nobody.
    act : what somebody does there first, given the browser's page.
    """

    name: str
    who: str
    path: str
    act: Callable[[Any], None] | None = None


PAGES = [
    Page("sign-in", "", "/sign-in"),
    Page("not-found", "ada", "/no/such/page"),
    Page("password", "ada", "/password"),
    Page("assignments", "ada", "/"),
    Page("assignment", "ada", "/courses/course/assignments/double"),
    Page("report", "ada", "/submissions/1"),
    Page("report-wrong", "ada", "/submissions/2"),
    Page("report-fault", "ada", "/submissions/3"),
    Page("waiting", "ada", "/submissions/4"),
    Page("staff-report", "eve", "/submissions/2"),
    Page("staff-submissions", "eve", "/courses/course/staff/submissions"),
    Page("staff-grades", "eve", "/courses/course/staff/grades"),
    Page("staff-dates", "eve", "/courses/course/staff/dates"),
    Page("staff-policy", "eve", "/courses/course/staff/dates/double"),
    Page("staff-people", "eve", "/courses/course/staff/people"),
    Page("staff-queue", "eve", "/staff/queue"),
]

# Routes that answer with HTML, and are no pages of their own: parts that a page loads.
PARTS = {"queue.live", "submissions.progress"}

CURVE = Figure(
    "curve",
    "Loss of training",
    {"x_label": "epoch", "x": [1, 2, 3], "series": {"training": [2.0, 1.0, 0.5], "held out": [2.1, 1.2, 1.0]}},
)
NUMBERS = Figure("numbers", "Accuracy", {"rows": [{"name": "held out", "value": 0.91, "bar": 0.9, "unit": ""}]})


def result(name: str, visibility: str, verdict: str, **more: Any) -> TestResult:
    passed = verdict == "passed"
    return TestResult(
        id=f"test_{visibility}.py::{name}",
        name=name,
        law=f"double(x) = 2x holds ({name}).",
        problem="double",
        points=1.0 if passed else 0.0,
        possible=1.0,
        visibility=visibility,  # type: ignore[arg-type]
        verdict=verdict,  # type: ignore[arg-type]
        failure="" if passed else "wrong value",
        **more,
    )


def report(*tests: TestResult) -> Report:
    points, possible = sum(test.points for test in tests), float(len(tests))
    problems = [ProblemResult("double", "Twice a number", points, possible)]
    return Report(
        "double", "Twice as much", "graded", points=points, possible=possible, problems=problems, tests=list(tests)
    )


RIGHT_REPORT = report(
    result("test_a", "public", "passed", figures=[CURVE, NUMBERS]),
    result("test_b", "hidden", "passed"),
)
WRONG_REPORT = report(
    result(
        "test_a",
        "public",
        "failed",
        detail="found 9.0, expected 6.0",
        example="x = 3.0",
        output="3 -> 9\n" * 5,
        traceback="Traceback (most recent call last):\n  ...\n",
        repeat="deepgrade check --test test_a",
    ),
    result("test_b", "hidden", "timed_out", detail="no answer within 2 s", example="x = 5.0"),
    result("test_c", "hidden", "blocked"),
    result("test_d", "hidden", "not_implemented"),
)


def populate(app: Flask) -> dict[str, str]:
    """ada, who has handed in four times, and eve of the staff: each one's cookie."""
    database = app.extensions["database"]
    with database.write() as session:
        accounts.create(session, login="ada", name="Ada Lovelace", password=PASSWORD)
        accounts.create(session, login="eve", name="Eve Staff", role="staff", password=PASSWORD)
    users = {login: signed_in(app, login) for login in ("ada", "eve")}
    ada = users["ada"]
    for source in (RIGHT, WRONG, RIGHT + "# again\n", RIGHT + "# and again\n"):
        ada.handed_in(zip_of(source, conftest_py=""))
    finish(app, RIGHT_REPORT)
    finish(app, WRONG_REPORT)
    finish(app, Report("double", "Twice as much", "grader_error", message="the sandbox is gone"))
    with database.write() as session:
        facts = hosts.Facts("cpu-1", "instance", ("cpu",), 2, 8000, "0123456789ab-012345", well=True)
        hosts.beat(session, facts)
    return {login: cookie_of(user.client) for login, user in users.items()}


def signed_in(app: Flask, login: str) -> User:
    user = User(app.test_client())
    assert user.sign_in(login).status_code == 303
    return user


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("deepgrade")
    assert cookie is not None
    return cookie.value


def finish(app: Flask, graded: Report) -> None:
    """The next job is done, as if a worker had done it; what the grader gave up was tried as often as it tries."""
    with app.extensions["database"].write() as session:
        claim = jobs.claim(session, Slot("worker", ("cpu",)), lease_seconds=45)
        assert claim is not None
        if graded.state == "grader_error":
            session.execute(sa.update(Job).where(Job.id == claim.job_id).values(faults=TRIES - 1))
            jobs.fault(session, claim, graded.message)
        else:
            jobs.finish(session, claim, graded, pictures.draw_all(graded))
