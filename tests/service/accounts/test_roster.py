"""Slips of staff: names in another encoding, leavers unseen, lost links, an assignment that opens too early."""

from __future__ import annotations

import csv
import io
import re

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.core.errors import DeepgradeError
from grader_service.accounts import accounts, roster
from grader_service.database import audit
from grader_service.database.models import Course, Person

from ..conftest import User, hidden_fields
from ..support.rosters import PEOPLE, ROSTER, digest, do, links, people, send

NAMES = "login,name\nsoren,Søren Kierkegaard\njose,José Ångström-O’Neil\n"


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff")


def upload(who: User, data: bytes):
    return who.post(ROSTER, {"file": (io.BytesIO(data), "roster.csv")})


@pytest.mark.parametrize(
    "data, note",
    [
        (NAMES.encode(), ""),
        (NAMES.encode("utf-8-sig"), ""),
        (NAMES.encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + NAMES.encode("utf-16-be"), "UTF-16"),
        (NAMES.encode("utf-16-le"), "UTF-16"),
        (NAMES.encode("utf-16-be"), "UTF-16"),
        (NAMES.encode("cp1252"), "Windows-1252"),
    ],
    ids=["utf-8", "with a mark", "utf-16", "big endian", "le without a mark", "be without a mark", "cp1252"],
)
def test_the_encoding_of_a_file_is_recognised_and_told(data, note):
    text, told = roster.decode(data)
    assert [entry.name for entry in roster.parse(text)] == ["Søren Kierkegaard", "José Ångström-O’Neil"]
    assert (note in told) if note else told == ""


@pytest.mark.parametrize(
    "data",
    [
        "login,name\nanna,Błażej Wałęsa\n".encode("cp1250"),
        "login,name\nanna,Анна\n".encode("koi8-r")[:-1] + b"\x81",
        b"login,name\nada,Ad\x8f\n",
        b"\xff\xfelogin"[:-2] + b"\x00\xd8",
    ],
)
def test_a_file_that_cannot_be_read_for_sure_is_refused(eve, database, data):
    answer = upload(eve, data)
    assert answer.status_code == 422
    assert "export it again as CSV UTF-8" in answer.text
    assert people(database) == {"eve": "staff"}


def test_a_character_that_was_lost_before_is_refused_with_its_line(eve):
    assert "line 3: a character was lost" in send(eve, "login,name\nada,Ada\nsoren,S\ufffdren\n").text


def test_the_note_about_the_encoding_stands_in_the_plan(eve, database):
    page = upload(eve, NAMES.encode("cp1252")).text
    assert "It was read as Windows-1252" in page
    assert "Søren Kierkegaard" in page
    assert people(database) == {"eve": "staff"}


def test_two_accounts_with_one_address_are_not_made(eve, database):
    do(eve, "login,email\nada,ada@example.edu\n")
    for text, sentence in (
        (
            "login,email\nada2,ADA@example.edu\n",
            "line 2: the address &#39;ADA@example.edu&#39; belongs to &#39;ada&#39;",
        ),
        ("email\nada@example.edu\n", "line 2: the address &#39;ada@example.edu&#39; belongs to &#39;ada&#39;"),
        ("login,email\nx,x@a.edu\ny,X@a.edu\n", "line 3: &#39;X@a.edu&#39; is already in line 2"),
    ):
        assert sentence in send(eve, text).text
    one = eve.post(PEOPLE, {"login": "ada@example.edu", "name": "Ada", "role": "student"})
    assert one.status_code == 422
    assert "is the e-mail address of another account" in one.text
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count(Person.id))) == 2


def number_of(database, login: str) -> int:
    with database.read() as session:
        return accounts.find(session, login).id  # type: ignore[union-attr]


def test_staff_mend_a_name_and_an_address_and_the_audit_has_it(eve, user, database):
    link = links(do(eve, "login,name,email\nsoren,S?ren,wrong@example.edu\nada,Ada,ada@example.edu\n").text)[0]
    at = f"{PEOPLE}/{number_of(database, 'soren')}/edit"
    assert "S?ren" in eve.get(at).text
    for given, sentence in (
        ({"name": " ", "email": ""}, "enter a name"),
        ({"name": "x", "email": "no address"}, "is not a valid e-mail address"),
        ({"name": "x", "email": "ADA@example.edu"}, "belongs to another account"),
    ):
        answer = eve.post(at, given)
        assert answer.status_code == 422
        assert sentence in answer.text
    assert user().get(link).status_code == 200
    assert eve.post(at, {"name": "Søren", "email": "soren@example.edu"}).status_code == 303
    assert user().get(link).status_code == 404, "whoever reads the wrong mailbox does not get in"
    with database.read() as session:
        found = not_none(accounts.find(session, "soren"))
        assert (found.name, found.email) == ("Søren", "soren@example.edu")
        (entry,) = [
            one
            for one in audit.entries(session, session.scalars(sa.select(Course)).one())
            if one.action == "person changed"
        ]
    assert entry.before == {"name": "S?ren", "email": "wrong@example.edu"}
    other = user("carl", role="staff")
    assert eve.get(f"{PEOPLE}/{other.person.id}/edit").status_code == 403, "staff look after students"


