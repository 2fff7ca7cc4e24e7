"""`/api/v1`: the rules of the pages for programs, as it is described at /api/v1/openapi.json."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from werkzeug.test import TestResponse

from autograder.report import schema as reports
from grader_service.accounts import accounts, tokens
from grader_service.courses import courses
from grader_service.database.models import CourseAssignment, Submission, Token
from grader_service.submissions import rendering
from grader_service.web.api import limits
from grader_service.web.app import create_app
from grader_service.web.security import limiter

from ..conftest import PASSWORD, RIGHT, zip_of
from ..support import api_cases
from ..support.pages_list import RIGHT_REPORT, WRONG_REPORT
from ..support.pdfs import pdf
from ..support.roles import READERS, ROLES

BRIEFLY = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
HAND_IN = "/courses/course/assignments/double/submissions"


@dataclasses.dataclass
class Program:
    """Something that asks with a token."""

    app: Flask
    secret: str

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        headers |= options.pop("headers", {})
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str) -> TestResponse:
        return self.ask("GET", path)

    def hand_in(self, data: bytes, path: str = HAND_IN, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, data={"zip": (io.BytesIO(data), "double.zip")}, headers=named)


@pytest.fixture
def program(app, database) -> Callable[..., Program]:
    """`program("ada")` asks with a token of scope `submit` of a new student."""

    def make(login: str = "ada", scope: str = "submit", role: str = "student", **options: Any) -> Program:
        with database.write() as session:
            person = accounts.find(session, login)
            if person is None:
                person, _ = accounts.create(session, login=login, role=role, password=PASSWORD)
            _, secret = tokens.make(session, person, name="test", scope=scope, **options)
        return Program(app, secret)

    return make


def test_a_program_hands_in_waits_and_reads_the_report(program, graded):
    ada = program()
    me = ada.get("/me").get_json()
    assert [one["course"] for one in me["courses"]] == ["course"]
    assert me["token"] == {"name": "test", "scope": "submit", "expires_at": None}
    (assignment,) = ada.get("/courses/course/assignments").json["assignments"]
    assert (assignment["name"], assignment["files"], assignment["submissions"]) == ("double", ["double.py"], 0)
    data = zip_of(RIGHT, conftest_py="")
    receipt = ada.hand_in(data)
    assert receipt.status_code == 201
    number = receipt.json["id"]
    assert (receipt.json["state"], receipt.json["place"], receipt.json["points"]) == ("queued", 1, None)
    assert receipt.json["notes"] == ["not handed on to the grader: conftest.py"]
    waiting = ada.get(f"/submissions/{number}/report")
    assert (waiting.status_code, waiting.json) == (202, receipt.json)
    graded(RIGHT_REPORT)
    assert ada.get(f"/submissions/{number}").json["points"] == RIGHT_REPORT.points
    shown = reports.from_json(ada.get(f"/submissions/{number}/report").data)
    assert shown.points == RIGHT_REPORT.points
    assert ada.get(f"/submissions/{number}/upload.zip").data == data
    assert [one["id"] for one in ada.get("/submissions").json["submissions"]] == [number]
    assert ada.get("/courses/course/assignments").json["assignments"][0]["points_counted"] == RIGHT_REPORT.points


def test_a_program_hands_in_the_written_part(program, database):
    ada, at = program(), "/courses/course/assignments/double/written"

    def hand_in(data: bytes, key: str = "0123456789abcdef") -> TestResponse:
        return ada.ask("POST", at, data={"text": (io.BytesIO(data), "m.md")}, headers={"Idempotency-Key": key})

    assert hand_in(b"# Mine").get_json()["message"] == "this assignment has no written part"
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().written_points = 5.0
    receipt = hand_in(b"# Mine")
    assert (receipt.status_code, receipt.get_json()["kind"], receipt.get_json()["state"]) == (201, "written", "done")
    assert hand_in(b"# Mine").get_json()["id"] == receipt.get_json()["id"]
    assert ada.get("/courses/course/assignments").json["assignments"][0]["to_mark"] is True
    assert "neither a PDF nor Markdown" in hand_in(b"\xff\xfe").get_json()["message"]
    large = pdf() + b"%" + bytes(4_000_000)  # more than any zip may have
    assert hand_in(large, "0123456789abcdeX").status_code == 201
    damaged = hand_in(b"%PDF-1.7 ...", "0123456789abcdeY")
    assert (damaged.status_code, damaged.get_json()["message"]) == (422, rendering.BROKEN)
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().release_at = 4e9
    assert hand_in(b"# Mine").status_code == 404


def test_a_draft_is_told_as_such_to_staff_alone(program, database):
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().draft = True
    found = program("eve", scope="staff", role="staff").get("/courses/course/assignments").json["assignments"]
    assert [(one["name"], one["draft"], one["release_at"]) for one in found] == [("double", True, 0.0)]
    ada = program()
    assert ada.get("/courses/course/assignments").json["assignments"] == []
    assert ada.hand_in(zip_of(RIGHT)).status_code == 404


def test_a_repeated_call_is_the_same_submission(program):
    ada, data = program(), zip_of(RIGHT)
    numbers = {ada.hand_in(data, Idempotency_Key="0123456789abcdef").json["id"] for _ in range(3)}
    assert len(numbers) == 1
    assert ada.hand_in(data, Idempotency_Key="0123456789abcdeX").json["id"] not in numbers
    assert ada.hand_in(data, Idempotency_Key="short").status_code == 422


def test_what_the_page_refuses_is_refused_with_the_same_words(program, database):
    ada = program()
    refused = ada.hand_in(b"no zip")
    assert (refused.status_code, refused.json["code"]) == (422, 422)
    assert "the upload is not a zip" in refused.json["message"]
    with database.write() as session:
        chosen = session.scalars(sa.select(CourseAssignment)).one()
        chosen.due_at, chosen.hard_end_at = 1.0, 2.0
    late = ada.hand_in(zip_of(RIGHT))
    assert (late.status_code, late.json["message"]) == (422, "it is past the end")
    with database.read() as session:
        assert session.scalar(sa.select(Submission.id)) is None


def test_a_student_s_report_holds_nothing_hidden_and_a_staff_token_s_does(program, graded):
    ada, eve = program(), program("eve", "staff", role="staff")
    number = ada.hand_in(zip_of(RIGHT)).json["id"]
    graded(WRONG_REPORT)
    assert "no answer within 2 s" not in ada.get(f"/submissions/{number}/report?view=staff").text
    assert "no answer within 2 s" in eve.get(f"/submissions/{number}/report").text
    reading = program("eve", "read")  # made for less than staff's work: it sees none of others'
    assert reading.get(f"/submissions/{number}/report").status_code == 404


def test_lists_come_in_parts(program):
    ada = program()
    numbers = [ada.hand_in(zip_of(RIGHT)).json["id"] for _ in range(5)]
    first = ada.get("/submissions?limit=2").json
    rest = ada.get(f"/submissions?limit=50&before={first['before']}&course=course&assignment=double").json
    assert [one["id"] for one in first["submissions"] + rest["submissions"]] == numbers[::-1]
    assert rest["before"] is None
    assert ada.get("/submissions?assignment=none").json["submissions"] == []


def test_a_token_for_a_course_reaches_that_course_alone(program, database):
    with database.write() as session:
        other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        first = accounts.first_course(session)
        ada, _ = accounts.create(session, login="ada", password=PASSWORD)
        accounts.join(session, ada, other, "student")
    both, one = program(), program(course=first)
    number = both.hand_in(zip_of(RIGHT)).json["id"]
    assert [found["course"] for found in both.get("/me").json["courses"]] == ["course", "other"]
    assert [found["course"] for found in one.get("/me").json["courses"]] == ["course"]
    assert both.get("/courses/other/assignments").status_code == 200
    assert one.get("/courses/other/assignments").status_code == 404
    assert one.get(f"/submissions/{number}").status_code == 200


def test_who_has_a_password_gets_a_first_token(app, database, user):
    limiter.reset()
    user("ada")
    nobody = Program(app, "")
    made = nobody.ask("POST", "/tokens", json={"login": "Ada", "password": PASSWORD, "name": "laptop"})
    assert made.status_code == 201
    me = Program(app, made.get_json()["token"]).get("/me").get_json()
    assert (me["login"], me["token"]["scope"], me["token"]["name"]) == ("ada", "submit", "laptop")
    wider = nobody.ask("POST", "/tokens", json={"login": "ada", "password": PASSWORD, "scope": "staff"})
    assert wider.status_code == 422
    for _ in range(10):
        wrong = nobody.ask("POST", "/tokens", json={"login": "ada", "password": "wrong"})
        assert (wrong.status_code, wrong.get_json()["message"]) == (401, "The login or the password is wrong.")
    right = nobody.ask("POST", "/tokens", json={"login": "ada", "password": PASSWORD})
    assert right.status_code == 429, "guessing is slowed, also when it hits"
    limiter.reset()


@pytest.mark.threat(59)
@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"a":' * 10_000, b"9" * 60_000, b'{"login": "\xff"}', b"{"])
def test_json_that_cannot_be_read_is_the_sender_s_fault(app, body):
    """Else whoever likes fills the log with our tracebacks."""
    answer = app.test_client().post("/api/v1/tokens", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["errors"] == {"json": ["Invalid JSON body."]}


def test_a_made_up_password_is_changed_before_it_makes_a_token(app, database):
    with database.write() as session:
        _, once = accounts.create(session, login="ada")
    answer = Program(app, "").ask("POST", "/tokens", json={"login": "ada", "password": once})
    assert answer.status_code == 403
    assert "choose your own password" in answer.get_json()["message"]


@pytest.mark.parametrize("change", ["revoked_at", "expires_at"])
def test_a_token_that_is_over_is_none(program, database, change):
    ada = program()
    assert ada.get("/me").status_code == 200
    with database.write() as session:
        session.execute(sa.update(Token).values({change: 1.0}))
    answer = ada.get("/me")
    assert (answer.status_code, answer.mimetype) == (401, "application/json")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer x", "Basic YWRhOmFkYQ==", "Bearer dg_" + "A" * 43, "Bearer \xff"]
)
def test_what_is_no_token_lets_nobody_in(app, header):
    answer = Program(app, "").ask("GET", "/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "Create one on your account page" in answer.get_json()["message"]


def test_a_cookie_opens_nothing_here_and_a_token_no_page(user, program):
    """Else a stranger's page could have a browser ask, or a lost token read pages."""
    ada = user("ada")
    assert ada.get("/").status_code == 200
    assert ada.get("/api/v1/me").status_code == 401
    assert ada.client.post(f"/api/v1{HAND_IN}").status_code == 401
    token = program("ada")
    answer = token.app.test_client().get("/", headers={"Authorization": f"Bearer {token.secret}"})
    assert answer.status_code == 303


