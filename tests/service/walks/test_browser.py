"""A student's whole story in a real Chromium: sign in, upload, watch, read the report. On a phone and on a desktop."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course.course import find_course
from autograder.course.submission import zipped
from grader_service.core.settings import Settings

from ..conftest import COURSE, RIGHT, WRONG, zip_of
from ..support import processes
from ..support.browsers import (
    SCREENS,
    chromium,
    fits,
    hand_in,
    keep,
    needs_chromium,
    upload,
    visit,
)
from ..support.processes import SLOW, Service, serving

__all__ = ["chromium", "visit"]  # fixtures

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    settings = Settings(home=tmp_path_factory.mktemp("browser") / "home", course=COURSE)
    processes.add(settings, "ada")
    processes.add(settings, "eve", role="staff")
    with serving(settings) as running:
        yield running


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_student_signs_in_uploads_watches_and_reads_the_report(visit, screen, scheme):
    page = visit("ada", screen, scheme)

    def look(name: str) -> bool:
        keep(page, f"{name}-{screen}-{scheme}")
        return fits(page)

    assert look("assignments")
    page.get_by_role("link", name="Twice as much").first.click()
    assert look("assignment")
    hand_in(page, zip_of(SLOW + "\nprint('<b>hello</b>')\n", conftest_py=""))
    page.get_by_text(re.compile(r"Test \d of 5")).wait_for()
    assert look("progress")
    page.get_by_text("of 5 points").wait_for(timeout=processes.PATIENCE_SECONDS * 1000)
    assert look("report")
    assert page.title().startswith("5 / 5")
    assert not page.get_by_text("double(5) = 10.").is_visible(), "what was passed is folded"
    for folded in page.locator("details.folded > summary").all():
        folded.click()
    assert page.get_by_text("double(5) = 10.").is_visible()
    picture = page.get_by_role("img", name=re.compile("doubled from 2 to 4"))
    picture.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('figure img').naturalWidth > 100")


@pytest.mark.parametrize("screen", SCREENS)
def test_a_wrong_answer_is_explained(visit, screen):
    page = visit("ada", screen)
    page.get_by_role("link", name="Twice as much").first.click()
    hand_in(page, zip_of(WRONG))
    page.get_by_text("of 5 points").wait_for(timeout=processes.PATIENCE_SECONDS * 1000)
    keep(page, f"wrong-{screen}")
    assert page.get_by_text("expected 6").is_visible(), "a public failure is open"
    assert not page.get_by_text("expected 10").is_visible()
    assert fits(page)


def test_a_refused_upload_is_explained_beside_the_form(visit):
    page = visit("ada", "phone")
    page.get_by_role("link", name="Twice as much").first.click()
    hand_in(page, b"no zip")
    alert = page.get_by_role("alert").filter(has_text="Not accepted")
    alert.wait_for()
    assert "the upload is not a zip" in alert.inner_text()
    keep(page, "refused")
    assert fits(page)


def test_a_file_that_is_too_large_is_not_sent(visit):
    page = visit("ada")
    page.get_by_role("link", name="Twice as much").first.click()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    hand_in(page, bytes(65 * 1024))
    assert "POST" not in sent
    assert "65 kB, the limit is 64 kB" in page.get_by_role("alert").inner_text()


def test_without_scripts_a_body_that_is_too_large_still_gets_its_sentence(visit):
    page = visit("ada", java_script_enabled=False)
    page.get_by_role("link", name="Twice as much").first.click()
    hand_in(page, bytes(3_000_000))
    page.get_by_text("larger than any assignment allows").wait_for()


def test_a_dropped_file_is_taken(visit):
    page = visit("ada")
    page.get_by_role("link", name="Twice as much").first.click()
    page.get_by_label("A zip with").wait_for()
    page.wait_for_load_state()
    page.evaluate(
        """() => {
            const files = new DataTransfer();
            files.items.add(new File(["zip"], "dropped.zip"));
            const event = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
            document.querySelector(".drop").dispatchEvent(event);
        }"""
    )
    assert page.evaluate("document.querySelector('#zip').files[0].name") == "dropped.zip"


def test_everything_works_without_scripts(visit):
    page = visit("ada", java_script_enabled=False)
    page.get_by_role("link", name="Twice as much").first.click()
    hand_in(page, zip_of(RIGHT))
    page.get_by_text("of 5 points").wait_for(timeout=processes.PATIENCE_SECONDS * 1000)


def test_the_keyboard_alone_reaches_the_upload(visit):
    page = visit("ada")
    page.get_by_role("link", name="Twice as much").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("A zip with").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert reached.index("zip") < reached.index("Hand in")


@pytest.mark.threat(7, 46)
def test_strange_names_run_nothing(visit):
    page = visit("ada")
    page.get_by_role("link", name="Twice as much").first.click()
    hand_in(page, zip_of(RIGHT), name="<img src=x onerror=\"document.title='owned'\">\u202e.zip")
    page.get_by_text("of 5 points").wait_for(timeout=processes.PATIENCE_SECONDS * 1000)
    assert "owned" not in page.title()
    assert page.get_by_text("\\u202e.zip").is_visible()


@pytest.mark.parametrize("screen", SCREENS)
def test_staff_see_everybody_s_submissions_and_add_people(visit, screen):
    page = visit("eve", screen)
    page.get_by_role("link", name="Submissions").click()
    page.get_by_role("heading", name="Submissions").wait_for()
    keep(page, f"submissions-{screen}")
    assert fits(page)
    page.get_by_role("link", name="People").click()
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Login").fill(f"grace-{screen}@example.org")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("which is shown only once").wait_for()
    keep(page, f"people-{screen}")
    assert fits(page)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_staff_see_the_queue_live_and_pause_it(visit, screen, scheme):
    student = visit("ada")
    student.get_by_role("link", name="Twice as much").first.click()
    hand_in(student, zip_of(SLOW))
    page = visit("eve", screen, scheme)
    page.get_by_role("link", name="Queue").click()
    cell = page.get_by_role("region", name="Being graded").get_by_role("cell", name="double")
    cell.wait_for(timeout=processes.PATIENCE_SECONDS * 1000)
    page.get_by_role("button", name="Pause gpu").click()
    page.get_by_text("Paused gpu.").wait_for()
    keep(page, f"queue-{screen}-{scheme}")
    assert fits(page)
    page.get_by_role("button", name="Resume gpu").click()
    page.get_by_text("Resumed gpu.").wait_for()
    cell.wait_for(state="detached", timeout=processes.PATIENCE_SECONDS * 1000)  # by itself: nobody reloads


def test_staff_s_whole_story(visit):
    """A wrong answer comes in; staff look, comment, grade again, set points by hand, and the audit has all of it."""
    student = visit("ada")
    student.get_by_role("link", name="Twice as much").first.click()
    hand_in(student, zip_of(WRONG))
    student.get_by_text("of 5 points").wait_for(timeout=processes.PATIENCE_SECONDS * 1000)
    number = student.url.rsplit("/", 1)[1]

    page = visit("eve")
    page.get_by_role("link", name="Submissions").click()
    page.get_by_role("link", name=number, exact=True).click()
    page.get_by_text("expected 10").first.wait_for(state="attached")  # staff see what hidden tests found
    page.get_by_label("Add a comment").fill("Look at the sign of x.")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Look at the sign of x.").wait_for()

    page.get_by_role("navigation").get_by_role("link", name="Grades").click()
    page.get_by_role("link", name="Regrades").click()
    page.get_by_label("Submissions").select_option("named")
    page.get_by_label("Numbers").fill(number)
    page.get_by_text("Twice as much, 5 tests").click()
    page.get_by_label("test_double_of_three").check()
    page.get_by_label("Reason").fill("a look at one test")
    page.get_by_role("button", name="Grade again").click()
    page.get_by_text("Not applied yet").wait_for()
    until = time.monotonic() + processes.PATIENCE_SECONDS
    while not page.get_by_role("button", name="Apply", exact=True).is_visible():
        assert time.monotonic() < until
        page.wait_for_timeout(500)
        page.reload()
    page.get_by_role("button", name="Apply", exact=True).click()
    page.get_by_text("The scores of 0 students changed.").wait_for()

    page.get_by_role("navigation").get_by_role("link", name="Grades").click()
    page.get_by_role("link", name="Ada", exact=False).first.click()
    page.get_by_text("Points by hand").click()
    page.get_by_label("Points of 5").fill("4,5")
    page.get_by_label("Reason the student reads it, too").fill("the idea was right")
    page.get_by_role("button", name="Set").click()
    page.get_by_text("4.5 points have been set.").wait_for()

    page.get_by_role("navigation").get_by_role("link", name="Grades").click()
    page.get_by_role("cell", name="4.5 by hand").wait_for()
    with page.expect_download() as saved:
        page.get_by_role("link", name="otter's columns").click()
    assert "ada,4.5,4.5,0.9,Completed" in Path(saved.value.path()).read_text()
    page.get_by_role("link", name="Audit").click()
    for words in ("regrade begun", "regrade counted", "override set"):
        page.get_by_text(words).first.wait_for()
    page.get_by_role("cell", name="the idea was right").wait_for()
    page.go_back()
    page.get_by_role("link", name="Twice as much").click()
    page.get_by_role("img", name=re.compile("Distribution of points of 1 students")).wait_for()

    student.reload()
    assert student.get_by_text("Look at the sign of x.").is_visible()
    assert student.get_by_text("the idea was right").is_visible()


def test_the_real_softmax_reference_gets_full_marks_in_the_browser(visit, tmp_path):
    assignment = find_course()["softmax"]
    settings = Settings(home=tmp_path / "home", course=find_course().root)
    processes.add(settings, "ada")
    with serving(settings) as service:
        page = visit("ada", url=service.url)
        page.get_by_role("link", name=assignment.manifest.title).first.click()
        keep(page, "softmax-handout")
        hand_in(page, zipped(assignment.reference()), "softmax.zip")
        points = f"{assignment.manifest.points:g}"
        page.get_by_text(f"of {points} points").wait_for(timeout=120_000)
        assert page.title().startswith(f"{points} / {points}")
        keep(page, "softmax-report")


@pytest.mark.parametrize("screen", SCREENS)
def test_the_same_files_again_are_answered_from_the_earlier_grading_and_the_page_says_so(visit, screen):
    data = zip_of(f"{RIGHT}\n# handed in twice, on a {screen}\n")
    page = visit("ada", screen)
    page.get_by_role("link", name="Twice as much").first.click()
    page.get_by_label("A zip with").wait_for()
    assignment = page.url
    for _ in range(2):
        page.goto(assignment)
        page.get_by_label("A zip with").set_input_files(upload(data))
        page.get_by_role("button", name="Hand in", exact=True).click()
        page.get_by_text("of 5 points").wait_for(timeout=processes.PATIENCE_SECONDS * 1000)
    note = page.get_by_text("Answered from an earlier grading: submission")
    assert note.is_visible()
    keep(page, f"answered-{screen}")
    assert fits(page)
    staff = visit("eve", screen)
    staff.goto(page.url)
    assert staff.get_by_text("5 results were answered from an earlier grading").is_visible()
    keep(staff, f"answered-staff-{screen}")
    assert fits(staff)
