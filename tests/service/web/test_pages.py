"""What strangers wrote is shown and never obeyed, and hidden things stay hidden."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from narrowing import not_none

from autograder.report import figures, visibility
from autograder.report.schema import Figure, ProblemResult, Report, TestResult, from_json
from grader_service.database.models import Comment
from grader_service.grading import report_figures
from grader_service.queue import leases
from grader_service.web import formatting, markdown
from grader_service.web.security import HEADERS

from ..conftest import zip_of

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\x07\u202egnp.exe\x00"
SHOWN = "\\x1b[31m\\x07\\u202egnp.exe\\x00"

CURVE = Figure("curve", f"Loss {HOSTILE}", {"x_label": "epoch", "x": [1, 2], "series": {"train": [2.0, 1.0]}})
CANARY = "canary of the hidden test"


def result(name: str, visibility: str, verdict: str = "raised", **more) -> TestResult:
    passed = verdict == "passed"
    return TestResult(
        id=f"{name}.py::{name}",
        name=name,
        law=f"law of {name}",
        problem="double",
        points=1.0 if passed else 0.0,
        possible=1.0,
        visibility=visibility,  # type: ignore[arg-type]
        verdict=verdict,  # type: ignore[arg-type]
        failure="" if passed else "raised TypeError",
        **more,
    )


def report(*tests: TestResult) -> Report:
    points = sum(test.points for test in tests)
    return Report(
        "double",
        "Twice as much",
        "graded",
        points=points,
        possible=float(len(tests)),
        problems=[ProblemResult("double", "Twice a number", points, float(len(tests)))],
        tests=list(tests),
    )


def inert(page: str) -> bool:
    """Nothing of HOSTILE is HTML or a control character in this page."""
    tags = re.sub(r"<script src=[^>]*></script>", "", page)
    return "<script" not in tags and "<img src=x" not in page and not re.search("[\x00\x07\x1b\u202e]", page)


@pytest.mark.threat(7, 46)
def test_names_messages_and_output_are_shown_escaped_on_every_page(user, graded):
    ada, eve = user("ada", name=HOSTILE), user("eve", role="staff")
    number = ada.handed_in(filename=HOSTILE + ".zip")
    strange = dict.fromkeys(("detail", "example", "traceback", "output"), HOSTILE)
    graded(report(result("test_a", "public", **strange, figures=[CURVE])))
    for reader in (ada, eve):
        page = reader.get(f"/submissions/{number}").text
        assert page.count(SHOWN) >= 5
        assert inert(page)
    for reader, path in (
        (ada, "/"),
        (ada, "/courses/course/assignments/double"),
        (eve, "/courses/course/staff/submissions"),
        (eve, "/courses/course/staff/people"),
    ):
        page = reader.get(path).text
        assert SHOWN in page
        assert inert(page)


@pytest.mark.parametrize("control", ["\x1b", "\r", "\x00", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800"])
@pytest.mark.threat(7, 25)
def test_characters_that_would_be_obeyed_are_written_out(control):
    assert formatting.visible(f"a{control}b") == "a" + control.encode("unicode_escape").decode() + "b"


def test_the_end_of_a_line_of_a_form_is_the_end_of_a_line():
    assert formatting.visible("a\r\nb\rc") == "a\nb\\rc"


def test_text_that_nobody_obeys_stays_as_it_is():
    assert formatting.visible("a\tb\nπ → 日本 🙂") == "a\tb\nπ → 日本 🙂"


def test_backticks_in_a_sentence_become_code_and_nothing_else_becomes_html():
    assert formatting.prose("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"


@pytest.mark.threat(7)
def test_a_handout_s_own_html_and_local_links_are_inert(user):
    page = user("ada").get("/courses/course/assignments/double").text
    assert "&lt;script&gt;document.title" in page
    assert "<h2>Files</h2>" in page
    assert 'href="double.py"' not in page


def test_columns_of_a_handout_are_aligned_without_a_style_of_their_own():
    """The pages' policy blocks `style="..."`: the column would stand at the left, and the console complain."""
    text = "| a | b | c |\n|---|:-:|--:|\n| 1 | 2 | 3 |\n"
    html = markdown.render(markdown.parse(text))
    assert "style" not in html
    assert '<th class="align-center">b</th>' in html
    assert '<td class="align-right">3</td>' in html
    assert "<td>1</td>" in html