def test_a_second_app_in_the_process_counts_no_request_twice(app, program, settings):
    """Blueprints and their limits belong to the module; set by each app, a program would soon have asked too often."""
    create_app(settings).extensions["services"].database.close()
    limiter.reset()
    ada, stranger = program(), Program(app, "")
    assert {ada.get("/me").status_code for _ in range(limits.OFTEN)} == {200}
    assert program("ada").get("/me").status_code == 429, "another token of the same account"
    assert "more than 300 requests in a minute" in ada.get("/me").json["message"]
    assert program("eve").get("/me").status_code == 200
    assert stranger.get("/me").status_code == 401, "nobody is counted for"
    limiter.reset()


def test_a_program_that_asks_too_often_is_told(program, app, monkeypatch):
    limiter.reset()
    ada, eve = program(), program("eve")
    answers = [ada.ask("POST", HAND_IN).status_code for _ in range(limits.SENDING + 1)]
    assert set(answers[:-1]) == {422}
    assert answers[-1] == 429
    assert eve.ask("POST", HAND_IN).status_code == 422, "another account has a count of its own"
    answer = ada.ask("POST", HAND_IN)
    assert answer.json["message"].startswith("Programs of your account sent more than 30 uploads in a minute.")
    limiter.reset()


# --- who may ask what -------------------------------------------------------------------------------------------------

