"""Points by hand, rubrics, comments, and the audit that has all of it."""

from __future__ import annotations

import csv
import io
import re

import pytest
import sqlalchemy as sa
from markupsafe import escape
from narrowing import not_none

from autograder.batch import import_results
from autograder.core.errors import DeepgradeError
from grader_service.courses import courses
from grader_service.database import audit
from grader_service.database.models import (
    AuditEntry,
    Course,
    CourseAssignment,
    Override,
    Person,
    RubricItem,
    Submission,
)
from grader_service.grading import csv_export, manual, scores

from ..conftest import RIGHT, WRONG, User, hidden_fields, zip_of
from ..support.pages_list import RIGHT_REPORT, WRONG_REPORT, finish

STAFF = "/courses/course/staff"


@pytest.fixture
def eve(user) -> User:
    return user("eve", role="staff", name="Eve Staff")


@pytest.fixture
def ada(user) -> User:
    return user("ada", name="Ada Lovelace")


@pytest.fixture
def graded(app, ada, eve) -> User:
    """ada has handed in once and has 2 points; eve looks at it."""
    ada.handed_in(zip_of(RIGHT))
    finish(app, RIGHT_REPORT)
    return eve


def chosen(database) -> CourseAssignment:
    with database.read() as session:
        return session.scalars(sa.select(CourseAssignment)).one()


def points(database, user: User) -> float | None:
    with database.read() as session:
        one = session.scalars(sa.select(CourseAssignment)).one()
        return scores.load(session, one.course, [one]).cell(not_none(user.person).id, one).score.points


def entries(database) -> list[AuditEntry]:
    with database.read() as session:
        return audit.entries(session, session.scalars(sa.select(Course)).one())


def override(eve: User, ada: User, points: str, reason: str = "a fair look"):
    at = f"{STAFF}/students/{not_none(ada.person).id}"
    return eve.post(f"{at}/double", {"points": points, "reason": reason}, form_at=at)


def test_points_by_hand_count_and_say_why_until_they_are_withdrawn(graded, ada, database):
    assert points(database, ada) == 2
    answer = override(graded, ada, "1,5")
    assert (answer.status_code, answer.location) == (303, f"{STAFF}/students/{ada.person.id}#double")
    assert points(database, ada) == 1.5
    page = graded.get(answer.location).text
    assert "1.5 points set by hand by Eve Staff" in page
    assert "a fair look" in ada.get("/submissions/1").text, "the student reads why"
    assert "by hand" in graded.get(f"{STAFF}/grades").text
    override(graded, ada, "1.75")
    at = f"{STAFF}/students/{ada.person.id}"
    assert (
        graded.post(f"{at}/double", {"withdraw": "1", "reason": "the grader was right"}, form_at=at).status_code == 303
    )
    assert points(database, ada) == 2
    told = [(one.action, one.before, one.after, one.reason) for one in reversed(entries(database))]
    assert told == [
        ("override set", None, {"points": 1.5}, "a fair look"),
        ("override set", {"points": 1.5}, {"points": 1.75}, "a fair look"),
        ("override withdrawn", {"points": 1.75}, None, "the grader was right"),
    ]
    with database.read() as session:
        rows = session.scalars(sa.select(Override)).all()
    assert len(rows) == 2
    assert all(row.withdrawn_at for row in rows)
    assert all(row.submission_id == 1 for row in rows), "at whose sight it was set"


@pytest.mark.parametrize(
    "value, reason, sentence",
    [
        ("", "x", "is not a valid number of points"),
        ("much", "x", "is not a valid number of points"),
        ("nan", "x", "is not a valid number of points"),
        ("-1", "x", "is not a valid number of points"),
        ("1e9", "x", "is not a valid number of points"),
        ("1", "  ", "enter a reason"),
    ],
)
def test_points_that_are_none_or_have_no_reason_are_refused(graded, ada, database, value, reason, sentence):
    answer = override(graded, ada, value, reason)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert points(database, ada) == 2
    assert entries(database) == []


def test_the_same_points_again_are_nothing_new(graded, ada, database):
    override(graded, ada, "1")
    override(graded, ada, "1")
    assert len(entries(database)) == 1


@pytest.mark.threat(19)
def test_somebody_of_another_course_is_not_to_be_found(graded, database):
    with database.write() as session:
        other = courses.create(session, None, slug="other", title="Other", timezone="UTC")
        stranger = Person(login="zoe", name="Zoe", password_hash="", session_id="", created_at=0.0)
        session.add(stranger)
        session.flush()
        zoe = stranger.id
        assert other.id
    assert graded.get(f"{STAFF}/students/{zoe}").status_code == 404


