"""Rosters, one-time links, roles, tokens, and the deletion of a person."""

from __future__ import annotations

import dataclasses
import re
import socket
import time
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from narrowing import not_none

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, roster, tokens
from grader_service.core import minutes
from grader_service.courses import courses
from grader_service.database.files import Files
from grader_service.database.models import (
    AuditEntry,
    Base,
    Comment,
    Course,
    CourseAssignment,
    Extension,
    OneTimeLink,
    Override,
    Person,
    Submission,
    Token,
    Upload,
)
from grader_service.web.app import create_app

from ..conftest import RIGHT, WRONG, User, zip_of
from ..support.pages_list import RIGHT_REPORT, finish
from ..support.rosters import PEOPLE, Box, digest, do, links, people, send

CSV = "login,name,email,role\nada,Ada,ada@example.edu,student\nbob,Bob,,\n"


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff")


# --- rosters ----------------------------------------------------------------------------------------------------------


def test_a_roster_is_shown_first_and_done_second(eve, database):
    page = send(eve, CSV).text
    assert page.count("new account, student, gets an invitation") == 2
    assert people(database) == {"eve": "staff"}, "nothing is changed by looking"
    answer = do(eve, CSV)
    assert answer.status_code == 200
    assert people(database) == {"eve": "staff", "ada": "student", "bob": "student"}
    assert len(links(answer.text)) == 2
    assert "Nothing changes: the course already matches all 2 lines." in send(eve, CSV).text, "again it changes nothing"


def test_what_is_done_is_what_was_shown(eve, user, database):
    shown = digest(send(eve, CSV).text)
    user("bob")
    answer = send(eve, CSV, digest=shown)
    assert answer.status_code == 409
    assert "The people of the course have changed since this plan was made" in answer.text
    assert "ada" not in people(database)


def test_whoever_is_not_on_it_leaves_only_if_that_is_wanted_and_staff_never(eve, user, database):
    user("carol").handed_in()
    do(eve, CSV)
    assert people(database)["carol"] == "student"
    plan = send(eve, CSV, leave="1").text
    assert "leaves; submissions stay" in plan
    done = send(eve, CSV, leave="1", digest=digest(plan))
    assert done.status_code == 422
    assert "confirm that 1 student will leave the course" in done.text
    assert people(database)["carol"] == "student", "nobody leaves by one click"
    assert send(eve, CSV, leave="1", digest=digest(plan), leavers="1").status_code == 200
    assert set(people(database)) == {"eve", "ada", "bob"}
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count(Submission.id))) == 1


def test_columns_are_found_by_their_names(eve):
    text = "Last Name;E-Mail;First Name\nLovelace;Ada@Example.edu;Ada\n"
    (entry,) = roster.parse(text)
    assert (entry.login, entry.name, entry.email, entry.role) == (
        "ada@example.edu",
        "Ada Lovelace",
        "Ada@Example.edu",
        "student",
    )


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "the roster is empty"),
        ("name\nAda\n", "it must name a column login or email"),
        ("login\nada\nADA\n", "line 3: 'ada' is already in line 2"),
        ("login\na b\n", "line 2: 'a b' is not a valid login"),
        ("login,role\nada,king\n", "line 2: 'king' is not a role"),
        ("login,role\nada,admin\n", "line 2: you cannot give the role admin"),
        ("login,role\neve,student\n", "line 2: 'eve' has the role staff, and you cannot change it"),
        ("login,email\nada,a@b@c\n", "line 2: 'a@b@c' is not a valid e-mail address"),
        ('login\n"ada\n', "the roster is not a valid CSV file"),
        ("login\n" + "a\n" * 6000, "the limit is 5000"),
    ],
)
def test_a_roster_with_a_mistake_is_refused_whole_with_its_line(eve, database, text, sentence):
    answer = send(eve, text)
    assert answer.status_code == 422
    assert sentence in answer.text.replace("&#39;", "'")
    assert people(database) == {"eve": "staff"}


@given(st.text(alphabet=st.sampled_from("login,email;name\t\"'\n\r\0a@é=+\u202e "), max_size=60))
@example('login\n"')
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_sent_as_a_roster_is_people_or_a_sentence(text):
    try:
        entries = roster.parse(text)
    except DeepgradeError:
        return
    assert len({entry.login for entry in entries}) == len(entries)
    assert all(accounts.LOGIN.fullmatch(entry.login) for entry in entries)


