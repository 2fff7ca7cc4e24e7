"""Every page of the service, and the world in which it is looked at: add yours to `PAGES`.

`test_accessibility.py` opens each one in a real browser, in light and dark, on a phone and on a desktop.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure as Canvas
from sqlalchemy.orm import Session

from autograder.report import schema as reports
from autograder.report.schema import Figure, ProblemResult, Report, TestResult
from grader_service.accounts import accounts, tokens
from grader_service.courses import courses
from grader_service.database.models import Job, OneTimeLink, Person, Result, Submission
from grader_service.grading import leaderboard, manual, regrades, report_figures, similarity
from grader_service.queue import enqueue, hosts, leases
from grader_service.queue.leases import Slot
from grader_service.queue.recovery import TRIES

from ..conftest import PASSWORD, RIGHT, WRONG, User, zip_of
from . import lti_rows


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


SECRET = "A" * 43  # of ada's one-time link


def show_plan(page: Any) -> None:
    page.get_by_label("or its text").fill("login,name,role\nada,Ada,student\nbob,Bob,\ncarol,Carol,\n")
    page.get_by_role("button", name="Preview the changes").click()
    page.get_by_role("heading", name="Planned changes").wait_for()


PAGES = [
    Page("sign-in", "", "/sign-in"),
    Page("not-found", "ada", "/no/such/page"),
    Page("password", "ada", "/password"),
    Page("account", "ada", "/account"),
    Page("link", "", f"/link/{SECRET}"),
    Page("assignments", "ada", "/"),
    Page("assignment", "ada", "/courses/course/assignments/double"),
    Page("report", "ada", "/submissions/1"),
    Page("report-wrong", "ada", "/submissions/2"),
    Page("report-fault", "ada", "/submissions/3"),
    Page("since", "ada", "/submissions/2/since/1"),
    Page("leaderboard", "ada", "/courses/course/assignments/double/leaderboard"),
    Page("course", "ada", "/courses/course"),
    Page("waiting", "ada", "/submissions/4"),
    Page("staff-report", "eve", "/submissions/2"),
    Page("staff-submissions", "eve", "/courses/course/staff/submissions"),
    Page("staff-grades", "eve", "/courses/course/staff/grades"),
    Page("staff-grades-missing", "eve", "/courses/course/staff/grades?show=missing"),
    Page("staff-student", "eve", "/courses/course/staff/students/1"),
    Page("staff-statistics", "eve", "/courses/course/staff/statistics/double"),
    Page("staff-rubric", "eve", "/courses/course/staff/rubric/double"),
    Page("staff-written", "eve", "/submissions/5"),
    Page("written", "ada", "/submissions/5"),
    Page("written-pdf", "ada", "/submissions/6"),
    Page("staff-regrades", "eve", "/courses/course/staff/regrades"),
    Page("staff-regrade", "eve", "/courses/course/staff/regrades/1"),
    Page("staff-audit", "eve", "/courses/course/staff/audit"),
    Page("staff-similarity", "eve", "/courses/course/staff/similarity/double"),
    Page("staff-pair", "eve", "/courses/course/staff/similarity/double/1/2"),
    Page("staff-dates", "eve", "/courses/course/staff/dates"),
    Page("staff-policy", "eve", "/courses/course/staff/dates/double"),
    Page("staff-people", "eve", "/courses/course/staff/people"),
    Page("staff-people-admin", "root", "/courses/course/staff/people"),
    Page("staff-delete", "root", "/courses/course/staff/people/1/delete"),
    Page("staff-person", "eve", "/courses/course/staff/people/1/edit"),
    Page("staff-new-password", "eve", "/courses/course/staff/people/1/password"),
    Page("staff-roster", "eve", "/courses/course/staff/people/roster"),
    Page("staff-roster-plan", "eve", "/courses/course/staff/people/roster", show_plan),
    Page("staff-course", "root", "/courses/course/settings"),
    Page("courses", "root", "/courses"),
    Page("staff-queue", "eve", "/staff/queue"),
    Page("staff-lti", "eve", "/courses/course/staff/lti"),
    Page("staff-lti-admin", "root", "/courses/course/staff/lti"),
    Page("staff-lti-roster", "eve", "/courses/course/staff/lti/1/roster"),
    Page("platforms", "root", "/platforms"),
    Page("staff-lms-file", "eve", "/courses/course/staff/grades/lms"),
]

# Routes that answer with HTML, and are no pages of their own: parts that a page loads.
PARTS = {"queue.live", "submissions.progress", "lti.login"}  # the last one in a frame of another site

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
    """ada, who has handed in four times, eve of the staff, and root, the operator: each one's cookie."""
    database = app.extensions["services"].database
    with database.write() as session:
        ada, _ = accounts.create(session, login="ada", name="Ada Lovelace", password=PASSWORD)
        eve, _ = accounts.create(session, login="eve", name="Eve Staff", role="staff", password=PASSWORD)
        root, _ = accounts.create(session, login="root", name="Root", role="admin", password=PASSWORD)
        root.is_operator = True
        _policies(session, ada, eve)
        lti_rows.connect(session, root, ada, subject="s-1", message="the platform answered 422")
    users = {login: signed_in(app, login) for login in ("ada", "eve", "root")}
    for source in (RIGHT, WRONG, RIGHT + "# again\n", RIGHT + "# and again\n"):
        users["ada"].handed_in(zip_of(source, conftest_py=""))
    finish(app, RIGHT_REPORT)
    finish(app, WRONG_REPORT)
    finish(app, Report("double", "Twice as much", "grader_error", message="the sandbox is gone"))
    with database.write() as session:
        facts = hosts.Facts("cpu-1", "instance", ("cpu",), 2, 8000, "0123456789ab-012345", well=True)
        hosts.beat(session, facts)
    _marks(app, users)
    return {login: cookie_of(user.client) for login, user in users.items()}