def test_leavers_are_counted_come_first_and_are_confirmed(eve, user, database):
    for login in ("ann", "bob"):
        user(login)
    text = "login\n" + "".join(f"new{number}\n" for number in range(5))
    page = send(eve, text, leave="1").text
    assert "2 students will leave, 0 roles will change, 0 people with an account will join, 5 new accounts" in page
    assert page.index("leaves; submissions stay") < page.index("new account, student")
    assert 'name="leavers" value="2" required' in page
    for wrong in ({}, {"leavers": "1"}):
        answer = send(eve, text, leave="1", digest=digest(page), **wrong)
        assert answer.status_code == 422
        assert "confirm that 2 students will leave the course" in answer.text
        assert set(people(database)) == {"eve", "ann", "bob"}
    assert send(eve, text, leave="1", digest=digest(page), leavers="2").status_code == 200
    assert "ann" not in people(database)


def test_links_can_be_saved_as_csv_and_made_again(eve, user, database):
    page = do(eve, "login,name\nada,=Ada\nbob,Bob\n").text
    shown = links(page)
    hidden: dict[str, list[str]] = {}
    form = page[page.index("links.csv") :]
    form = form[: form.index("</form>")]
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form):
        hidden.setdefault(name, []).append(value)
    answer = eve.client.post(f"{PEOPLE}/links.csv", data=hidden)
    assert answer.data.startswith(b"\xef\xbb\xbf"), "or Excel reads names in another encoding"
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["login", "name", "email", "link"]
    assert rows[1][1] == "'=Ada", "no formula"
    assert [row[3].removeprefix("http://localhost") for row in rows[1:]] == shown
    user().post(shown[0], {"password": "a password of mine", "again": "a password of mine"})
    again = eve.post(f"{PEOPLE}/links", form_at=PEOPLE).text
    (fresh,) = links(again)
    assert user().get(shown[1]).status_code == 404
    assert user().get(fresh).status_code == 200
    assert re.search(r"<td>ada</td>.*?<td>yes</td>", again, re.DOTALL)
    assert re.search(r"<td>bob</td>.*?<td>no</td>", again, re.DOTALL)


def test_a_new_password_is_asked_for_first(eve, user, database):
    ada = user("ada")
    page = eve.get(PEOPLE).text
    assert f'action="{PEOPLE}/{ada.person.id}/password"' not in page, "no form of the list does it"
    question = eve.get(f"{PEOPLE}/{ada.person.id}/password")
    assert "stops working at once" in question.text
    assert ada.get("/").status_code == 200
    eve.post(f"{PEOPLE}/{ada.person.id}/password")
    assert ada.get("/").status_code == 303, "signed out"


def test_an_assignment_that_is_added_is_a_draft(eve, user, database):
    ada, dates = user("ada"), "/courses/course/staff/dates"
    eve.post(f"{dates}/double/remove", form_at=f"{dates}/double")
    eve.post(f"{dates}/double/add", form_at=dates)
    assert ada.get("/courses/course/assignments/double").status_code == 404
    assert "double" not in ada.get("/courses/course").text.lower().replace("doubled", "")
    assert '<span class="state">draft</span>' in eve.get(dates).text
    assert "Students do not see this assignment" in eve.get("/courses/course/assignments/double").text
    page = eve.get(f"{dates}/double").text
    assert "2999" not in page
    policy = {
        **hidden_fields(page), "position": "0", "due_at": "2030-01-01T12:00", "grace_days": "0", "penalty_per_day": "0",
        "counts": "best", "hidden_results": "now", "weight": "1", "written_points": "0",
    }  # fmt: skip
    assert eve.client.post(f"{dates}/double", data={**policy, "draft": "y"}).status_code == 303
    assert ada.get("/courses/course/assignments/double").status_code == 404, "its dates are set, and it is a draft"
    assert eve.client.post(f"{dates}/double", data=policy).status_code == 303
    assert ada.get("/courses/course/assignments/double").status_code == 200


def test_a_bad_encoding_says_what_it_would_be():
    with pytest.raises(DeepgradeError, match="read as Windows-1252 it holds"):
        roster.decode("login,name\nanna,Wałęsa\n".encode("cp1250"))
