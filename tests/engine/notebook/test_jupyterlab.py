"""A student's way in a real JupyterLab, in a real browser: the kit's notebook from its stubs to full marks.

It takes a minute, so `make nightly` runs it, and so does `pytest FILE::test`.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_files import filled_in

from autograder.course import kit
from autograder.course.course import Course

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed; run `make test`, which installs it")
sync_api = pytest.importorskip("playwright.sync_api")

COURSE = Course(Path(__file__).resolve().parents[3])
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE = 5 * 60_000  # milliseconds: the machine may be loaded


@pytest.fixture
def kit_folder(tmp_path) -> Path:
    with zipfile.ZipFile(io.BytesIO(kit.build(COURSE["softmax"]))) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "softmax"


@pytest.fixture
def lab(kit_folder, tmp_path) -> Iterator[str]:
    """The address of a JupyterLab in the kit's folder."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={kit_folder}", "--LabApp.news_url=None"]
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (
        (tmp_path / "lab.log").open("w") as log,
        subprocess.Popen(command, cwd=kit_folder, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api", process)
            yield address
        finally:
            process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None, "JupyterLab ended"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
@pytest.mark.some_cases(0)
@pytest.mark.parametrize("name", ["softmax"])
def test_the_kits_notebook_from_stubs_to_full_marks_in_jupyterlab(name, kit_folder, lab):
    notebook = kit_folder / f"{name}.ipynb"
    reference = COURSE[name].reference()[f"{name}.py"].decode()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        of_stubs = run_all(browser, lab, "0 of 5 points", "jupyterlab-stubs")
        assert "not implemented" in of_stubs
        notebook.write_bytes(filled_in(notebook.read_bytes(), reference))
        of_answers = run_all(browser, lab, "5 of 5 points", "jupyterlab-answers")
        browser.close()
    assert "what ran in this notebook" in of_answers
    assert "test_softmax_rows_are_probabilities" in of_answers
    assert "not implemented" not in of_answers


def run_all(browser, lab: str, expected: str, picture: str) -> str:
    """Open the notebook, run all cells, and wait until a check shows these words. Returns the text of that check."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{lab}/lab/tree/softmax.ipynb?reset")
    page.locator(".jp-Notebook").wait_for()
    page.get_by_text("| Idle").wait_for()  # the kernel
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()
    table = page.locator(".deepgrade", has_text=expected).first
    table.wait_for()
    table.scroll_into_view_if_needed()
    if folder := os.environ.get("DEEPGRADE_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{picture}.png")
    text: str = table.inner_text()
    page.close()
    return text
