"""What somebody may not know of is answered like what is not there: status, words and headers, on every route."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from narrowing import not_none
from werkzeug.test import TestResponse

from grader_service.accounts import accounts, tokens
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.models import Course, CourseAssignment, Submission
from grader_service.web.app import create_app

from ..conftest import PASSWORD, RIGHT, User, zip_of

HIDDEN, MISSING = "double", "nowhere"
VARYING = ("X-Request-Id", "Set-Cookie", "Content-Length")

Answer = tuple[int, str, list[tuple[str, str]]]


class World:
    """ada, a student of `course`, where `double` is not released; bob and staff of `other`, where it is."""

    def __init__(self, settings: Settings) -> None:
        self.app: Flask = create_app(settings)
        self.app.testing = True
        self.app.config["WTF_CSRF_ENABLED"] = False  # else each form would be as expired as the next
        database = self.app.extensions["services"].database
        with database.write() as session:
            other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
            courses.add(session, None, other, HIDDEN)
            here = accounts.first_course(session)
            for login, course, role in (
                ("ada", here, "student"),
                ("eve", here, "staff"),
                ("root", here, "admin"),
                ("bob", other, "student"),
            ):
                accounts.create(session, login=login, role=role, password=PASSWORD, course=course)
        self.secrets: dict[str, str] = {}
        with database.write() as session:
            for login, scope in (("ada", "submit"), ("eve", "staff"), ("root", "staff")):
                person = not_none(accounts.find(session, login))
                _, self.secrets[login] = tokens.make(session, person, name="t", scope=scope)
        bob = User(self.app.test_client())
        bob.sign_in("bob")
        for first in (True, False):
            sent = {"zip": (io.BytesIO(zip_of(RIGHT)), "double.zip")}
            answer = bob.post("/courses/other/assignments/double", sent)
            self.of_bob = int(answer.location.rsplit("/", 1)[1])
            if first:  # numbers that stand nowhere else on a page
                with database.write() as session:
                    one = session.get_one(Submission, self.of_bob)
                    facts = {column.name: getattr(one, column.name) for column in Submission.__table__.columns}
                    session.add(Submission(**facts | {"id": 2999, "form_key": "x"}))
        self.bob_id = self._id("bob")
        with database.write() as session:
            mine = sa.select(CourseAssignment).join(CourseAssignment.course).where(Course.slug == "course")
            chosen = session.scalars(mine).one()
            chosen.release_at = time.time() + 86400
            chosen.written_points, chosen.leaderboard = 5.0, True
        self.users = {login: User(self.app.test_client()) for login in ("ada", "eve", "root")}
        for login, one in self.users.items():
            assert one.sign_in(login).status_code == 303

    def _id(self, login: str) -> int:
        with self.app.extensions["services"].database.read() as session:
            person = accounts.find(session, login)
            assert person is not None
            return person.id

    def ask(self, login: str, method: str, path: str) -> TestResponse:
        options: dict[str, object] = {}
        if method == "POST":
            files = {"zip": (io.BytesIO(zip_of(RIGHT)), "a.zip"), "text": (io.BytesIO(b"# Mine"), "a.md")}
            options = {"data": {**files, "pseudonym": "x"}, "content_type": "multipart/form-data"}
        if path.startswith("/api/"):
            options["headers"] = {"Authorization": f"Bearer {self.secrets[login]}"}
            return self.app.test_client().open(path, method=method, **options)  # type: ignore[arg-type]
        return self.users[login].client.open(path, method=method, **options)  # type: ignore[arg-type]

    def told(self, login: str, method: str, path: str, what: str) -> Answer:
        """The answer, but for the name of what was asked for."""
        answer = self.ask(login, method, path)
        text = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.get_data(as_text=True))
        headers = sorted((name, value) for name, value in answer.headers if name not in VARYING)
        text, *values = (re.sub(rf"\b{what}\b", "WHAT", one) for one in (text, *(value for _, value in headers)))
        headers = [(name, value) for (name, _), value in zip(headers, values, strict=True)]
        return answer.status_code, text, headers


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    from ..conftest import COURSE

    made = World(Settings(home=tmp_path_factory.mktemp("alike") / "home", course=COURSE))
    yield made
    made.app.extensions["services"].database.close()


def routes(app: Flask, argument: str) -> list[tuple[str, str]]:
    """Method and rule of all that have this argument."""
    found = [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD"})
        if argument in rule.arguments and rule.endpoint != "static"
    ]
    assert found
    return found


def filled(rule: str, **values: object) -> str:
    """The rule as an address, everything else as it is there."""
    given = {
        "slug": "course",
        "name": HIDDEN,
        "submission_id": 1,
        "person_id": 1,
        "earlier_id": 1,
        "number": 1,
        **values,
    }
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", lambda match: str(given.get(match[1], "x")), rule)


def differing(world: World, login: str, argument: str, there: object, missing: object, **where: object) -> list[str]:
    """The routes on which one thing is answered unlike another."""
    found = []
    for method, rule in routes(world.app, argument):
        if argument == "name" and "queues" in rule:
            continue  # of a queue, which is nobody's secret
        answers = [
            world.told(login, method, filled(rule, **{**where, argument: one}), str(one)) for one in (there, missing)
        ]
        if answers[0] != answers[1]:
            found.append(f"{method} {rule}: {answers[0][0]} {answers[0][1][:80]!r}, {answers[1][0]}")
    return found


@pytest.mark.threat(19)
def test_a_student_cannot_tell_an_unreleased_assignment_from_one_that_is_not_there(world):
    assert differing(world, "ada", "name", HIDDEN, MISSING) == []


@pytest.mark.threat(19)
def test_a_student_cannot_tell_another_course_from_one_that_is_not_there(world):
    assert differing(world, "ada", "slug", "other", "nowhere") == []


@pytest.mark.threat(19)
@pytest.mark.parametrize("login", ["ada", "eve", "root"])
def test_nobody_can_tell_another_course_s_submission_from_one_that_is_not_there(world, login):
    assert differing(world, login, "submission_id", world.of_bob, 4711) == []


@pytest.mark.threat(19)
@pytest.mark.parametrize("login", ["ada", "eve", "root"])
def test_nobody_can_tell_another_course_s_person_from_one_that_is_not_there(world, login):
    assert differing(world, login, "person_id", world.bob_id, 4711) == []


@pytest.mark.threat(19)
def test_lists_tell_nothing_of_it_either(world):
    for path in ("/", "/courses/course", "/api/v1/courses/course/assignments", "/api/v1/submissions"):
        assert HIDDEN not in world.ask("ada", "GET", path).get_data(as_text=True), path
    for query in ("course=other", "course=nowhere", f"assignment={HIDDEN}", f"assignment={MISSING}"):
        assert world.ask("ada", "GET", f"/api/v1/submissions?{query}").json == {"submissions": [], "before": None}


def test_staff_try_it_out_before_its_release_by_page_and_api(world):
    for path in (f"/courses/course/assignments/{HIDDEN}", f"/courses/course/assignments/{HIDDEN}/written"):
        assert "/submissions/" in world.ask("eve", "POST", path).location, path
    for kind in ("submissions", "written"):
        assert world.ask("eve", "POST", f"/api/v1/courses/course/assignments/{HIDDEN}/{kind}").status_code == 201


def test_who_has_no_password_is_not_told_by_the_time_from_who_does_not_exist(world, monkeypatch):
    """An account that signs in elsewhere alone: the same work is done for it."""
    with world.app.extensions["services"].database.write() as session:
        not_none(accounts.find(session, "bob")).password_hash = ""
    hashed: list[str] = []

    def note(kept: str, password: str) -> bool:
        hashed.append(kept.partition("$")[0])
        return False

    monkeypatch.setattr(accounts, "check_password_hash", note)
    with world.app.extensions["services"].database.read() as session:
        for login in ("ada", "bob", "nobody", "no login at all"):
            assert accounts.authenticate(session, login, "a wrong one") is None
    assert len(hashed) == 4
    assert len(set(hashed)) == 1