@pytest.fixture
def hidden_failure(user, graded):
    """A student, and a report with a failed hidden test and a failed public one."""
    ada = user("ada")
    number = ada.handed_in()
    secret = dict.fromkeys(("detail", "example", "traceback", "output"), CANARY)
    shown = {"detail": "found 7.0", "example": "x = 3.5", "output": "hello", "repeat": "deepgrade check --test test_b"}
    graded(report(result("test_a", "hidden", **secret), result("test_b", "public", **shown)))
    return ada, number


@pytest.mark.threat(20, 21)
def test_a_student_sees_of_a_hidden_failure_its_law_and_class_alone(hidden_failure):
    ada, number = hidden_failure
    page = ada.get(f"/submissions/{number}").text
    assert "law of test_a" in page
    assert "raised TypeError" in page
    for path in ("", "/report.json", "?view=staff", "/report.json?view=staff"):
        assert CANARY not in ada.get(f"/submissions/{number}{path}").text


def test_a_student_sees_all_of_a_public_failure(hidden_failure):
    ada, number = hidden_failure
    page = ada.get(f"/submissions/{number}").text
    for words_of_it in ("found 7.0", "x = 3.5", "hello", "deepgrade check --test test_b"):
        assert words_of_it in page


def test_staff_see_everything_or_what_the_student_sees(hidden_failure, user):
    _, number = hidden_failure
    eve = user("eve", role="staff")
    assert CANARY in eve.get(f"/submissions/{number}").text
    assert CANARY in eve.get(f"/submissions/{number}/report.json").text
    assert CANARY not in eve.get(f"/submissions/{number}?view=student").text


@pytest.mark.threat(20)
def test_the_report_as_json_is_the_report_as_its_reader_may_see_it(hidden_failure):
    ada, number = hidden_failure
    answer = ada.get(f"/submissions/{number}/report.json")
    assert answer.mimetype == "application/json"
    read = from_json(answer.data)
    assert visibility.view(read, "student") == read


def test_a_picture_is_shown_with_words_for_those_who_do_not_see_it(user, claim, database):
    ada, bob = user("ada"), user("bob")
    number = ada.handed_in()
    graded = report(result("test_a", "public", "passed", figures=[CURVE]))
    with database.write() as session:
        strange = "f" * 32
        leases.finish(session, claim(), graded, {**report_figures.draw_all(graded), strange: b"PNG"})
    page = ada.get(f"/submissions/{number}").text
    source, words_for_it = not_none(re.search(r'<img src="([^"]+)" alt="([^"]+)"', page)).groups()
    assert "train from 2 to 1" in words_for_it
    answer = ada.get(source)
    assert answer.mimetype == "image/png"
    assert answer.data == figures.draw(CURVE)
    assert bob.get(source).status_code == 404
    assert ada.get(f"/submissions/{number}/figures/{'0' * 32}.png").status_code == 404, "there is none"
    assert ada.get(f"/submissions/{number}/figures/{strange}.png").status_code == 404, "it is not in the view"


@pytest.mark.parametrize(
    "figure, said",
    [
        (Figure("confusion", "C", {"names": ["O", "0"], "matrix": [[3, 1], [0, 4]]}), "7 of 8 are right"),
        (Figure("images", "I", {"rows": [{"label": "before", "images": [[[0]]]}]}), "before"),
        (Figure("numbers", "N", {"rows": [{"name": "acc", "value": 0.5, "bar": None, "unit": "%"}]}), "acc 0.5 %"),
    ],
)
def test_every_kind_of_figure_has_words(figure, said):
    assert said in report_figures.description(figure)


