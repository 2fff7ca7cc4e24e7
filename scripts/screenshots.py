"""`make site` calls it: pictures of the pages for the documentation, taken of the demo course in a real browser.

    service with one submission of a student ── chromium, 1280 px wide ── docs/pictures/*.png

The submission is a wrong answer that students really give, so that the report has something to show.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import demo
from playwright.sync_api import sync_playwright

from autograder.course import submission
from autograder.course.course import find_course
from grader_service.core.settings import Settings

PICTURES = demo.REPOSITORY / "docs" / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
SIZE = {"width": 1280, "height": 800}


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("screenshots: chromium is not installed; `apt-get install chromium`", file=sys.stderr)
        return 2
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="deepgrade-pictures-") as home:
        settings = Settings(home=Path(home), course=demo.REPOSITORY)
        passwords = demo.make_accounts(settings)
        assignment = find_course(demo.REPOSITORY)[demo.ASSIGNMENT]
        wrong = demo.hand_ins(assignment)[2]
        with demo.service(settings) as (address, _), sync_playwright() as driver:
            student = demo.Browser(address)
            student.sign_in("student", passwords["student"])
            path = student.hand_in(demo.ASSIGNMENT, submission.zipped(wrong.files))
            demo.wait_for_reports(student, [path])
            browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{address}/sign-in")
            page.get_by_label("Login").fill("student")
            page.get_by_label("Password").fill(passwords["student"])
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Assignments").wait_for()
            for name, at in {"assignment": f"/courses/course/assignments/{demo.ASSIGNMENT}", "report": path}.items():
                answer = page.goto(address + at)
                if answer is None or not answer.ok:
                    raise SystemExit(f"screenshots: {at} cannot be shown")
                page.screenshot(path=PICTURES / f"{name}.png")
                print(f"docs/pictures/{name}.png: {page.title()}")
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