def _marks(app: Flask, users: dict[str, User]) -> None:
    """What people add: written parts with points, a comment, points by hand, a regrade, and a likeness."""
    database, ada = app.extensions["services"].database, users["ada"]
    at = "/courses/course/assignments/double"
    for data, name in ((WRITTEN, "plots.md"), (written_pdf(), "plots.pdf")):
        ada.post(f"{at}/written", {"text": (io.BytesIO(data), name)}, form_at=at)
    app.extensions["services"].renderer.wait()
    with database.write() as session:
        course = accounts.first_course(session)
        chosen = courses.assignment(session, course, "double")
        eve, owner = accounts.find(session, "eve"), accounts.find(session, "ada")
        assert chosen is not None
        assert eve is not None
        assert owner is not None
        accounts.create(session, login="bob", name="Bob")
        lines = [manual.Line(None, "What the plots show", 3.0), manual.Line(None, "Why it is so", 2.0)]
        manual.set_rubric(session, eve, chosen, lines, "")
        first, second = manual.rubric(session, chosen)
        text = session.get_one(Submission, 5)
        manual.score_rubric(session, eve, text, chosen, {first.id: 2.5, second.id: 1.0})
        manual.comment(session, eve, text, "The second plot has no labels.\nOtherwise fine.")
        made = regrades.create(
            session, eve, chosen, [1, 2], tests=None, needs=enqueue.Needs(), reason="test_b was too strict"
        )
        session.execute(sa.update(Job).where(Job.batch == made.name).values(state="done"))
        for number in (1, 2):
            session.add(
                Result(
                    submission_id=number,
                    batch=made.name,
                    report=reports.to_json(RIGHT_REPORT),
                    state="graded",
                    points=RIGHT_REPORT.points,
                    possible=RIGHT_REPORT.possible,
                    graded_at=time.time(),
                )
            )
        manual.set_override(session, eve, chosen, owner, 4.5, "the second plot was shown in the exercise class")
    pairs = [similarity.Pair(1, 2, 0.93, 0.9, [(0, 20)], [(0, 20)])]
    findings = similarity.Findings(time.time(), 4, pairs, groups=[[3, 4]], total=300)
    similarity.save(app.extensions["services"].settings, 1, "double", findings)


WRITTEN = b"""# What the plots show

The loss *falls*, then stays.

| epochs | loss |
|-------:|-----:|
| 1      | 2.30 |
| 10     | 0.41 |

> It is the learning rate.
"""


def written_pdf() -> bytes:
    figure = Canvas(figsize=(5, 3))
    FigureCanvasPdf(figure)
    figure.subplots().plot([3, 2, 1.5, 1.2])
    out = io.BytesIO()
    figure.savefig(out, format="pdf")
    return out.getvalue()


def _policies(session: Session, ada: Person, eve: Person) -> None:
    """A due date, an extension, limits, a leaderboard that ada is on, a token, and a link."""
    course = accounts.first_course(session)
    chosen = courses.assignment(session, course, "double")
    assert chosen is not None
    soon = time.time() + 3 * 86400
    limits = {"attempts_per_day": 10, "attempts_total": 50, "grace_days": 1, "penalty_per_day": 0.1}
    limits["written_points"] = 5.0
    policy = {"due_at": soon, "hard_end_at": soon + 7 * 86400, "leaderboard": True, **limits}
    courses.set_policy(session, eve, chosen, policy)
    dates: dict[str, Any] = {"due_at": soon + 86400, "hard_end_at": None, "attempts_extra": 2}
    courses.extend(session, eve, chosen, ada, reason="ill for three days", **dates)
    leaderboard.choose(session, course, ada.id, "Countess")
    tokens.make(session, ada, name="laptop", scope="submit", course=course, days=120)
    link = {"purpose": "invite", "expires_at": time.time() + 86400}
    session.add(OneTimeLink(secret_hash=hashlib.sha256(SECRET.encode()).hexdigest(), person_id=ada.id, **link))


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
    with app.extensions["services"].database.write() as session:
        claim = leases.claim(session, Slot("worker", ("cpu",)), lease_seconds=45)
        assert claim is not None
        if graded.state == "grader_error":
            session.execute(sa.update(Job).where(Job.id == claim.job_id).values(faults=TRIES - 1))
            leases.fault(session, claim, graded.message)
        else:
            leases.finish(session, claim, graded, report_figures.draw_all(graded))
