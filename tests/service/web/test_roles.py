"""Every route and every role: who gets what.

The table is complete: a route that is not in it fails the test, so that nobody adds one without deciding.
"""

from __future__ import annotations

import io
import re

import pytest
from flask.testing import FlaskClient
from narrowing import not_none

from autograder.report.schema import Figure, Report, TestResult
from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import Person
from grader_service.grading import report_figures
from grader_service.queue import leases
from grader_service.web import permissions
from grader_service.web.app import create_app

from ..conftest import COURSE, PASSWORD, RIGHT, User, zip_of
from ..support import lti_rows
from ..support.roles import READERS, ROLES

FIGURE = Figure("numbers", "N", {"rows": [{"name": "accuracy", "value": 0.5, "bar": None, "unit": ""}]})
TEST = TestResult("a::b", "b", "law", "double", 1.0, 1.0, "public", "passed", figures=[FIGURE])
REPORT = Report("double", "Twice as much", "graded", points=1.0, possible=1.0, tests=[TEST])

TO_SIGN_IN = 303

# stranger and teacher are student and staff of another course; the operator is in none.
# method, path                                    nobody  stranger  teacher  owner  student  staff  admin  operator
TABLE = {
    "GET /static/<path:filename>":                        (200, 200, 200, 200, 200, 200, 200, 200),
    "GET /healthz":                                       (200, 200, 200, 200, 200, 200, 200, 200),
    "GET /readyz":                                        (200, 200, 200, 200, 200, 200, 200, 200),
    "GET /metrics":                                       (200, 200, 200, 200, 200, 200, 200, 200),  # from here alone
    "GET /sign-in":                                       (200, 303, 303, 303, 303, 303, 303, 303),
    "POST /sign-in":                                      (422, 303, 303, 303, 303, 303, 303, 303),
    "POST /sign-out":                                     (303, 303, 303, 303, 303, 303, 303, 303),
    "GET /password":                                      (303, 200, 200, 200, 200, 200, 200, 200),
    "POST /password":                                     (303, 422, 422, 422, 422, 422, 422, 422),
    "GET /sign-in/elsewhere":                            (404, 404, 404, 404, 404, 404, 404, 404),  # none is set
    "GET /sign-in/elsewhere/back":                       (404, 404, 404, 404, 404, 404, 404, 404),
    "GET /link/<secret>":                                (404, 404, 404, 404, 404, 404, 404, 404),  # nobody's
    "POST /link/<secret>":                               (404, 404, 404, 404, 404, 404, 404, 404),
    "GET /forgot":                                       (404, 404, 404, 404, 404, 404, 404, 404),  # no mail is set
    "POST /forgot":                                      (404, 404, 404, 404, 404, 404, 404, 404),
    "GET /account":                                      (303, 200, 200, 200, 200, 200, 200, 200),
    "POST /account":                                     (303, 422, 422, 422, 422, 422, 422, 422),
    "POST /account/tokens/<int:token_id>/revoke":        (303, 404, 404, 404, 404, 404, 404, 404),  # nobody's own
    "GET /courses":                                      (303, 403, 403, 403, 403, 403, 403, 200),
    "POST /courses":                                     (303, 403, 403, 403, 403, 403, 403, 422),
    "GET /courses/<slug>/settings":                      (303, 404, 404, 403, 403, 403, 200, 200),
    "POST /courses/<slug>/settings":                     (303, 404, 404, 403, 403, 403, 422, 422),
    "GET /":                                              (303, 200, 200, 200, 200, 200, 200, 200),
    "GET /courses/<slug>":                                (303, 404, 404, 200, 200, 200, 200, 200),
    "GET /courses/<slug>/assignments/<name>":             (303, 404, 404, 200, 200, 200, 200, 200),
    "POST /courses/<slug>/assignments/<name>":            (303, 404, 404, 303, 303, 303, 303, 303),
    "GET /courses/<slug>/assignments/<name>/kit.zip":     (401, 404, 404, 200, 200, 200, 200, 200),
    "GET /courses/<slug>/assignments/<name>/leaderboard": (303, 404, 404, 200, 200, 200, 200, 200),
    "POST /courses/<slug>/assignments/<name>/leaderboard": (303, 404, 404, 303, 303, 303, 303, 403),
    "GET /submissions/<int:submission_id>":               (303, 404, 404, 200, 404, 200, 200, 200),
    "GET /submissions/<int:submission_id>/progress":      (303, 404, 404, 200, 404, 200, 200, 200),
    "GET /submissions/<int:submission_id>/report.json":   (401, 404, 404, 200, 404, 200, 200, 200),
    "GET /submissions/<int:submission_id>/upload.zip":    (401, 404, 404, 200, 404, 200, 200, 200),
    "GET /submissions/<int:submission_id>/since/<int:earlier_id>": (303, 404, 404, 200, 404, 200, 200, 200),
    "GET /submissions/<int:submission_id>/figures/<key>.png": (401, 404, 404, 200, 404, 200, 200, 200),
    "POST /submissions/<int:submission_id>/again":        (303, 404, 404, 403, 404, 303, 303, 303),
    "GET /courses/<slug>/staff/submissions":              (303, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/grades":                   (303, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/grades.csv":               (401, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/audit":                    (303, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/students/<int:person_id>":         (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/students/<int:person_id>/<name>": (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /courses/<slug>/staff/statistics/<name>":        (303, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/rubric/<name>":            (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/rubric/<name>":           (303, 404, 404, 403, 403, 303, 303, 303),
    "GET /courses/<slug>/staff/regrades":                 (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/regrades":                (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /courses/<slug>/staff/regrades/<int:regrade_id>":            (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/regrades/<int:regrade_id>/count":     (303, 404, 404, 403, 403, 422, 422, 422),
    "POST /courses/<slug>/staff/regrades/<int:regrade_id>/withdraw":  (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /courses/<slug>/staff/similarity/<name>":        (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/similarity/<name>":       (303, 404, 404, 403, 403, 303, 303, 303),
    "GET /courses/<slug>/staff/similarity/<name>/<int:first_id>/<int:second_id>": (
        303, 404, 404, 403, 403, 404, 404, 404  # nothing was compared
    ),
    "POST /submissions/<int:submission_id>/comments":     (303, 404, 404, 403, 404, 422, 422, 422),
    "POST /submissions/<int:submission_id>/rubric":       (303, 404, 404, 403, 404, 404, 404, 404),  # it is code
    "POST /courses/<slug>/assignments/<name>/written":    (303, 404, 404, 404, 404, 404, 404, 404),  # there is none
    "GET /submissions/<int:submission_id>/written/<int:number>.png":  (401, 404, 404, 404, 404, 404, 404, 404),
    "GET /submissions/<int:submission_id>/written/ready": (303, 404, 404, 404, 404, 404, 404, 404),
    "GET /submissions/<int:submission_id>/written/file":  (303, 404, 404, 404, 404, 404, 404, 404),
    "POST /courses/<slug>/staff/people/<int:person_id>/link":     (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/people/links":                    (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/people/links.csv":                (401, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/people/<int:person_id>/edit":      (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/people/<int:person_id>/edit":     (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /courses/<slug>/staff/people/<int:person_id>/password":  (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/people/<int:person_id>/role":     (303, 404, 404, 403, 403, 403, 303, 303),
    "GET /courses/<slug>/staff/people/<int:person_id>/delete":    (303, 404, 404, 403, 403, 403, 200, 200),
    "POST /courses/<slug>/staff/people/<int:person_id>/delete":   (303, 404, 404, 403, 403, 403, 422, 422),
    "GET /courses/<slug>/staff/people/roster":           (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/people/roster":          (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /courses/<slug>/staff/dates":                    (303, 404, 404, 403, 403, 200, 200, 200),
    "GET /courses/<slug>/staff/dates/<name>":             (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/dates/<name>":            (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /courses/<slug>/staff/people":                   (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/people":                  (303, 404, 404, 403, 403, 422, 422, 422),
    "POST /courses/<slug>/staff/people/<int:person_id>/password": (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/dates/<name>/add":  (303, 404, 404, 403, 403, 303, 303, 303),
    "POST /courses/<slug>/staff/dates/<name>/remove": (303, 404, 404, 403, 403, 303, 303, 303),
    "POST /courses/<slug>/staff/dates/<name>/extensions": (303, 404, 404, 403, 403, 422, 422, 422),
    "POST /courses/<slug>/staff/dates/<name>/extensions/<int:person_id>/withdraw": (
        303, 404, 404, 403, 403, 303, 303, 303
    ),
    "GET /lti/login":                                     (200, 200, 200, 200, 200, 200, 200, 200),  # in a frame
    "POST /lti/login":                                    (200, 200, 200, 200, 200, 200, 200, 200),
    "POST /lti/launch":                                   (403, 403, 403, 403, 403, 403, 403, 403),  # without a message
    "GET /lti/keys.json":                                 (200, 200, 200, 200, 200, 200, 200, 200),  # public keys
    "GET /lti/continue/<secret>":                         (404, 404, 404, 404, 404, 404, 404, 404),  # nobody's
    "POST /lti/continue/<secret>/account":                (404, 404, 404, 404, 404, 404, 404, 404),
    "POST /lti/continue/<secret>/link":                   (303, 404, 404, 404, 404, 404, 404, 404),
    "POST /lti/continue/<secret>/course":                 (303, 404, 404, 404, 404, 404, 404, 404),
    "POST /lti/continue/<secret>/choose":                 (303, 404, 404, 404, 404, 404, 404, 404),
    "GET /platforms":                                     (303, 403, 403, 403, 403, 403, 403, 200),
    "POST /platforms":                                    (303, 403, 403, 403, 403, 403, 403, 422),
    "POST /platforms/<int:platform_id>/deployments":      (303, 403, 403, 403, 403, 403, 403, 422),
    "POST /platforms/<int:platform_id>/close":            (303, 403, 403, 403, 403, 403, 403, 303),
    "POST /platforms/key":                                (303, 403, 403, 403, 403, 403, 403, 303),
    "GET /courses/<slug>/staff/lti":                      (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/lti/<int:context_id>/again":      (303, 404, 404, 403, 403, 303, 303, 303),
    "GET /courses/<slug>/staff/lti/<int:context_id>/roster":      (303, 404, 404, 403, 403, 502, 502, 502),
    "POST /courses/<slug>/staff/lti/<int:context_id>/roster":     (303, 404, 404, 403, 403, 502, 502, 502),
    "POST /courses/<slug>/staff/lti/<int:context_id>/disconnect": (303, 404, 404, 403, 403, 403, 404, 404),
    "GET /courses/<slug>/staff/grades/lms":               (303, 404, 404, 403, 403, 200, 200, 200),
    "POST /courses/<slug>/staff/grades/lms":              (303, 404, 404, 403, 403, 422, 422, 422),
    "GET /staff/queue":                                   (303, 403, 200, 403, 403, 200, 200, 200),
    "GET /staff/queue/live":                              (303, 403, 200, 403, 403, 200, 200, 200),
    "POST /staff/queue/pause":                            (303, 403, 403, 403, 403, 403, 403, 303),  # two courses
}  # fmt: skip


def test_the_table_has_every_route(app):
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/api/")  # those have tokens in place of roles, and a table of their own
    }
    assert routes == set(TABLE)


def test_every_route_has_a_rule(app):
    permissions.check(app)
    app.add_url_rule("/open", "forgotten", lambda: "secret")
    with pytest.raises(AssertionError, match="routes without a rule of access: forgotten"):
        permissions.check(app)
    user = User(app.test_client())
    assert user.get("/open").status_code == 500, "and meanwhile it says nothing to anybody"


class World:
    """Everybody signed in, once for the whole table; each test gets a browser with its role's cookie."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self.app.testing = True
        self.app.config["WTF_CSRF_ENABLED"] = False  # that has tests of its own; here the role alone decides
        database = self.app.extensions["services"].database
        self.cookies = {"nobody": ""}
        with database.write() as session:
            other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        for role in READERS[1:]:
            with database.write() as session:
                there = {"stranger": "student", "teacher": "staff"}.get(role)
                person, _ = accounts.create(
                    session,
                    login=role,
                    role=there or ROLES.get(role),
                    password=PASSWORD,
                    course=other if there else None,
                )
                person.is_operator = role == "operator"
            client = self.app.test_client()
            client.post("/sign-in", data={"login": role, "password": PASSWORD})
            self.cookies[role] = not_none(client.get_cookie("deepgrade")).value
        with database.write() as session:
            operator, owner = (not_none(accounts.find(session, one)) for one in ("operator", "owner"))
            lti_rows.connect(session, operator, owner, subject="s-1", message="")
        with database.write() as session:
            self.somebody = accounts.create(session, login="carol", name="Carol")[0].id
        with database.write() as session:
            not_none(courses.assignment(session, accounts.first_course(session), "double")).leaderboard = True
        answer = self.browser("owner").post("/courses/course/assignments/double", data=zip_field())
        assert answer.location == "/submissions/1"
        with database.write() as session:
            claim = leases.claim(session, leases.Slot("w", ("cpu",)), lease_seconds=45)
            leases.finish(session, not_none(claim), REPORT, report_figures.draw_all(REPORT))
        assert self.browser("owner").post("/courses/course/assignments/double", data=zip_field()).status_code == 303
        again = {"assignment": "double", "which": "all", "reason": "to look at"}
        assert self.browser("staff").post("/courses/course/staff/regrades", data=again).status_code == 303

    def browser(self, role: str) -> FlaskClient:
        client = self.app.test_client()
        client.set_cookie("deepgrade", self.cookies[role])
        return client


def zip_field() -> dict[str, object]:
    return {"zip": (io.BytesIO(zip_of(RIGHT)), "double.zip")}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return World(Settings(home=tmp_path_factory.mktemp("roles") / "home", course=COURSE))


@pytest.mark.parametrize("route", TABLE)
@pytest.mark.parametrize("role", READERS)
@pytest.mark.threat(19)
def test_each_role_gets_of_each_route_what_the_table_says(world, route, role):
    method, rule = route.split(" ")
    path = (
        rule.replace("<path:filename>", "deepgrade.css")
        .replace("<slug>", "course")
        .replace("<name>", "double")
        .replace("<int:submission_id>", "1")
        .replace("<secret>", "nobodys")
        .replace("<int:token_id>", "1")
        .replace("<int:regrade_id>", "1")
        .replace("<int:first_id>", "1")
        .replace("<int:second_id>", "2")
        .replace("<int:number>", "1")
        .replace("<int:earlier_id>", "2")
        .replace("<int:platform_id>", "1")
        .replace("<int:context_id>", "999" if rule.endswith("/disconnect") else "1")
        .replace("<int:person_id>", str(world.somebody))
        .replace("<key>", report_figures.key(FIGURE))
    )
    data = zip_field() if rule.endswith("/assignments/<name>") else {}
    if rule.endswith("/role"):
        data = {"role": "student"}
    answer = world.browser(role).open(path, method=method, data=data if method == "POST" else None)
    assert answer.status_code == TABLE[route][READERS.index(role)]
    if role == "nobody" and answer.status_code == TO_SIGN_IN:
        assert answer.location.startswith("/sign-in")


@pytest.fixture
def bob(user) -> User:
    return user("bob")


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff")


@pytest.mark.threat(19)
def test_staff_look_after_students_alone(eve, database):
    answer = eve.post("/courses/course/staff/people", {"login": "mallory", "name": "M", "role": "admin"})
    assert answer.status_code == 422
    with database.write() as session:
        admin, _ = accounts.create(session, login="root", role="admin")
    assert eve.post(f"/courses/course/staff/people/{admin.id}/password", form_at="/").status_code == 403
    with database.read() as session:
        assert accounts.find(session, "mallory") is None


def test_somebody_added_on_the_page_gets_in_with_the_password_shown(eve, user):
    page = eve.post("/courses/course/staff/people", {"login": "dan", "name": "Dan", "role": "student"}).text
    once = page.split('<code class="once">')[1].split("<")[0]
    assert user().sign_in("dan", once).location == "/"


def test_a_new_password_for_somebody_ends_their_sessions(eve, bob, database):
    assert eve.post(f"/courses/course/staff/people/{bob.person.id}/password", form_at="/").status_code == 200
    assert bob.get("/").status_code == 303
    with database.read() as session:
        assert session.get_one(Person, bob.person.id).must_change_password


@pytest.mark.parametrize(
    "path",
    [
        "/courses/course/assignments/nothing",
        "/courses/course/assignments/..%2f..",
        "/submissions/999",
        "/submissions/-1",
        "/x",
    ],
)
def test_what_is_not_there_is_answered_404_with_a_sentence(world, path):
    answer = world.browser("admin").get(path)
    assert answer.status_code == 404
    assert "This page does not exist, or you are not allowed to see it." in answer.text


@pytest.mark.threat(46)
def test_every_form_needs_its_token(eve):
    posts = [route.split(" ")[1] for route in TABLE if route.startswith("POST")]
    for rule in posts:
        path = rule.replace("<slug>", "course").replace("<name>", "double")
        path = path.replace("<int:submission_id>", "1").replace("<int:person_id>", "2").replace("<int:earlier_id>", "1")
        path = re.sub("<int:[a-z_]+>", "1", path.replace("<secret>", "nobodys"))
        # A platform sends these two: the state and the signature are checked in place of a token.
        expected = {"/lti/login": 200, "/lti/launch": 403}.get(path, 400)
        assert eve.client.post(path).status_code == expected, path