def test_a_comment_of_several_lines_has_these_lines(user, graded, database):
    """Browsers end the lines of a form with a return and a line feed."""
    ada, eve = user("ada"), user("eve", role="staff")
    number = ada.handed_in()
    graded(report(result("test_a", "public")))
    longest = "x\r\n" * 4999 + "x"  # 9999 characters for whoever types it
    for text in ("first\r\n\r\nsecond", longest):
        eve.post(f"/submissions/{number}/comments", {"text": text}, form_at=f"/submissions/{number}")
    for reader in (ada, eve):
        page = reader.get(f"/submissions/{number}").text
        assert '<p class="said">first\n\nsecond</p>' in page
        assert "\\r" not in page
    with database.read() as session:
        assert [len(comment.text) for comment in session.scalars(sa.select(Comment))] == [13, 9999]


def test_failures_come_first_and_what_was_passed_is_folded(user, graded):
    ada = user("ada")
    number = ada.handed_in()
    outcomes = [("test_a", "passed"), ("test_b", "blocked"), ("test_c", "failed"), ("test_d", "passed")]
    graded(report(*(result(name, "public", verdict) for name, verdict in outcomes)))
    page = ada.get(f"/submissions/{number}").text
    places = [page.index(f"law of {name}") for name in ("test_c", "test_b", "test_a", "test_d")]
    assert places == sorted(places)
    folded = page[page.index('<details class="folded">') :]
    assert folded.index("law of test_a") > 0
    assert "law of test_b" not in folded
    assert "2 of 4 tests not passed" in page
    assert 'href="#problem-double"' in page


def test_where_all_was_passed_nothing_but_the_sum_is_unfolded(user, graded):
    ada = user("ada")
    number = ada.handed_in()
    graded(report(result("test_a", "public", "passed")))
    page = ada.get(f"/submissions/{number}").text
    assert "not passed" not in page
    assert page.index('<details class="folded">') < page.index("law of test_a")
    assert 'href="#passed-double"' in page


def test_the_best_score_is_shown_in_the_list(user, graded):
    ada = user("ada")
    for verdict in ("passed", "failed"):
        ada.handed_in(zip_of(f"# {verdict}"))
        graded(report(result("test_a", "public", verdict), result("test_b", "public", "passed")))
    assert re.search(r'your score</span> <span class="score">2 <span class="of">/ 5', ada.get("/").text)


@pytest.mark.parametrize(
    "path", ["/sign-in", "/", "/courses/course/assignments/double", "/no-such-page", "/static/deepgrade.css"]
)
@pytest.mark.threat(46)
def test_every_answer_carries_the_security_headers(user, path):
    answer = user("ada").get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_pages_are_not_kept_by_browsers(user):
    assert user("ada").get("/").headers["Cache-Control"] == "no-store"


@pytest.mark.threat(46)
def test_pages_have_no_inline_script_or_style(user, graded):
    ada, eve = user("ada"), user("eve", role="staff")
    waiting, done = ada.handed_in(), ada.handed_in()
    graded(report(result("test_a", "public")))
    paths = (
        "/",
        "/courses/course/assignments/double",
        f"/submissions/{waiting}",
        f"/submissions/{done}",
        "/password",
        "/nothing",
    )
    for reader, path in [(ada, path) for path in paths] + [
        (eve, "/courses/course/staff/people"),
        (eve, "/courses/course/staff/submissions"),
    ]:
        page = reader.get(path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)|hx-on|javascript:", page), path


@pytest.mark.threat(20, 46)
def test_an_error_of_ours_is_one_sentence_without_its_traceback(app, user):
    def breaks() -> str:
        raise RuntimeError(CANARY)

    app.add_url_rule("/breaks", view_func=breaks)
    app.testing = False
    answer = user("ada").get("/breaks")
    assert answer.status_code == 500
    assert "An error occurred in the service" in answer.text
    assert CANARY not in answer.text


def test_the_service_tells_whether_it_lives(user):
    answer = user().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