def test_a_whole_term_is_on_one_page(graded, ada, app):
    ada.handed_in(zip_of(WRONG))
    finish(app, WRONG_REPORT)
    page = graded.get(f"{STAFF}/students/{ada.person.id}").text
    assert 'counts: <a href="/submissions/1">submission 1</a> with 2 points' in page
    assert '<a href="/submissions/2">2</a>' in page
    assert "40 %" in page, "2 of 5 points"


def test_a_comment_is_read_by_its_student_and_nobody_s_markup_runs(graded, ada):
    graded.post("/submissions/1/comments", {"text": "<b>well</b> done\u202e"}, form_at="/submissions/1")
    page = ada.get("/submissions/1").text
    assert "&lt;b&gt;well&lt;/b&gt; done\\u202e" in page
    assert "Eve Staff" in page
    assert "<textarea" not in page, "students write none"
    answer = graded.post("/submissions/1/comments", {"text": "  "}, form_at="/submissions/1")
    assert answer.status_code == 422
    assert "The comment was not added: a comment needs some text." in answer.text


def test_a_comment_that_is_too_long_is_still_there(graded):
    text = "<b>Well done</b>\n" + 10_000 * "x"
    answer = graded.post("/submissions/1/comments", {"text": text}, form_at="/submissions/1")
    assert answer.status_code == 422
    assert "a comment has at most 10000 characters, this one has 10017" in answer.text
    assert f"{escape(text)}</textarea>" in answer.text


# --- rubrics ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(graded, ada, database) -> User:
    """The assignment has a written part of 5 points; ada has handed in hers as submission 2."""
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().written_points = 5.0
    text = {"text": (io.BytesIO(b"# My plots\n\nThey go up."), "mine.md")}
    answer = ada.post("/courses/course/assignments/double/written", text, form_at="/courses/course/assignments/double")
    assert answer.location == "/submissions/2"
    return graded


def rubric(eve: User, *lines: tuple[str, str, str], reason: str = ""):
    fields: dict[str, object] = {"reason": reason}
    for number, (item, text, most) in enumerate(lines):
        fields |= {f"id-{number}": item, f"text-{number}": text, f"points-{number}": most}
    token = hidden_fields(eve.get(f"{STAFF}/rubric/double").text)["csrf_token"]
    return eve.client.post(f"{STAFF}/rubric/double", data={**fields, "csrf_token": token})


def lines_of(database) -> list[int]:
    """The numbers of the rubric's lines, in order."""
    with database.read() as session:
        return list(session.scalars(sa.select(RubricItem.id).order_by(RubricItem.position)))


def row_of(eve: User, login: str) -> dict[str, str]:
    found = csv.DictReader(io.StringIO(eve.get(f"{STAFF}/grades.csv").text.removeprefix("\ufeff")))
    return next(row for row in found if row["login"] == login)


def test_a_rubric_gives_a_written_part_its_points(written, ada, database):
    assert rubric(written, ("", "Plots", "3"), ("", "Words", "2")).status_code == 303
    items = lines_of(database)
    assert "Not yet marked" in ada.get("/submissions/2").text
    assert points(database, ada) == 2
    given = {f"item-{items[0]}": "2.5", f"item-{items[1]}": "1"}
    written.post("/submissions/2/rubric", given, form_at="/submissions/2")
    assert points(database, ada) == 5.5
    assert '3.5 <span class="of">/ 5</span>' in ada.get("/submissions/2").text
    last = entries(database)[0]
    assert (last.action, last.subject, last.after) == ("rubric scored", "submission 2 double", {"points": 3.5})
    answer = written.post("/submissions/2/rubric", {f"item-{items[0]}": "4"}, form_at="/submissions/2")
    assert "4 is more than the maximum of 3 points for" in answer.text
    assert points(database, ada) == 5.5


