"""A student's term and staff's, each in one walk through a real Chromium, in one service with real grading.

`test_browser.py` has the steps one by one, and what goes wrong at them.
"""

from __future__ import annotations

import base64
import csv
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader_service.accounts import accounts
from grader_service.core.settings import Settings
from grader_service.courses import courses

from ..conftest import COURSE, WRONG, zip_of
from ..support import processes
from ..support.browsers import chromium, fits, hand_in, keep, needs_chromium, playwright, visit
from ..support.processes import SLOW, Service, opened, serving

__all__ = ["chromium", "visit"]  # fixtures

pytestmark = needs_chromium

PATIENCE = processes.PATIENCE_SECONDS * 1000  # milliseconds
TEXT = b"# My plots\n\nThey *rise*. <script>document.title = 'owned'</script>\n"
FORMULA = "=HYPERLINK(1)"
DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, { type: "application/zip" }));
    const event = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
    document.querySelector(".drop").dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    """Due in three days, with a written part and a leaderboard."""
    settings = Settings(home=tmp_path_factory.mktemp("walks") / "home", course=COURSE)
    for login, role in (("ada", "student"), ("bob", "student"), ("eve", "staff")):
        processes.add(settings, login, role=role)
    with serving(settings) as running:
        with opened(settings) as database, database.write() as session:
            eve = accounts.find(session, "eve")
            chosen = courses.assignment(session, accounts.first_course(session), "double")
            assert eve is not None
            assert chosen is not None
            limits = {"due_at": time.time() + 3 * 86400, "written_points": 5.0, "leaderboard": True}
            courses.set_policy(session, eve, chosen, limits)
        yield running


def wait_for_report(page: playwright.Page) -> None:
    page.get_by_text("of 5 points").wait_for(timeout=PATIENCE)


def test_a_student_s_term(visit):
    """Due soon; dropped and handed in with the keyboard; place and phases; what changed; all that was handed in comes
    back; the written part; a pseudonym."""
    page = visit("ada")
    due = page.get_by_role("region", name="Due soon")
    assert "nothing handed in yet" in due.inner_text()
    due.get_by_role("link", name="Twice as much").click()
    page.get_by_label("A zip with").wait_for()
    page.wait_for_load_state()  # with the script that takes what is dropped
    data = zip_of(SLOW)
    page.evaluate(DROP, ["dropped.zip", base64.b64encode(data).decode()])
    page.get_by_role("button", name="Hand in", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"Test \d of 5")).wait_for(timeout=PATIENCE)
    assert page.locator(".phases [aria-current=step]").inner_text() == "Grading"
    first = page.url

    other = page.context.new_page()  # a second tab
    other.goto(first)
    other.get_by_role("link", name="Twice as much").click()
    hand_in(other, zip_of(WRONG), "wrong.zip")
    other.get_by_text("Waiting, place 1 in the queue").wait_for()
    keep(other, "walk-waiting")
    wait_for_report(page)
    wait_for_report(other)

    other.get_by_role("link", name=re.compile("what changed since")).click()
    other.get_by_role("heading", name=re.compile(r"From submission \d+ to \d+")).wait_for()
    assert other.get_by_role("cell", name="passed").first.is_visible()
    assert other.locator("tr.added", has_text="3 * x").is_visible()
    assert other.locator("tr.removed", has_text="time.sleep").is_visible()
    keep(other, "walk-since")

    page.goto(first)
    with page.expect_download() as saved:
        page.get_by_role("link", name="download", exact=True).click()
    assert Path(saved.value.path()).read_bytes() == data

    page.get_by_role("link", name="Twice as much").first.click()
    written = {"name": "plots.md", "mimeType": "text/markdown", "buffer": TEXT}
    page.get_by_label("A PDF or a Markdown file").set_input_files(written)
    page.get_by_role("button", name="Hand in the written part").click()
    page.get_by_text("Not yet marked.").wait_for()
    page.get_by_role("heading", name="My plots").wait_for()  # rendered in a sandbox, then shown
    assert "owned" not in page.title()
    keep(page, "walk-written")

    page.get_by_role("link", name="Twice as much").first.click()
    assert page.get_by_text("without the written part, which is not yet marked").is_visible()
    keep(page, "walk-assignment")
    assert fits(page)
    page.get_by_role("link", name="leaderboard").click()
    page.get_by_label("Pseudonym").fill("Countess")
    page.get_by_role("button", name="Take part").click()
    page.get_by_role("heading", name="You take part").wait_for()


