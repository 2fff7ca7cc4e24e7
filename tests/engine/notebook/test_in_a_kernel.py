"""`%check`, `deepgrade.check` and `grader.check`: in IPython's shell, in plain Python, and the words that they show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autograder.course.workplace import Workplace
from autograder.notebook.results import Checked
from autograder.report import schema
from autograder.report.schema import ProblemResult, Report, TestResult

SHELL = """
import contextlib, io
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def cell(text, says=False):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = shell.run_cell(text, store_history=True)
    result.raise_error()
    return printed.getvalue().strip() if says else result.result
"""
GRADIENT = "def mean_squared_error_grad(p, y):\n    return 2 * (p - y) / len(p)"
ERROR = "def mean_squared_error(p, y):\n    return float(np.mean((p - y) ** 2))"
ANSWERS = f"""
cell("import numpy as np")
cell("%load_ext deepgrade")
cell({ERROR!r})
cell({GRADIENT!r})
"""


@pytest.fixture
def python(tiny, tmp_path):
    """Run lines in a fresh Python in the assignment's folder. Returns what they print."""

    def run(lines: str, **variables: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
        environment |= {"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"), **variables}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(lines)],
            cwd=tiny.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_import_brings_neither_pytest_nor_hypothesis_nor_numpy(python):
    heavy = "{'pytest', 'hypothesis', 'numpy', 'matplotlib', 'IPython', 'autograder'}"
    assert python(f"import sys, deepgrade; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_the_files_of_the_folder_are_checked_in_plain_python_with_the_terminals_words(python, tiny, deepgrade):
    said = python("import deepgrade; found = deepgrade.check(); print(found); print(found.passed, found.points)")
    assert said.startswith("tiny.py\n")
    assert "mean_squared_error: is not implemented yet" in said
    assert said.endswith("False 0.0\n")
    terminal, words = deepgrade("check", cwd=tiny.folder).stdout, said.removeprefix("tiny.py\n")
    assert terminal.split("The server runs")[0].split() == words.split("mean_squared_error:")[0].split()


def test_what_ran_in_the_notebook_is_checked(python, tiny):
    said = python(SHELL + ANSWERS + "found = cell('%check'); print(found.passed); print(found)")
    assert said.startswith("True\nwhat ran in this notebook\n")
    assert "NotImplementedError" in (tiny.folder / "tiny.py").read_text(), "the stub is as it was"


def test_the_last_run_of_a_function_counts(python):
    wrong = ERROR.replace("np.mean", "np.nothing")
    said = python(SHELL + ANSWERS + f"cell({wrong!r}); print(cell('%check mean_squared_error'))")
    assert "raised AttributeError" in said
    assert 'File "this notebook, cell 5", line 2' in said


def test_a_function_a_problem_a_test_and_a_question_can_be_named(python):
    lines = "".join(f"print([t.name for t in {call}.report.tests])\n" for call in (
        "cell('%check mean_squared_error_grad')",
        "cell('import deepgrade; deepgrade.check(\"loss\")')",
        "cell('deepgrade.check(\"test_gradient_vanishes_at_the_target\")')",
        "cell('from deepgrade import grader; grader.check(\"q1\")')",
        "cell('grader.check_all()')",
    ))  # fmt: skip
    said = python(SHELL + ANSWERS + lines).replace("'", '"').splitlines()
    by_function, by_problem, by_test, by_question, everything = map(json.loads, said)
    assert by_problem == by_question
    assert by_test == ["test_gradient_vanishes_at_the_target"]
    assert by_test == by_function
    assert set(everything) == {*by_function, *by_problem}


def test_mistakes_are_one_sentence_and_no_traceback(python, tmp_path):
    said = python(
        SHELL + ANSWERS + f"print(cell('%check nothing', True)); cell('%cd -q {tmp_path}')\n"
        "print(cell('%check', True)); print(cell('%submit', True))"
    )
    first, second, third = said.strip().splitlines()
    assert first.startswith("deepgrade: no problem or function is named 'nothing'; problems: loss")
    assert second == third
    assert "holds no assignment.toml; go to the kit's folder" in second


def test_submit_wants_all_functions_to_have_run(python):
    said = python(SHELL + f"cell('%load_ext deepgrade'); cell({GRADIENT!r}); print(cell('%submit', True))")
    assert said == (
        "deepgrade: mean_squared_error did not run in this notebook; run all cells with functions, then %submit again\n"
    )


def test_colours_and_progress_of_a_terminal_do_not_reach_the_notebook(python):
    assert "\x1b" not in python(SHELL + ANSWERS + "print(cell('%check'))", FORCE_COLOR="1", CLICOLOR_FORCE="1")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)


def test_the_table_escapes_what_a_student_wrote():
    evil = "<script>alert(1)</script>"
    test = TestResult("t::a", evil, evil, "loss", 0, 1, "public", "failed", evil, "", evil, evil, evil, evil, evil)
    problems = [ProblemResult("loss", evil, 0, 1)]
    report = Report("tiny", evil, "graded", evil, points=0, possible=1, problems=problems, tests=[test])
    found = Checked.read(schema.to_json(report).decode(), evil, 1, Workplace(Path(), "tiny"))
    parser = Tags()
    parser.feed(found._repr_html_())
    assert "script" not in parser.tags
    assert {"table", "details", "pre"} <= set(parser.tags)