@pytest.mark.threat(19)
def test_accounts_that_there_are_keep_their_names_and_addresses(eve, user, database):
    with database.write() as session:
        other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        accounts.create(session, login="ada", name="Ada of the other", email="a@other.edu", course=other)
    page = send(eve, CSV).text
    assert "has an account, joins as student" in page
    answer = do(eve, CSV)
    assert len(links(answer.text)) == 1, "no link into an account that there is"
    with database.read() as session:
        ada = not_none(accounts.find(session, "ada"))
        assert (ada.name, ada.email) == ("Ada of the other", "a@other.edu")


# --- who may be whose master ------------------------------------------------------------------------------------------


@pytest.mark.threat(19)
@pytest.mark.parametrize("how", ["password", "link"])
def test_staff_give_no_way_into_an_account_that_can_do_what_they_cannot(eve, database, how):
    """mallory, staff here, adds the other course's admin as a student and asks for a link."""
    with database.write() as session:
        other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        boss, _ = accounts.create(session, login="boss", role="admin", course=other)
        root, _ = accounts.create(session, login="root", role="student")
        root.is_operator = True
    eve.post(PEOPLE, {"login": "boss", "name": "x", "role": "student"})
    assert people(database)["boss"] in ("student", "admin")
    for person in (boss, root):
        assert eve.post(f"{PEOPLE}/{person.id}/{how}", form_at=PEOPLE).status_code == 403


def test_an_admin_sets_roles_and_not_the_own_one(user, database):
    root, ada = user("root", role="admin"), user("ada")
    assert root.post(f"{PEOPLE}/{ada.person.id}/role", {"role": "staff"}, form_at=PEOPLE).status_code == 303
    assert ada.get(PEOPLE).status_code == 200
    assert root.post(f"{PEOPLE}/{ada.person.id}/role", {"role": ""}, form_at=PEOPLE).status_code == 303
    assert ada.get("/courses/course").status_code == 404
    assert root.post(f"{PEOPLE}/{root.person.id}/role", {"role": "student"}, form_at=PEOPLE).status_code == 403
    with database.read() as session:
        told = session.execute(sa.select(AuditEntry.before, AuditEntry.after).order_by(AuditEntry.id)).all()
        assert [tuple(row) for row in told] == [("student", "staff"), ("staff", None)]


# --- one-time links ---------------------------------------------------------------------------------------------------


def invitation(eve: User) -> str:
    return links(do(eve, "login\nada\n").text)[0]


def choose(browser: User, link: str, password: str = "a password of mine"):
    return browser.post(link, {"password": password, "again": password})


def test_an_invitation_sets_a_password_once(eve, user):
    link = invitation(eve)
    browser = user()
    assert browser.get(link).status_code == browser.get(link).status_code == 200, "looking uses nothing up"
    assert choose(browser, link, "short").status_code == 422
    assert choose(browser, link).location == "/sign-in"
    assert browser.sign_in("ada", "a password of mine").location == "/"
    late = {"password": "another password", "again": "another password"}
    assert user().post(link, late, form_at="/sign-in").status_code == 404


@pytest.mark.threat(46)
def test_a_new_link_ends_the_old_one_and_its_use_every_session(eve, user, database):
    old = invitation(eve)
    with database.read() as session:
        number = not_none(accounts.find(session, "ada")).id
    new = links(eve.post(f"{PEOPLE}/{number}/link", form_at=PEOPLE).text)[0]
    assert user().get(old).status_code == 404
    ada = user()
    choose(ada, new)
    ada.sign_in("ada", "a password of mine")
    again = links(eve.post(f"{PEOPLE}/{number}/link", form_at=PEOPLE).text)[0]
    assert ada.get("/").status_code == 200
    choose(user(), again, "another password")
    assert ada.get("/").status_code == 303, "signed out"


@pytest.mark.threat(46)
def test_a_link_ends_with_its_time_and_its_secret_is_not_kept(eve, user, database):
    link = invitation(eve)
    secret = link.rsplit("/", 1)[1]
    with database.write() as session:
        kept = session.scalars(sa.select(OneTimeLink)).one()
        assert secret not in (kept.secret_hash, str(vars(kept)))
        kept.expires_at = 1.0
    assert user().get(link).status_code == 404
    assert user().get("/link/" + "x" * 43).status_code == 404


# --- mail -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def posted(settings):
    """An application that can send mail, and where it arrives."""
    box = Box()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        app = create_app(
            dataclasses.replace(
                settings, smtp=f"smtp://127.0.0.1:{port}", public_url="https://d.example.edu", mail_from="d@example.edu"
            )
        )
        app.testing = True
        yield app, box
        app.extensions["services"].database.close()
    finally:
        controller.stop()


def person(app, login: str, **more) -> User:
    with app.extensions["services"].database.write() as session:
        made, _ = accounts.create(session, login=login, password="correct horse battery", **more)
    found = User(app.test_client(), made)
    found.sign_in(login)
    return found