def test_staff_s_term(visit):
    """A roster with a dry run; a rubric, marked; the grade book sorted, filtered and as three CSVs; how it went;
    similarity; and the audit of it."""
    student = visit("bob")
    student.get_by_role("link", name="Twice as much").first.click()
    hand_in(student, zip_of(WRONG))
    wait_for_report(student)
    student.get_by_role("link", name="Twice as much").first.click()
    written = {"name": "text.md", "mimeType": "text/markdown", "buffer": TEXT}
    student.get_by_label("A PDF or a Markdown file").set_input_files(written)
    student.get_by_role("button", name="Hand in the written part").click()
    student.get_by_text("Not yet marked.").wait_for()
    number = student.url.rsplit("/", 1)[1]

    page = visit("eve")
    page.get_by_role("link", name="People").click()
    page.get_by_role("link", name=re.compile("roster", re.IGNORECASE)).first.click()
    page.get_by_label("or its text").fill(f"login,name\nmallory,{FORMULA}\n")
    page.get_by_role("button", name="Preview the changes").click()
    page.get_by_role("heading", name="Planned changes").wait_for()
    page.get_by_role("button", name="Apply the changes").click()
    page.get_by_text("1 new").wait_for()

    page.get_by_role("link", name="Grades").click()
    page.get_by_role("link", name="Twice as much").click()
    page.get_by_role("link", name="rubric").click()
    page.get_by_label("Line 1", exact=True).fill("What the plots show")
    page.get_by_label("Points of line 1").fill("3")
    page.get_by_label("Line 2", exact=True).fill("Why")
    page.get_by_label("Points of line 2").fill("2")
    page.get_by_role("button", name="Change the rubric").click()
    page.get_by_text("The rubric has been saved.").wait_for()

    page.get_by_role("link", name="Grades").click()
    page.get_by_label("Show").select_option("unmarked")
    page.get_by_label("Sort by").select_option("total")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Bob").click()
    page.get_by_role("link", name=f"submission {number}").click()
    page.get_by_label("What the plots show").fill("4")
    page.get_by_role("button", name="Set points").click()
    assert page.get_by_label("What the plots show").evaluate("input => input.validationMessage").startswith("Write")
    page.locator('form[action$="/rubric"]').evaluate("form => form.submit()")  # as where no script runs
    page.get_by_text("4 is more than the maximum of 3 points for 'What the plots show'").wait_for()
    assert page.get_by_label("What the plots show").input_value() == "4"
    page.get_by_label("What the plots show").fill("2,5")
    page.get_by_role("button", name="Set points").click()
    page.get_by_text("1 of 2 lines marked").wait_for()
    keep(page, "walk-half-marked")
    student.reload()
    assert student.get_by_text("Not yet marked.").is_visible()
    page.get_by_label("Why").fill("1")
    page.get_by_role("button", name="Set points").click()
    page.get_by_role("heading", name="Written part 3.5 / 5").wait_for()
    student.reload()
    assert student.get_by_role("heading", name="Written part 3.5 / 5").is_visible()

    page.get_by_role("link", name="Grades").click()
    files = {}
    for name in ("the course's own columns", "Gradescope's columns", "otter's columns"):
        with page.expect_download() as saved:
            page.get_by_role("link", name=name).click()
        files[name] = list(csv.reader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    cells = [cell for rows in files.values() for row in rows for cell in row]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell.startswith("=")]
    keep(page, "walk-grades")

    page.get_by_role("link", name="Twice as much").click()
    page.get_by_role("img", name=re.compile("Distribution of points")).wait_for()
    keep(page, "walk-statistics")
    page.get_by_role("link", name="Similarity").click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text(re.compile(r"submissions? compared")).wait_for(timeout=PATIENCE)
    keep(page, "walk-similarity")

    page.get_by_role("link", name="Grades").click()
    page.get_by_role("link", name="Audit").click()
    for words in ("rubric changed", "rubric scored", "member changed"):
        page.get_by_text(words).first.wait_for()
