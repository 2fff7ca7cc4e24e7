"""What a student sees of attempts: withheld results, differences, the leaderboard."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile

import msgspec
import pytest
from narrowing import not_none

from autograder.report import schema as reports
from autograder.report.schema import Figure, Ratio, Report, Timings
from grader_service.accounts import accounts, tokens
from grader_service.courses import courses
from grader_service.grading import report_figures
from grader_service.queue import leases
from grader_service.submissions import diff

from ..conftest import RIGHT, WRONG, zip_of
from ..support.pages_list import finish, report, result

DOUBLE = "/courses/course/assignments/double"
BOARD = f"{DOUBLE}/leaderboard"


def number(value: float, bar: float | None = None, name: str = "accuracy", unit: str = "%") -> Figure:
    return Figure("numbers", "Reading", {"rows": [{"name": name, "value": value, "bar": bar, "unit": unit}]})


def graded_report(hidden: str = "failed", value: float = 50.0) -> Report:
    tests = [result("test_p", "public", "passed"), result("test_h", "hidden", hidden, figures=[number(value)])]
    return report(*tests)


@pytest.fixture
def policy(database, user):
    eve = user("eve", role="staff")

    def change(**values: object) -> None:
        with database.write() as session:
            chosen = not_none(courses.assignment(session, accounts.first_course(session), "double"))
            courses.set_policy(session, eve.person, chosen, values)

    return change


# hidden_results, due in so many seconds -> points of the report, and does it hold hidden tests
WITHHELD = {
    ("now", 60): (1.0, True),
    ("now", None): (1.0, True),
    ("after_due", 60): (1.0, False),
    ("after_due", -60): (1.0, True),
    ("after_due", None): (1.0, True),
    ("never", 60): (1.0, False),
    ("never", -60): (1.0, False),
}


@pytest.mark.threat(20, 21)
def test_hidden_results_are_shown_when_the_course_says(app, user, database, policy):
    """Not in the report, not in a total, not on a list, and not by the API."""
    ada = user("ada")
    ada.handed_in()
    finish(app, graded_report("passed"))
    with database.write() as session:
        _, secret = tokens.make(session, not_none(accounts.find(session, "ada")), name="t", scope="read")

    def api(path: str):
        return app.test_client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"})

    for (hidden_results, due), (points, hidden) in WITHHELD.items():
        case = f"{hidden_results}, due in {due}"
        policy(hidden_results=hidden_results, due_at=None if due is None else time.time() + due)
        total_shown = hidden_results == "now" or due is None or due < 0
        told = json.loads(ada.get("/submissions/1/report.json").text)
        assert any(test["visibility"] == "hidden" for test in told["tests"]) is hidden, case
        assert (told["points"], told["possible"]) == ((2.0, 2.0) if total_shown else (points, 1.0)), case
        page = ada.get("/submissions/1").text
        assert ("test_h" in page or "/figures/" in page) is hidden, case
        assert ("results of hidden tests. The" in page or "public tests only" in page) is not hidden, case
        assert ('<span class="state">graded</span>' in ada.get(DOUBLE).text) is not total_shown, case
        assert ("your score" in ada.get("/").text) is total_shown, case
        assert api("submissions/1").get_json()["points"] == (2.0 if total_shown else None), case
        mine = api("courses/course/assignments").get_json()["assignments"]
        assert mine[0]["points_counted"] == (2.0 if total_shown else None), case
        assert (b'"hidden"' in api("submissions/1/report").data) is hidden, case


@pytest.mark.threat(20, 21)
@pytest.mark.parametrize("case", WITHHELD, ids=lambda case: f"{case[0]} {case[1]}")
def test_while_it_is_graded_nothing_is_told_of_hidden_tests_that_are_withheld(app, user, database, policy, claim, case):
    """Neither how many there are, nor which one runs, nor how long each takes, nor what a network in one learns."""
    ada, tom = user("ada"), user("tom", role="staff")
    ada.handed_in()
    taken = claim()
    with database.write() as session:
        curve = json.dumps([{"epoch": 1.0, "loss": 0.731}, {"epoch": 2.0, "loss": 0.517}])
        assert leases.progress(session, taken, done=17, total=61, curve=curve)
        _, secret = tokens.make(session, not_none(accounts.find(session, "ada")), name="t", scope="read")
    hidden_results, due = case
    policy(hidden_results=hidden_results, due_at=None if due is None else time.time() + due)
    bearer = {"Authorization": f"Bearer {secret}"}
    paths = ["/submissions/1", "/submissions/1/progress", "/submissions/1/report.json", DOUBLE, "/"]
    api = ["submissions", "submissions/1", "submissions/1/report"]
    found = {path: ada.get(path).text for path in paths}
    found |= {path: app.test_client().get(f"/api/v1/{path}", headers=bearer).text for path in api}
    live = ["/submissions/1", "/submissions/1/progress"]
    told = {path for path, text in found.items() if re.search(r'of 61|"tests(_total)?": ?61|max="61"|polyline', text)}
    _, shown = WITHHELD[case]
    assert told == ({*live, "/submissions/1/report.json", *api} if shown else set())
    for path in live:
        assert ("Being graded" in found[path]) is not shown
        assert "Test 18 of 61" in tom.get(path).text
        assert "0.517" in tom.get(path).text


@pytest.mark.threat(19, 20)
def test_a_picture_of_a_withheld_test_is_not_found_by_its_address(app, user, policy):
    policy(hidden_results="after_due", due_at=time.time() + 60)
    ada = user("ada")
    ada.handed_in()
    finish(app, graded_report())
    assert ada.get(f"/submissions/1/figures/{report_figures.key(number(50.0))}.png").status_code == 404


def test_what_changed_between_two_attempts_is_shown_line_by_line_and_test_by_test(app, user):
    ada = user("ada")
    ada.handed_in(zip_of(WRONG))
    finish(app, report(result("test_p", "public", "failed"), result("test_h", "hidden", "passed")))
    ada.handed_in(zip_of(RIGHT))
    finish(app, report(result("test_p", "public", "passed"), result("test_h", "hidden", "passed")))
    assert 'href="/submissions/2/since/1"' in ada.get("/submissions/2").text
    assert 'href="/submissions/2/since/1"' in ada.get(DOUBLE).text
    page = ada.get("/submissions/2/since/1").text
    assert page.count('<tr class="removed">') == page.count('<tr class="added">') == 1
    assert "3 * x" in page
    assert "2 * x" in page
    assert "(test_p)" in page
    assert "(test_h)" not in page


@pytest.mark.threat(19)
def test_nobody_compares_with_somebody_else_s_submission(user):
    ada, bob, eve = user("ada"), user("bob"), user("eve", role="staff")
    assert (ada.handed_in(), bob.handed_in()) == (1, 2)
    for reader in (ada, bob, eve):
        assert reader.get("/submissions/1/since/2").status_code == 404
        assert reader.get("/submissions/2/since/1").status_code == 404


@pytest.mark.threat(46)
def test_hostile_files_are_compared_as_text(user):
    ada = user("ada")
    ada.handed_in(zip_of(RIGHT))
    ada.handed_in(zip_of(RIGHT + "# <script>alert(1)</script> \u202e \x1b[31m"))
    page = ada.get("/submissions/2/since/1").text
    assert "<script>alert" not in page
    assert "\\u202e \\x1b[31m" in page


@pytest.mark.parametrize(
    "before, after, note",
    [
        (b"a\n" * 2000, b"b\n" * 2000, "more than 1000 lines"),
        (b"a\0b", b"a", "not text"),
        (b"x" * 300_000, b"x", "too large"),
    ],
)
def test_what_would_take_long_to_compare_is_not(before, after, note):
    (file,) = diff.of_files({"f.py": before}, {"f.py": after})
    assert (file.state, file.lines) == ("changed", [])
    assert note in file.note


def test_files_come_and_go():
    found = diff.of_files({"old": b"a\n", "same": b"s"}, {"same": b"s", "new": b"b"})
    assert [(one.name, one.state) for one in found] == [("same", "same"), ("new", "added"), ("old", "removed")]


@pytest.mark.threat(19)
def test_what_was_handed_in_comes_back_as_it_was_to_its_owner_alone(user):
    ada, bob = user("ada"), user("bob")
    sent = zip_of(RIGHT)
    number = ada.handed_in(sent)
    answer = ada.get(f"/submissions/{number}/upload.zip")
    assert answer.data == sent
    assert zipfile.ZipFile(io.BytesIO(answer.data)).namelist() == ["double.py"]
    assert bob.get(f"/submissions/{number}/upload.zip").status_code == 404


def test_the_leaderboard_has_those_who_chose_a_pseudonym_and_no_names(app, user, policy):
    policy(leaderboard=True)
    people = {login: user(login, name=f"Name of {login}") for login in ("ada", "bob", "carol")}
    for value, student in zip((50.0, 70.0, 90.0), people.values(), strict=True):
        student.handed_in()
        finish(app, graded_report(value=value))
    ada = people["ada"]
    assert "No participant has a result yet" in ada.get(BOARD).text
    for login in ("ada", "bob"):
        assert people[login].post(BOARD, {"pseudonym": f"x{login}"}).status_code == 303
    page = ada.get(BOARD).text
    assert page.index("xbob") < page.index("xada"), "higher is better"
    assert "carol" not in page
    assert "Name of" not in page.split("<main")[1], "her own stands in the header alone"
    assert ada.post(BOARD, {"pseudonym": "XBOB"}).status_code == 422
    assert ada.post(BOARD, {"pseudonym": "\u202e" * 3}).status_code == 422
    ada.post(BOARD, {"pseudonym": ""})
    assert "xada" not in people["bob"].get(BOARD).text


def test_lower_is_better_where_a_test_passed_below_its_bar(app, user, policy):
    policy(leaderboard=True)
    for login, value in (("ada", 3.0), ("bob", 2.0)):
        student = user(login)
        student.handed_in()
        finish(app, report(result("test_h", "hidden", "passed", figures=[number(value, bar=5.0, name="errors")])))
        student.post(BOARD, {"pseudonym": f"x{login}"})
    page = student.get(BOARD).text
    assert page.index("xbob") < page.index("xada")


@pytest.mark.threat(59)
def test_a_board_reads_each_report_once(app, user, policy, monkeypatch):
    policy(leaderboard=True)
    for login in ("ada", "bob"):
        student = user(login)
        student.handed_in()
        finish(app, graded_report(value=50.0))
        student.post(BOARD, {"pseudonym": f"x{login}"})
    read = []
    from_json = reports.from_json

    def counted(data: bytes):
        read.append(data)
        return from_json(data)

    monkeypatch.setattr(reports, "from_json", counted)
    assert [student.get(BOARD).status_code for _ in range(3)] == [200] * 3
    assert len(read) <= 2
    ada = user("cem")
    ada.handed_in()
    finish(app, graded_report(value=70.0))
    ada.post(BOARD, {"pseudonym": "xcem"})
    assert ada.get(BOARD).text.index("xcem") < ada.get(BOARD).text.index("xada")


def test_a_time_on_the_leaderboard_is_named_for_its_problem_and_not_for_a_hidden_test(app, user, policy):
    policy(leaderboard=True)
    ada = user("ada")
    ada.handed_in()
    found = report(result("test_h", "hidden", "passed"), result("test_g", "hidden", "passed"))
    ratios = {test.id: Ratio(1.5 + number, 4.0) for number, test in enumerate(found.tests)}
    finish(app, msgspec.structs.replace(found, timings=Timings(3.0, {}, ratios)))
    ada.post(BOARD, {"pseudonym": "xada"})
    page = ada.get(BOARD).text
    assert "Time: Twice a number</a>" in page
    assert "Time: Twice a number (2)</a>" in page
    assert "1.5 × the reference" in page
    assert "2.5 × the reference" in page
    assert "test_h" not in page
    assert "test_g" not in page


@pytest.mark.threat(21)
def test_where_hidden_results_are_withheld_the_time_of_a_grading_is_as_well(app, user, policy):
    """A hidden test's input could be told by how long it took."""
    ada = user("ada")
    ada.handed_in()
    finish(app, msgspec.structs.replace(graded_report("passed"), timings=Timings(3.125, {})))
    policy(hidden_results="never")
    assert json.loads(ada.get("/submissions/1/report.json").text)["timings"]["total_seconds"] == 0
    assert "<dt>Time</dt>" not in ada.get("/submissions/1").text
    policy(hidden_results="now")
    assert json.loads(ada.get("/submissions/1/report.json").text)["timings"]["total_seconds"] > 0


def test_a_leaderboard_shows_nothing_that_is_withheld_and_is_there_only_where_staff_want_it(app, user, policy):
    ada = user("ada")
    assert ada.get(BOARD).status_code == 404
    policy(leaderboard=True, hidden_results="after_due", due_at=time.time() + 60)
    ada.handed_in()
    finish(app, graded_report())
    ada.post(BOARD, {"pseudonym": "x"})
    assert "No participant has a result yet" in ada.get(BOARD).text