def test_invitations_and_ways_back_in_go_by_mail(posted):
    app, box = posted
    eve = person(app, "eve", role="staff")
    assert "sent" in do(eve, "login,name,email\nada,Ada,ada@example.edu\n").text
    (mail,) = box.mails
    assert (mail["To"], mail["From"]) == ("ada@example.edu", "d@example.edu")
    link = not_none(re.search(r"https://d\.example\.edu(/link/\S+)", mail.get_content()))[1]
    assert choose(User(app.test_client()), link).status_code == 303
    browser = User(app.test_client())
    for asked in ("ada", "Ada@Example.EDU", "nobody", "eve"):
        answer = browser.client.post(
            "/forgot",
            data={"login": asked, **_hidden(browser)},
            headers={"Host": "evil.example"},
        )
        assert answer.status_code == 303, "the same for everybody"
    app.extensions["services"].outbox.wait()
    assert [one["To"] for one in box.mails[1:]] == ["ada@example.edu"] * 2
    assert "evil.example" not in str(box.mails[-1])


def _hidden(browser: User) -> dict[str, str]:
    from ..conftest import hidden_fields

    return hidden_fields(browser.client.get("/forgot", headers={"Host": "evil.example"}).text)


def test_a_token_holds_through_the_minute_that_is_shown_as_its_end(user, app, database):
    ada = user("ada")
    with database.write() as session:
        _, secret = tokens.make(session, not_none(accounts.find(session, "ada")), name="t", scope="read", days=1)

    def ends(at: float) -> tuple[int, bool]:
        """What the API answers then, and is it shown as ended?"""
        with database.write() as session:
            session.execute(sa.update(Token).values(expires_at=at))
        answer = app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
        return answer.status_code, ">expired<" in ada.get("/account").text

    while True:
        first = minutes.start(time.time())
        seen = ends(first), ends(first - 0.001)
        if minutes.start(time.time()) == first:  # else a minute went by meanwhile
            break
    assert seen == ((200, False), (401, True))


@pytest.mark.threat(46)
def test_a_name_adds_no_line_to_a_mail(posted):
    app, box = posted
    eve = person(app, "eve", role="staff")
    do(eve, 'login,name,email\nada,"Ada\nBcc: all@example.edu",ada@example.edu\n')
    (mail,) = box.mails
    assert mail["Bcc"] is None
    assert "Hello Ada Bcc: all@example.edu," in mail.get_content()


def test_a_mail_server_out_of_reach_leaves_the_link_on_the_page(settings):
    app = create_app(dataclasses.replace(settings, smtp="smtp://127.0.0.1:1", public_url="https://d.example.edu"))
    page = do(person(app, "eve", role="staff"), "login,email\nada,ada@example.edu\n").text
    assert "not sent; pass the link on" in page
    assert "https://d.example.edu/link/" in page
    app.extensions["services"].database.close()


# --- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.threat(46)
def test_a_token_is_made_shown_once_used_and_revoked(user, app, database):
    ada = user("ada")
    page = ada.post("/account", {"name": "laptop", "scope": "read", "course": "course", "days": "30"}).text
    secret = not_none(re.search(r"dg_[\w-]{43}", page))[0]
    assert secret not in ada.get("/account").text
    with database.read() as session:
        assert secret not in str(vars(session.scalars(sa.select(Token)).one()))

    def answer() -> int:
        return app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code

    assert answer() == 200
    bob = user("bob")
    assert bob.post("/account/tokens/1/revoke", form_at="/account").status_code == 404
    assert answer() == 200
    assert ada.post("/account/tokens/1/revoke", form_at="/account").status_code == 303
    assert answer() == 401


def test_students_have_no_token_of_staff(user, database):
    ada = user("ada")
    assert ada.post("/account", {"name": "x", "scope": "staff", "course": "", "days": ""}).status_code == 422
    with pytest.raises(DeepgradeError, match="only staff"), database.write() as session:
        tokens.make(session, not_none(accounts.find(session, "ada")), name="x", scope="staff")


# --- deletion ---------------------------------------------------------------------------------------------------------