def test_what_was_typed_stays_where_a_number_is_refused(written, ada, database):
    """Thirty lines are marked, and one has a slip: the other numbers are still there, and none is set."""
    rubric(written, ("", "Plots", "3"), ("", "Words", "2"))
    plots, words = lines_of(database)
    refused = {"4": "4 is more than the maximum of 3 points for 'Plots'", '"2,5 x': "is not a valid number of points"}
    for wrong, why in refused.items():
        given = {f"item-{plots}": wrong, f"item-{words}": "1.25"}
        answer = written.post("/submissions/2/rubric", given, form_at="/submissions/2")
        assert answer.status_code == 422
        assert "The points were not changed: " in answer.text
        assert escape(why) in answer.text
        assert [f'value="{escape(text)}"' in answer.text for text in (wrong, "1.25")] == [True, True]
        assert "1.25" not in written.get("/submissions/2").text
    assert points(database, ada) == 2


def test_half_marked_is_not_marked(written, ada, database):
    """Points of some lines count for nothing and are nobody's but staff's until the last line has some."""
    rubric(written, ("", "Plots", "3"), ("", "Words", "2"))
    plots, words = lines_of(database)
    written.post("/submissions/2/rubric", {f"item-{plots}": "2.5"}, form_at="/submissions/2")
    assert points(database, ada) == 2
    assert "1 of 2 lines marked" in written.get("/submissions/2").text
    page = ada.get("/submissions/2").text
    assert "Not yet marked" in page
    assert "2.5" not in re.sub(r'datetime="[^"]*"', "", page)  # microseconds are no points
    assert "without the written part, which is not yet marked" in ada.get("/courses/course/assignments/double").text
    assert "written part not yet marked" in ada.get("/").text
    assert "to mark" in written.get(f"{STAFF}/grades?show=unmarked").text
    assert "not yet marked" in written.get(f"{STAFF}/students/{ada.person.id}").text
    assert row_of(written, "ada")["to_mark"] == "double"
    assert "1 written part not marked yet" in written.get(f"{STAFF}/statistics/double").text
    assert float(row_of(written, "ada")["total_percent"]) == 40, "2 of the 5 points that its tests give"
    written.post("/submissions/2/rubric", {f"item-{words}": "0"}, form_at="/submissions/2")
    assert points(database, ada) == 4.5
    assert float(row_of(written, "ada")["total_percent"]) == 45, "4.5 of 10"
    assert row_of(written, "ada")["to_mark"] == ""
    assert "not yet marked" not in ada.get("/courses/course/assignments/double").text


def test_a_line_that_is_added_has_to_be_marked_before_it_counts(written, ada, database):
    rubric(written, ("", "Plots", "3"))
    (plots,) = lines_of(database)
    written.post("/submissions/2/rubric", {f"item-{plots}": "3"}, form_at="/submissions/2")
    assert points(database, ada) == 5
    rubric(written, (str(plots), "Plots", "3"), ("", "Words", "2"))
    assert points(database, ada) == 2


def test_a_half_that_may_still_come_is_not_in_the_total_and_one_that_was_missed_is(written, user, app, database):
    """carol has handed in code alone, dave the written part alone."""
    carol, dave = user("carol"), user("dave")
    carol.handed_in(zip_of(RIGHT))
    finish(app, RIGHT_REPORT)
    text = {"text": (io.BytesIO(b"# Mine"), "mine.md")}
    dave.post("/courses/course/assignments/double/written", text, form_at="/courses/course/assignments/double")
    rubric(written, ("", "Plots", "5"))
    (plots,) = lines_of(database)
    written.post("/submissions/4/rubric", {f"item-{plots}": "4"}, form_at="/submissions/4")
    assert [float(row_of(written, who)["total_percent"]) for who in ("carol", "dave")] == [40, 80]
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().due_at = 1.0
    assert [float(row_of(written, who)["total_percent"]) for who in ("carol", "dave")] == [20, 40]


def test_points_that_were_given_are_not_lost_by_accident(written, ada, database):
    rubric(written, ("", "Plots", "3"), ("", "Words", "2"))
    plots, words = map(str, lines_of(database))
    given = {f"item-{plots}": "3", f"item-{words}": "0"}
    written.post("/submissions/2/rubric", given, form_at="/submissions/2")
    answer = rubric(written, (plots, "Plots", "2"), (words, "Words", "2"), reason="too dear")
    assert answer.status_code == 422
    assert "a submission has 3 points" in answer.text
    assert 'name="reason" maxlength="10000" value="too dear"' in answer.text
    answer = rubric(written, (plots, "", ""), (words, "Words", "2"))
    assert "you are removing a line for which points were given" in answer.text
    assert points(database, ada) == 5
    assert rubric(written, (plots, "", ""), (words, "Words", "2"), reason="asked for by mistake").status_code == 303
    assert points(database, ada) == 2


