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

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: pip install 'deepgrade[dev]'")
sync_api = pytest.importorskip("playwright.sync_api")

COURSE = Course(Path(__file__).resolve().parents[3])
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MINUTES = 5 * 60_000  # milliseconds for all cells: the machine may be loaded
LAST = "[data-mime-type='text/html'] .deepgrade"


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
@pytest.mark.parametrize("pictures", [os.environ.get("DEEPGRADE_PICTURES", "")])
def test_the_kits_notebook_from_stubs_to_full_marks_in_jupyterlab(pictures, kit_folder, lab):
    notebook = kit_folder / "softmax.ipynb"
    reference = COURSE["softmax"].reference()["softmax.py"].decode()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        run_all(page, lab, expected="not implemented")
        if pictures:
            page.screenshot(path=f"{pictures}/stub.png")
        notebook.write_bytes(filled_in(notebook.read_bytes(), reference))
        run_all(page, lab, expected="5 of 5 points")
        table = page.locator(LAST).first
        table.scroll_into_view_if_needed()
        if pictures:
            page.screenshot(path=f"{pictures}/checked.png")
        said = table.inner_text()
        assert "what ran in this notebook" in said
        assert "test_softmax_rows_are_probabilities" in said
        assert "not implemented" not in said
        browser.close()


def run_all(page, lab: str, *, expected: str) -> None:
    """Open the notebook with a new kernel, run all cells, and wait until the first check shows these words."""
    page.goto(f"{lab}/lab/tree/softmax.ipynb?reset")
    page.locator(".jp-Notebook").wait_for(timeout=MINUTES)
    page.get_by_role("menuitem", name="Kernel", exact=True).click(timeout=MINUTES)
    page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…").click(timeout=MINUTES)
    page.get_by_role("button", name="Restart", exact=False).last.click(timeout=MINUTES)
    page.locator(LAST, has_text=expected).first.wait_for(timeout=MINUTES)