# route                                                    scope that it needs, and from which role on
TABLE = {
    "GET /api/v1/openapi.json": None,
    "POST /api/v1/tokens": None,  # for who has a password
    "GET /api/v1/me": ("read", "anybody"),
    "GET /api/v1/submissions": ("read", "anybody"),
    "GET /api/v1/courses/<slug>/assignments": ("read", "student"),
    "POST /api/v1/courses/<slug>/assignments/<name>/submissions": ("submit", "student"),
    "POST /api/v1/courses/<slug>/assignments/<name>/written": ("submit", "student"),
    "GET /api/v1/submissions/<int:submission_id>": ("read", "owner"),
    "GET /api/v1/submissions/<int:submission_id>/report": ("read", "owner"),
    "GET /api/v1/submissions/<int:submission_id>/upload.zip": ("read", "owner"),
    "GET /api/v1/courses/<slug>/submissions": ("staff", "staff"),
    "GET /api/v1/courses/<slug>/people": ("staff", "staff"),
    "GET /api/v1/courses/<slug>/scores": ("staff", "staff"),
    "GET /api/v1/queues": ("staff", "any staff"),
    "PUT /api/v1/queues/<name>": ("staff", "operator"),
}
STAFF_HERE = {"staff", "admin", "operator"}
WHO = {
    "anybody": set(READERS) - {"nobody"},
    "student": {"owner", "student"} | STAFF_HERE,
    "owner": {"owner"} | STAFF_HERE,
    "staff": STAFF_HERE,
    "any staff": {"teacher"} | STAFF_HERE,
    "operator": {"operator"},  # the other course has staff of its own
}
FINE: tuple[int, ...] = (200, 201, 202, 204, 422)  # 422: it would be answered, had something been sent