@pytest.mark.threat(47)
def test_deleting_a_person_deletes_their_data_and_nobody_else_s(app, user, database, tmp_path):
    """Every table is looked through for the number, the name and the files."""
    services = app.extensions["services"]
    files = Files(dataclasses.replace(services.settings, files=f"file://{tmp_path}/store", inline_kb=0))
    app.extensions["services"] = dataclasses.replace(services, files=files)
    root, eve = user("root", role="admin"), user("eve", role="staff")
    ada, bob = user("ada", name="Ada Lovelace"), user("bob")
    shared, own = zip_of(RIGHT), zip_of(WRONG)
    for student, data in ((ada, shared), (ada, own), (bob, shared)):
        student.handed_in(data)
        finish(app, RIGHT_REPORT)
    ada.post("/account", {"name": "laptop", "scope": "read", "course": "course", "days": "30"})
    eve.post(f"{PEOPLE}/{ada.person.id}/link", form_at=PEOPLE)
    with database.write() as session:
        chosen = not_none(courses.assignment(session, session.scalars(sa.select(Course)).one(), "double"))
        chosen.due_at = 9e8
        dates: dict[str, Any] = {"due_at": 1e9, "hard_end_at": None, "attempts_extra": 0}
        courses.extend(session, eve.person, chosen, ada.person, reason="Ada Lovelace is ill", **dates)
        given = {"course_assignment_id": chosen.id, "points": 1.0, "reason": "r", "by_id": eve.person.id, "at": 1.0}
        session.add(Override(submission_id=1, person_id=ada.person.id, **given))
        session.add(Comment(submission_id=1, by_id=eve.person.id, text="well done, Ada Lovelace", at=1.0))
        session.add(Comment(submission_id=3, by_id=ada.person.id, text="by ada", at=1.0))
    delete = f"{PEOPLE}/{ada.person.id}/delete"
    assert root.post(delete, {"login": "bob"}).status_code == 422, "another login was typed"
    assert root.post(delete, {"login": "ada"}).status_code == 303
    assert user().sign_in("ada").status_code == 401
    assert ada.get("/").status_code == 303
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if column.name in ("person_id", "by_id", "actor_id"):
                    left = sa.select(sa.func.count()).where(column == ada.person.id)
                    assert session.scalar(left) == 0, f"{table.name}.{column.name}"
            told = str(session.execute(sa.select(table)).all())
            assert "Ada Lovelace" not in told, table.name
            assert "'ada'" not in told, table.name
        assert session.scalars(sa.select(Submission.id)).all() == [3]
        (kept,) = session.scalars(sa.select(Upload.sha256)).all()
        assert files.read(session, kept) == shared
        assert session.scalar(sa.select(Comment.by_id).where(Comment.submission_id == 3)) is None
        assert session.scalar(sa.select(sa.func.count(Extension.person_id))) == 0
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [kept]
    assert bob.get("/submissions/3").status_code == 200


def test_nobody_deletes_themselves_or_who_is_beyond_them(user, database):
    root, boss = user("root", role="admin"), user("boss", role="admin")
    assert root.get(f"{PEOPLE}/{root.person.id}/delete").status_code == 403
    with database.write() as session:
        session.get_one(Person, boss.person.id).is_operator = True
    assert root.get(f"{PEOPLE}/{boss.person.id}/delete").status_code == 403


# --- courses ----------------------------------------------------------------------------------------------------------


def test_an_operator_makes_a_course_and_its_admin_sets_it(user, database):
    root, ada = user("root", role="admin"), user("ada")
    with database.write() as session:
        session.get_one(Person, root.person.id).is_operator = True
    made = root.post("/courses", {"slug": "dl-2027", "title": "Deep learning", "timezone": "Europe/Warsaw"})
    assert made.location == "/courses/dl-2027/staff/dates"
    root.post("/courses/dl-2027/staff/dates/double/add", form_at="/courses")
    root.post("/courses/dl-2027/staff/people", {"login": "ada", "name": "", "role": "student"}, form_at="/courses")
    assert ada.get("/courses/dl-2027").status_code == 404, "a form without a name adds nobody"
    root.post("/courses/dl-2027/staff/people", {"login": "ada", "name": "Ada", "role": "student"})
    page = ada.get("/").text
    assert "Deep learning" in page
    assert ada.get("/courses/dl-2027/assignments/double").status_code == 404, "it is a draft"
    with database.write() as session:
        session.execute(sa.update(CourseAssignment).values(draft=False))
    assert (
        ada.post("/courses/dl-2027/assignments/double", form_at="/courses/dl-2027/assignments/double").status_code
        == 422
    )
    answer = root.post("/courses/dl-2027/settings", {"title": "Over", "timezone": "UTC", "archived": "y"})
    assert answer.status_code == 303
    assert "nothing can be handed in" in ada.get("/courses/dl-2027/assignments/double").text
    assert root.post("/courses", {"slug": "dl-2027", "title": "x", "timezone": "UTC"}).status_code == 422
    assert "is not a valid time zone" in root.post("/courses", {"slug": "y", "title": "x", "timezone": "Mars"}).text