# --- the audit, the statistics and the exports ------------------------------------------------------------------------


@pytest.mark.threat(46)
def test_the_audit_shows_who_changed_what_and_is_no_place_for_markup(graded, ada):
    override(graded, ada, "1", "<script>alert(1)</script>")
    page = graded.get(f"{STAFF}/audit").text
    assert "override set" in page
    assert "<small>points</small> 1" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert f'href="{STAFF}/students/{ada.person.id}">Ada Lovelace</a>' in page


def test_statistics_are_over_what_counts(app, graded, ada, user):
    for number in range(5):
        user(f"bob{number}").handed_in(zip_of(WRONG))
        finish(app, WRONG_REPORT)
    ada.handed_in(zip_of(WRONG))  # it does not count: the best does
    finish(app, WRONG_REPORT)
    page = graded.get(f"{STAFF}/statistics/double").text
    assert "6 reports of 6 students" in page
    assert "1 passed, 5 failed" in page
    assert "1 passed, 5 timed out" in page
    assert page.count("most students fail this test") == 4
    assert 'role="img" aria-label="Distribution of points of 6 students. 0 to 0.5: 5, 2 to 2.5: 1.' in page


@pytest.mark.threat(7)
@pytest.mark.parametrize("form", csv_export.FORMS)
def test_no_cell_of_an_export_is_a_formula(app, user, eve, form, database):
    mallory = user("mallory", name="=cmd|calc -x")
    mallory.handed_in(zip_of(RIGHT))
    finish(app, RIGHT_REPORT)
    text = eve.get(f"{STAFF}/grades.csv?form={form}").text
    cells = [cell for line in text.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "|", "%"))]


def test_what_is_exported_for_otter_is_read_back_with_the_same_points(graded, ada, user, tmp_path):
    user("carol")
    override(graded, ada, "1.25")
    file = tmp_path / "final_grades.csv"
    file.write_bytes(graded.get(f"{STAFF}/grades.csv?form=otter").data)
    found = {score.submission: score.points for score in import_results.read(file)}
    assert found == {"ada": 1.25, "carol": None}


def test_gradescope_s_columns_have_time_and_lateness(graded, ada, database):
    with database.write() as session:
        one = session.scalars(sa.select(CourseAssignment)).one()
        one.due_at = 1_800_000_000.0  # a whole minute, all of which is on time
        session.scalars(sa.select(Submission)).one().received_at = one.due_at + 60.0 + 3661.0
    header, line = graded.get(f"{STAFF}/grades.csv?form=gradescope").text.removeprefix("\ufeff").splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    assert row["First Name"] == "Ada"
    assert row["SID"] == "ada"
    assert float(row["Twice as much"]) == 2
    assert row["Twice as much - Max Points"] == "5.0"
    assert row["Twice as much - Lateness (H:M:S)"] == row["Total Lateness (H:M:S)"] == "01:01:01"
    assert row["Twice as much - Submission Time"].endswith("+0000")


def test_an_assignment_that_was_due_and_missed_is_zero_in_the_total(graded, user, database):
    user("carol")
    with database.write() as session:
        session.scalars(sa.select(CourseAssignment)).one().due_at = 1.0
    lines = graded.get(f"{STAFF}/grades.csv").text.splitlines()
    assert [line for line in lines if line.startswith("carol,")] == ["carol,carol,,,0.0,,"]
    page = graded.get(f"{STAFF}/grades?show=missing").text
    assert "<small>carol" in page
    assert "<small>ada" not in page


def test_marks_have_bounds_of_their_own(database, graded, ada):
    with database.write() as session, pytest.raises(DeepgradeError, match="at most 10000 characters"):
        manual.comment(session, ada.person, session.get_one(Submission, 1), "x" * 10_001)


def test_the_audit_says_what_changed_from_what_to_what(app, database, graded, ada):
    with database.write() as session:
        one = session.scalars(sa.select(CourseAssignment)).one()
        courses.set_policy(session, graded.person, one, {"due_at": 1_000_000_000.0, "leaderboard": True, "weight": 2.0})
    override(graded, ada, "1")
    override(graded, ada, "1.5")
    page = graded.get(f"{STAFF}/audit").text
    assert "<small>points</small> 1 → 1.5" in page
    assert "<small>due at</small> 9 Sep 2001, 01:46 UTC" in page
    assert "<small>weight</small> 1 → 2" in page
    assert "<small>leaderboard</small> no → yes" in page
