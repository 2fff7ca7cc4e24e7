"""A network trains while its student watches: the curve grows on the page, and the report says what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from narrowing import not_none

pytest.importorskip("torch")

from autograder.course import submission
from grader_service.core.settings import Settings
from grader_service.queue import progress_curves

from ..conftest import PASSWORD
from ..support import processes
from ..support.browsers import hand_in, keep, launched, needs_chromium
from ..support.processes import Service, serving

COURSE = Path(__file__).resolve().parent.parent.parent / "training_course"
REFERENCE = (COURSE / "solutions" / "trainee" / "trainee.py").read_text()
# Learns nothing new after a while, predicts in the wrong order, and takes long enough to be watched.
EPOCH = "        total, right = 0.0, 0\n"
SLOW = REFERENCE.replace(EPOCH, f"        __import__('time').sleep(0.5 * (len(x) > 64))\n{EPOCH}")
SLOW_AND_WRONG = SLOW.replace("argmax(1).cpu()", "argmin(1).cpu()")
POINTS = "(document.querySelector('.curves polyline')?.getAttribute('points') ?? '').split(' ').length"


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    settings = Settings(home=tmp_path_factory.mktemp("training") / "home", course=COURSE)
    processes.add(settings, "ada")
    with serving(settings) as running:
        yield running


@needs_chromium
def test_the_curve_grows_and_the_report_says_what_was_measured(service):
    with launched() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(service.url)
        page.get_by_label("Login").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Assignments").wait_for()
        page.get_by_role("link", name="A network to be trained").first.click()
        hand_in(page, submission.zipped({"trainee.py": SLOW_AND_WRONG.encode()}), "trainee.zip")
        page.get_by_text("Your network is training").wait_for(timeout=120_000)
        processes.wait_for(lambda: page.evaluate(POINTS) >= 3)
        keep(page, "training-live")
        assert "now" in not_none(page.locator(".curves svg").first.get_attribute("aria-label"))
        page.get_by_text("required").first.wait_for(timeout=120_000)
        keep(page, "training-report")
        text = page.locator("main").inner_text()
        assert "accuracy on 300 held-out digits" in text
        assert "at least 85 % required" in text
        assert "You reported" in text
        assert "settings for a CPU" in text
        assert complaints == []


def test_a_curve_is_thinned_and_starts_anew_with_the_next_training():
    curve = progress_curves.Curve()
    for number in range(1000):
        curve.add("one", {"epoch": float(number), "loss": 1.0 / (number + 1)})
    assert len(curve.points) <= progress_curves.MAX_POINTS
    assert curve.points[-1]["epoch"] == 999
    curve.add("two", {"epoch": 1.0})
    assert curve.points == [{"epoch": 1.0}]


@pytest.mark.parametrize(
    "text", ["", "no json", "[1, null]", '[{"loss": null}]', '[{"loss": "1"}]', '[{"loss": 1e300}]']
)
def test_what_is_no_curve_is_not_drawn(text):
    assert progress_curves.panels(text) == ("", [])


def test_panels_hold_a_line_for_every_series():
    epoch, panels = progress_curves.panels(
        '[{"epoch": 1, "loss": 2.0, "accuracy": 0.5}, {"epoch": 2, "loss": 1.0, "accuracy": 1.0}]'
    )
    assert epoch == "epoch 2"
    assert [(panel.name, panel.last) for panel in panels] == [("loss", "1"), ("accuracy", "100.0 %")]
    assert panels[0].line == "0.0,0.0 320.0,45.0"
