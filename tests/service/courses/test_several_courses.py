"""With several courses every page names its course, and no link but the switch leads into another one."""

from __future__ import annotations

import io
import re

import pytest
from narrowing import not_none

from grader_service.accounts import accounts
from grader_service.courses import courses
from grader_service.web.permissions import OF_NO_COURSE

from ..conftest import PASSWORD, RIGHT, User, zip_of

FIRST, SECOND = "Deep Learning", "Spring School"


@pytest.fixture
def people(app, database) -> dict[str, User]:
    """Everybody is in both courses; root, the operator, in the first one only."""
    with database.write() as session:
        first = accounts.first_course(session)
        first.title = FIRST
        second = courses.create(session, None, slug="second", title=SECOND, timezone="UTC")
        for assignment in courses.assignments(session, first):
            courses.add(session, None, second, assignment.assignment)
        for login, role in (("ada", "student"), ("eve", "staff"), ("root", "admin")):
            person, _ = accounts.create(session, login=login, name=login, role=role, password=PASSWORD)
            if role != "admin":
                accounts.join(session, person, second, role)
            person.is_operator = role == "admin"
    found = {}
    for login in ("ada", "eve", "root"):
        found[login] = User(app.test_client())
        assert found[login].sign_in(login).status_code == 303
    return found


def switch_of(page: str) -> str:
    found = re.search(r'<details class="switch">.*?</details>', page, re.S)
    return found.group() if found else ""


def links_of(page: str) -> set[str]:
    """Where a page leads, its switch left out."""
    rest = page.replace(switch_of(page), "")
    return {link.replace("&amp;", "&").partition("#")[0] for link in re.findall(r'<a [^>]*href="([^"]+)"', rest)}


@pytest.mark.parametrize("login", ["ada", "eve", "root"])
def test_no_link_but_the_switch_leads_to_another_course(people, login):
    reader = people[login]
    if login != "root":
        upload = io.BytesIO(zip_of(RIGHT)), "double.zip"
        number = reader.post("/courses/second/assignments/double", {"zip": upload}).location
        todo = {"/courses/second", number}
    else:
        todo = {"/courses/second"}
    seen: set[str] = set()
    while todo:
        path = todo.pop()
        seen.add(path)
        answer = reader.get(path)
        if answer.mimetype != "text/html":
            continue
        assert answer.status_code == 200, path
        page = answer.text
        title = not_none(re.search("<title>(.*?)</title>", page)).group(1)
        assert f" · {SECOND} · deepgrade" in title, path
        assert f'<span class="course">{SECOND}</span>' in switch_of(page), path
        if path.startswith("/courses?"):
            continue  # the list of all courses leads into each
        assert FIRST not in page.replace(switch_of(page), "").replace(f'value="course">{FIRST}', ""), path
        todo |= {link for link in links_of(page) if link.startswith("/")} - seen
    reached = {re.sub(r"\?.*", "", path) for path in seen}
    assert "/account" in reached
    assert ("/staff/queue" in reached) == (login != "ada")
    assert ("/courses/second/staff/grades" in reached) == (login != "ada")


def test_the_switch_leads_to_the_same_page_of_another_course(people):
    page = people["eve"].get("/courses/second/staff/grades").text
    assert 'href="/courses/course/staff/grades"' in switch_of(page)
    assert 'href="/"' in switch_of(page)
    page = people["ada"].get("/courses/second/assignments/double").text
    assert 'href="/courses/course"' in switch_of(page)
    page = people["eve"].get("/staff/queue?course=second").text
    assert 'href="/staff/queue?course=course"' in switch_of(page)


def test_the_switch_leads_nobody_to_a_page_that_they_may_not_see(people, database):
    with database.write() as session:
        eve = not_none(accounts.find(session, "eve"))
        accounts.join(session, eve, not_none(courses.find(session, "course")), "student")
    page = people["eve"].get("/courses/second/staff/grades").text
    assert 'href="/courses/course"' in switch_of(page)
    assert "/courses/course/staff/grades" not in page


@pytest.mark.parametrize("path", ["/courses/second/staff/nothing", "/courses/second/assignments/nothing"])
def test_a_page_that_does_not_exist_keeps_its_course(people, path):
    answer = people["eve"].get(path)
    assert answer.status_code == 404
    assert f'<span class="course">{SECOND}</span>' in answer.text
    assert 'href="/courses/second"' in answer.text


def test_an_address_names_no_course_that_its_reader_is_not_in(people, database):
    with database.write() as session:
        courses.create(session, None, slug="third", title="Third Course", timezone="UTC")
    for path in ("/account?course=third", "/courses/third/nothing", "/courses/third"):
        assert "Third Course" not in people["eve"].get(path).text


def test_forms_of_pages_of_no_course_keep_it(people):
    eve = people["eve"]
    answer = eve.post("/account?course=second", {"name": "x", "scope": "read", "course": "", "days": "30"})
    assert f'<span class="course">{SECOND}</span>' in answer.text
    token = re.search(r"/account/tokens/(\d+)/revoke\?course=second", answer.text)
    assert token is not None
    answer = eve.post(token.group(), form_at="/account?course=second")
    assert answer.location == "/account?course=second"


def test_with_one_course_it_is_named_and_addresses_stay_short(user):
    page = user("ada").get("/account").text
    assert re.search(r"<title>Your account · [^<]+ · deepgrade</title>", page)
    assert '<span class="course"' in page
    assert switch_of(page) == ""
    assert "course=" not in page


def test_pages_of_no_course_exist(app):
    assert set(app.view_functions) >= OF_NO_COURSE
