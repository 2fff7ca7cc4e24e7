"""After a regrade counts, every view tells its points; after it is taken back, every view tells the old ones."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from autograder.report.schema import Figure, Report
from grader_service.accounts import accounts, tokens
from grader_service.database.models import CourseAssignment
from grader_service.database.session import Database

from ..conftest import RIGHT, WRONG, User, zip_of
from ..support.pages_list import finish, report, result

HERE = "/courses/course"
OLD, NEW = 1.0, 4.0  # points of the upload's own result, and of the regrade's; each of 5


def graded(points: float) -> Report:
    """So many of five tests passed; a figure for the leaderboard says the same."""
    rows = [{"name": "held out", "value": points / 10, "bar": None, "unit": ""}]
    figures = [Figure("numbers", "Accuracy", {"rows": rows})]
    names = ["test_a", "test_b", "test_c", "test_d", "test_e"]
    passed = [number < points for number in range(5)]
    return report(
        *(
            result(name, "public", "passed" if right else "failed", figures=figures if name == "test_a" else [])
            for name, right in zip(names, passed, strict=True)
        )
    )


class World:
    """ada, on the leaderboard, with one submission of `OLD` points and a regrade of it that found `NEW`."""

    def __init__(self, app: Flask, user: Callable[..., User], database: Database, first: Report) -> None:
        self.app, self.database = app, database
        self.ada, self.eve = user("ada", name="Ada"), user("eve", role="staff")
        with database.write() as session:
            session.scalars(sa.select(CourseAssignment)).one().leaderboard = True
        self.ada.post(f"{HERE}/assignments/double/leaderboard", {"pseudonym": "countess"})
        self.ada.handed_in(zip_of(WRONG))
        finish(app, first)
        self.ada.handed_in(zip_of(RIGHT))
        finish(app, graded(0.0))
        at = f"{HERE}/staff/regrades"
        self.eve.post(at, {"assignment": "double", "which": "named", "numbers": "1", "reason": "a test was wrong"})
        finish(app, graded(NEW))
        self.secrets: dict[str, str] = {}

    def count(self) -> None:
        at = f"{HERE}/staff/regrades/1"
        assert self.eve.post(f"{at}/count", form_at=at).status_code == 303

    def withdraw(self) -> None:
        at = f"{HERE}/staff/regrades/1"
        assert self.eve.post(f"{at}/withdraw", {"reason": "it was right"}, form_at=at).status_code == 303

    def api(self, login: str, path: str):
        with self.database.write() as session:
            person = accounts.find(session, login)
            assert person is not None
            if login not in self.secrets:
                _, self.secrets[login] = tokens.make(
                    session, person, name="t", scope="staff" if person.is_staff else "read"
                )
        header = {"Authorization": f"Bearer {self.secrets[login]}"}
        return self.app.test_client().get(f"/api/v1/{path}", headers=header).get_json()


def _row(page: str) -> str:
    """The row of submission 1 in a list of submissions."""
    rows = re.findall(r"<tr.*?</tr>", page, re.S)
    (found,) = [row for row in rows if re.search(r'href="/submissions/1">1</a>', row)]
    return found


def _score(html: str) -> float | None:
    found = re.search(r'class="score(?: big)?">\s*([0-9.]+)', html)
    return float(found[1]) if found else None


def _line(csv: str, login: str) -> str:
    (line,) = [line for line in csv.splitlines() if login in line]
    return line


VIEWS: dict[str, Callable[[World], float | None]] = {
    "the student's dashboard": lambda w: _score(w.ada.get("/").text),
    "the student's history": lambda w: _score(_row(w.ada.get(f"{HERE}/assignments/double").text)),
    "what counts, beside the history": lambda w: _score(
        w.ada.get(f"{HERE}/assignments/double").text.split("What counts")[1]
    ),
    "the submission's page": lambda w: _score(w.ada.get("/submissions/1").text),
    "the submission's page, for staff": lambda w: _score(w.eve.get("/submissions/1").text),
    "what changed since another": lambda w: float(
        re.search(r">1</a>, .*?: ([0-9.]+) of", w.ada.get("/submissions/2/since/1").text)[1]  # type: ignore[index]
    ),
    "the report as JSON": lambda w: w.ada.get("/submissions/1/report.json").get_json()["points"],
    "staff's list of submissions": lambda w: _score(_row(w.eve.get(f"{HERE}/staff/submissions").text)),
    "staff's page of a student": lambda w: _score(_row(w.eve.get(f"{HERE}/staff/students/1").text)),
    "the total on that page": lambda w: _score(w.eve.get(f"{HERE}/staff/students/1").text.split("<section")[1]),
    "the grade book": lambda w: float(
        re.search(r'href="/submissions/1">([0-9.]+)</a>', w.eve.get(f"{HERE}/staff/grades").text)[1]  # type: ignore[index]
    ),
    "the CSV of the course": lambda w: float(_line(w.eve.get(f"{HERE}/staff/grades.csv").text, "ada").split(",")[3]),
    "the CSV for Gradescope": lambda w: float(
        _line(w.eve.get(f"{HERE}/staff/grades.csv?form=gradescope").text, "ada").split(",")[5]
    ),
    "the CSV for otter": lambda w: float(
        _line(w.eve.get(f"{HERE}/staff/grades.csv?form=otter").text, "ada").split(",")[1]
    ),
    "the statistics of points": lambda w: float(
        re.search(r"Median ([0-9.]+)", w.eve.get(f"{HERE}/staff/statistics/double").text)[1]  # type: ignore[index]
    ),
    "the statistics of tests": lambda w: float(w.eve.get(f"{HERE}/staff/statistics/double").text.count(">100 %<")),
    "the leaderboard": lambda w: (
        10
        * float(
            re.search(r'"number">(0\.[0-9]+)', w.ada.get(f"{HERE}/assignments/double/leaderboard").text)[1]  # type: ignore[index]
        )
    ),
    "API: one's submissions": lambda w: w.api("ada", "submissions")["submissions"][1]["points"],
    "API: the submission": lambda w: w.api("ada", "submissions/1")["points"],
    "API: the report": lambda w: w.api("ada", "submissions/1/report")["points"],
    "API: the assignments": lambda w: w.api("ada", "courses/course/assignments")["assignments"][0]["points_counted"],
    "API: everybody's submissions": lambda w: w.api("eve", "courses/course/submissions")["submissions"][1]["points"],
    "API: the scores": lambda w: w.api("eve", "courses/course/scores")["students"][0]["points"]["double"],
}


def told(world: World) -> dict[str, float | None]:
    return {name: view(world) for name, view in VIEWS.items()}


def test_every_view_tells_the_points_of_the_result_that_counts(app, user, database):
    world = World(app, user, database, graded(OLD))
    assert told(world) == dict.fromkeys(VIEWS, OLD), "nothing counts before staff say so"
    world.count()
    assert told(world) == dict.fromkeys(VIEWS, NEW)
    world.withdraw()
    assert told(world) == dict.fromkeys(VIEWS, OLD)


@pytest.mark.parametrize("first", ["grader_error", "refused"])
def test_a_counted_regrade_of_what_was_not_graded_is_what_every_view_tells(app, user, database, first):
    """Else a submission that the grader gave up would count in the grade book and be "not graded" on its page."""
    world = World(app, user, database, Report("double", "Twice as much", first, message="it was not graded"))
    world.count()
    assert told(world) == dict.fromkeys(VIEWS, NEW)
    seen = world.api("ada", "submissions/1")
    assert seen["state"] == "done"
    assert "Not graded" not in world.ada.get("/submissions/1").text