def test_the_table_has_every_route_of_the_api(app):
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    assert routes == set(TABLE)


@pytest.fixture
def everybody(app, database, program) -> dict[tuple[str, str], Program]:
    """A program for each role and scope that it may have; the owner has handed in once."""
    with database.write() as session:
        other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        for login in READERS[1:]:
            here = login in ROLES
            role = ROLES[login] if here else ("staff" if login == "teacher" else "student")
            course = accounts.first_course(session) if here else other
            person, _ = accounts.create(session, login=login, role=role, password=PASSWORD, course=course)
            if login == "operator":
                person.is_operator = True
    found = {("nobody", ""): Program(app, "")}
    for login in READERS[1:]:
        for scope in ("read", "submit", "staff"):
            if scope != "staff" or login in ("teacher", "staff", "admin", "operator"):
                found[login, scope] = program(login, scope)
    assert found["owner", "submit"].hand_in(zip_of(RIGHT)).status_code == 201
    return found


def test_every_route_answers_those_that_it_is_for_and_nobody_else(everybody):
    limiter.reset()
    order = ["", "read", "submit", "staff"]
    wrong = []
    for route, need in TABLE.items():
        method, _, rule = route.partition(" ")
        path = rule.removeprefix("/api/v1").replace("<slug>", "course").replace("<int:submission_id>", "1")
        path = path.replace("<name>", "double" if "assignments" in path else "gpu")
        for (who, scope), asking in everybody.items():
            options = {"json": {"paused": True}} if method == "PUT" else {}
            status = asking.ask(method, path, **options).status_code
            if need is None:
                expected = FINE
            elif who == "nobody":
                expected = (401,)
            elif order.index(scope) < order.index(need[0]):
                expected = (403,)
            else:
                # A token for less than staff's work is a student's, whoever made it.
                allowed = WHO[need[1]]
                if need[1] == "owner" and scope != "staff":
                    allowed = {"owner"}
                expected = FINE if who in allowed else (403, 404)
            if status not in expected:
                wrong.append(f"{route} by {who} with {scope or 'nothing'}: {status}, not {expected}")
    limiter.reset()
    assert wrong == []


# --- the description --------------------------------------------------------------------------------------------------


def test_the_description_is_one_and_says_who_may_ask(app):
    description = json.loads(Program(app, "").get("/openapi.json").data)
    assert description["openapi"].startswith("3.1")
    assert description["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    described = {
        (method.upper(), path)
        for path, found in description["paths"].items()
        for method in found
        if method in ("get", "post", "put", "delete", "patch")
    }
    assert len(described) == len(TABLE) - 1
    for path, found in description["paths"].items():
        for method, operation in found.items():
            if method != "parameters":
                assert operation["summary"], (method, path)
                assert "default" in operation["responses"], "every other answer is an error, and has its form"


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The service with something in it, and the schemathesis of its own description."""
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    with api_cases.described(tmp_path_factory.mktemp("described") / "home") as found:
        yield found


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_answer_is_a_500_or_unlike_its_description(described, mode):
    """Whatever is sent, well formed or not, by a student's program or by staff's."""
    tried: list[None] = []
    schema, secrets = described
    for _, ask in api_cases.calls(schema, secrets, mode):
        ask(BRIEFLY, tried)
    assert len(tried) > 40


def test_the_written_part_is_on_the_lists_and_has_no_report_and_no_zip(described):
    schema, secrets = described
    client = schema.app.test_client()

    def get(who, path):
        return client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secrets[who]}"})

    for who, path in (("ada", "submissions"), ("eve", "courses/course/submissions")):
        found = {one["id"]: one for one in get(who, path).json["submissions"]}
        assert (found[5]["kind"], found[5]["state"], found[5]["points"]) == ("written", "done", None)
        assert found[2]["kind"] == "code"
    for who in ("ada", "eve"):
        assert get(who, "submissions/5").json["kind"] == "written"
        assert get(who, "submissions/5/report").status_code == 404
        assert get(who, "submissions/5/upload.zip").status_code == 404
