"""The grade book of a course, and the pages that set its dates."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from grader_service.courses import courses
from grader_service.database import audit
from grader_service.database.models import Course, CourseAssignment
from grader_service.grading import csv_export

from ..conftest import RIGHT, WRONG, User, zip_of
from ..support.pages_list import RIGHT_REPORT, WRONG_REPORT, finish

GRADES, DATES = "/courses/course/staff/grades", "/courses/course/staff/dates"


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff")


@pytest.fixture
def graded(app, user, eve) -> User:
    """ada has handed in twice, bob once, and carol nothing: eve looks at it."""
    ada, bob = user("ada"), user("bob")
    user("carol")
    ada.handed_in(zip_of(RIGHT))
    ada.handed_in(zip_of(WRONG))
    bob.handed_in(zip_of(WRONG))
    for report in (RIGHT_REPORT, WRONG_REPORT, WRONG_REPORT):
        finish(app, report)
    return eve


def lines(eve: User) -> dict[str, dict[str, str]]:
    found = csv.DictReader(io.StringIO(eve.get(f"{GRADES}.csv").text.removeprefix("\ufeff")))
    return {line["login"]: line for line in found}


def test_the_best_submission_stands_in_the_book_and_nothing_is_no_zero(graded):
    table = lines(graded)
    assert table[""]["name"] == "possible"
    assert float(table["ada"]["double"]) == RIGHT_REPORT.points
    assert float(table["bob"]["double"]) == WRONG_REPORT.points
    assert table["carol"]["double"] == table["carol"]["total_percent"] == ""
    assert set(table) == {"", "ada", "bob", "carol"}, "staff have no grades"
    page = graded.get(GRADES).text
    assert '<a href="/submissions/1">' in page
    assert "3 of 3 students" in page


def test_it_is_sorted_and_searched(graded):
    page = graded.get(f"{GRADES}?by=total").text
    assert page.index("<small>ada") < page.index("<small>bob") < page.index("<small>carol")
    page = graded.get(f"{GRADES}?find=BO").text
    assert "<small>bob" in page
    assert "<small>ada" not in page


@pytest.mark.threat(7, 46)
def test_a_name_is_no_formula_in_the_csv_and_no_markup_on_the_page(eve, database):
    eve.post("/courses/course/staff/people", {"login": "mallory", "name": "=1+1<script>", "role": "student"})
    assert lines(eve)["mallory"]["name"] == "'=1+1<script>"
    assert "<script>" not in eve.get(GRADES).text.replace('<script src="', "")


def policy(eve: User, **changes: str):
    fields = {
        "release_at": "", "due_at": "", "hard_end_at": "", "grace_days": "0", "penalty_per_day": "0", "counts": "best",
        "attempts_per_day": "", "attempts_total": "", "weight": "1", "reason": "",
        "position": "0", "hidden_results": "now", "written_points": "0",
    }  # fmt: skip
    return eve.post(f"{DATES}/double", fields | changes)


@pytest.mark.threat(40)
def test_dates_are_by_the_course_s_clock_and_change_what_counts(graded, database):
    with database.write() as session:
        course = session.scalars(sa.select(Course)).one()
        courses.change(session, None, course, title=course.title, timezone="Europe/Warsaw")  # type: ignore[arg-type]
    answer = policy(graded, due_at="2001-09-09T03:46", penalty_per_day="10", counts="latest", reason="it is term")
    assert answer.status_code == 303
    with database.read() as session:
        chosen = session.scalars(sa.select(CourseAssignment)).one()
        assert chosen.due_at == 1_000_000_000 - 40, "03:46 in Warsaw is 01:46 in UTC"
        assert chosen.penalty_per_day == pytest.approx(0.1)
        entry = audit.entries(session, chosen.course)[0]
        assert (entry.action, entry.reason) == ("policy changed", "it is term")
        assert entry.before["due_at"] is None
    assert float(lines(graded)["ada"]["double"]) == 0, "the latest, and years late"
    shown = graded.get(f"{DATES}/double").text
    assert 'value="2001-09-09T03:46"' in shown


def test_what_makes_no_sense_is_told_and_changes_nothing(eve, database):
    for changes, sentence in (
        ({"release_at": "2026-10-02T00:00", "due_at": "2026-10-01T00:00"}, "the due date is before the release"),
        ({"hard_end_at": "2026-10-01T00:00"}, "a hard end needs a due date before it"),
        ({"penalty_per_day": "101"}, "between 0 and 100"),
        ({"grace_days": "many"}, "Not a valid integer"),
        ({"due_at": "tomorrow"}, "Write a date and a time"),
    ):
        answer = policy(eve, **changes)
        assert answer.status_code == 422
        assert sentence in answer.text
    with database.read() as session:
        assert session.scalars(sa.select(CourseAssignment)).one().due_at is None


def test_the_book_is_read_in_a_handful_of_queries(graded, user, database):
    def queries() -> int:
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sa.event.listen(database.engine, "before_cursor_execute", counted)
        try:
            assert graded.get(GRADES).status_code == 200
        finally:
            sa.event.remove(database.engine, "before_cursor_execute", counted)
        return count

    before = queries()
    for number in range(5):
        user(f"student{number}").handed_in(zip_of(RIGHT))
    assert queries() == before <= 20


@pytest.mark.parametrize("form", csv_export.FORMS)
def test_a_csv_begins_with_a_mark_so_that_excel_reads_names(eve, user, form):
    user("soren", name="Søren")
    data = eve.get(f"{GRADES}.csv?form={form}").data
    assert data.startswith(b"\xef\xbb\xbf")
    assert not data[3:].startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "name, first, last",
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Lovelace,Ada", "Ada", "Lovelace"),
        ("van der Berg, Anna Maria", "Anna Maria", "van der Berg"),
        ("Anna Maria van der Berg", "Anna Maria van der", "Berg"),
        ("Martin Luther King, Jr.", "Martin Luther", "King, Jr."),
        ("Plato", "Plato", ""),
        ("Plato,", "Plato", ""),
        (", Ada", ",", "Ada"),
    ],
)
def test_a_name_is_exported_into_its_two_columns(eve, user, name, first, last):
    assert csv_export.names_of(name) == (first, last)


def test_last_first_is_exported_for_gradescope_as_first_and_last(eve, user):
    user("ada", name="Lovelace, Ada")
    text = eve.get(f"{GRADES}.csv?form=gradescope").data.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["First Name"], row["Last Name"], row["SID"]) == ("Ada", "Lovelace", "ada")


def test_every_export_says_what_is_provisional(app, user, eve, database):
    """ada's written part is not marked, bob's code is being graded, carol has points by hand, dave nothing."""
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().written_points = 5.0
    at = "/courses/course/assignments/double"
    ada, bob, carol = user("ada"), user("bob"), user("carol")
    user("dave")
    for student in (ada, carol):
        student.handed_in(zip_of(RIGHT))
        finish(app, RIGHT_REPORT)
        student.post(f"{at}/written", {"text": (io.BytesIO(b"# Mine"), "mine.md")}, form_at=at)
    bob.handed_in(zip_of(RIGHT))
    eve.post(f"/courses/course/staff/students/{carol.person.id}/double", {"points": "3", "reason": "by hand"},
             form_at=f"/courses/course/staff/students/{carol.person.id}")  # fmt: skip
    told = {"ada": "double: written part not marked", "bob": "double: being graded", "carol": "", "dave": ""}
    for form, who, column in (("course", "login", "provisional"), ("gradescope", "SID", "Provisional")):
        text = eve.get(f"{GRADES}.csv?form={form}").data.decode("utf-8-sig")
        rows = {row[who]: row[column] for row in csv.DictReader(io.StringIO(text)) if row[who]}
        assert rows == told, form
    text = eve.get(f"{GRADES}.csv?form=otter").data.decode("utf-8-sig")
    rows = {row["file"]: row["grading_status"] for row in csv.DictReader(io.StringIO(text))}
    assert rows["ada"] == "Provisional: double: written part not marked"
    assert rows["bob"] == "Provisional: double: being graded"
    assert rows["carol"] == "Completed"
    assert rows["dave"] == csv_export.NOTHING
