"""Experiments as notebooks, their data, and what handouts and README say of them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib
import pytest

from autograder.course.course import Course

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NUMBERS = {6: "Six", 7: "Seven", 8: "Eight", 9: "Nine", 10: "Ten"}


@pytest.mark.parametrize("notebook", [True, False])
def test_a_notebook_shows_the_figures_that_are_saved(repository, tmp_path, monkeypatch, notebook):
    """A notebook shows what is open when a cell ends, so nothing is closed there."""
    if notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    seen = 0
    for path in sorted((repository / "assignments").glob("*/experiment.py")):
        tree = ast.parse(path.read_text())
        (save,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "save"]
        scope: dict[str, Any] = {"options": SimpleNamespace(out=tmp_path), "plt": plt, "sys": sys}
        exec(compile(ast.Module([save], []), str(path), "exec"), scope)
        figure = plt.figure()
        scope["save"](figure, "x.png")
        assert plt.fignum_exists(figure.number) or not notebook, path
        plt.close(figure)
        seen += 1
    assert seen == len(list(Course(repository)))


def test_softmax_in_full_reads_what_deepgrade_data_fetches(repository, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    result = subprocess.run(
        [sys.executable, "experiment.py", "--full", "--out", tmp_path, "--code", repository / "solutions" / "softmax"],
        cwd=repository / "assignments" / "softmax",
        env=environment | {"DEEPGRADE_CACHE": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == "MNIST is not here; fetch it with `deepgrade data mnist`, or run without --full\n"


def test_handouts_with_torch_name_the_wheels_without_a_gpu(repository):
    for assignment in Course(repository):
        if "torch" in assignment.manifest.packages:
            text = (assignment.folder / "README.md").read_text()
            assert "    pip install torch --index-url https://download.pytorch.org/whl/cpu\n" in text, assignment.name


def test_the_first_page_counts_the_assignments(repository):
    names = [assignment.name for assignment in Course(repository)]
    (line,) = [
        line for line in (repository / "docs/index.md").read_text().splitlines() if " assignments: `softmax`" in line
    ]
    assert line.startswith(f"- {NUMBERS[len(names)]} assignments: ")
    assert all(f"`{name}`" in line for name in names)
