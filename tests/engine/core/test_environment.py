"""No variable of whoever calls decides what is graded, or how."""

from __future__ import annotations

import json
import os

import pytest

from autograder.core import environment
from autograder.course import submission
from autograder.course.submission import zipped

pytestmark = pytest.mark.threat(58)

WRONG = '''"""Half of it is right."""
import numpy as np
def mean_squared_error(p, y): return float(np.mean((p - y) ** 2))
def mean_squared_error_grad(p, y): return p - y + 1
'''


PLAIN = '''

def test_by_a_plain_assert(student):
    """The error of 0 and 1 is 2, which it is not: Python takes this line out where it optimizes."""
    assert student.mean_squared_error(np.zeros(2), np.ones(2)) == 2
'''


@pytest.fixture
def meddling(tmp_path) -> dict[str, str]:
    """Each of these changes what the tests are, what they find, or whether they run at all."""
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import os\nos.environ['PYTEST_ADDOPTS'] = '-x'\n")
    (folder / "meddler.py").write_text("def pytest_runtest_setup(item): raise SystemExit\n")
    return {
        "PYTEST_ADDOPTS": "-x -k small --maxfail=1",
        "PYTEST_PLUGINS": "meddler",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])),
        "PYTHONOPTIMIZE": "1",
        "PYTHONHASHSEED": "7",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/nowhere",
        "CI": "true",
        "OMP_NUM_THREADS": "7",
        "OPENBLAS_CORETYPE": "Prescott",
    }


def without_times(text: str) -> dict[str, object]:
    report = json.loads(text)
    del report["timings"]
    return report


@pytest.fixture
def wrong(tiny):
    """The assignment, with an answer in its folder that a part of the tests finds wrong."""
    (tiny.folder / "tiny.py").write_text(WRONG)
    with (tiny.folder / "test_public.py").open("a") as tests:
        tests.write(PLAIN)
    return tiny


ALONE = ["PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONPATH", "PYTHONOPTIMIZE"]


@pytest.mark.parametrize("names", [*([name] for name in ALONE), None], ids=[*ALONE, "all"])
@pytest.mark.parametrize("command", ["grade", "check"])
def test_a_report_does_not_depend_on_the_callers_variables(command, names, deepgrade, wrong, meddling, tmp_path):
    if command == "grade":
        archive = tmp_path / "in.zip"
        archive.write_bytes(zipped({"tiny.py": WRONG.encode()}))
        arguments = ["grade", "tiny", archive, "--json", "-"]
    else:
        arguments = ["check", wrong.folder, "--json"]
    alone = deepgrade(*arguments)
    found = deepgrade(*arguments, **{name: value for name, value in meddling.items() if not names or name in names})
    assert 0 < json.loads(alone.stdout)["points"] < json.loads(alone.stdout)["possible"]
    assert without_times(found.stdout) == without_times(alone.stdout)
    assert found.returncode == alone.returncode


def test_check_of_one_test_still_runs_it_alone(deepgrade, wrong, meddling):
    name = "test_error_of_a_small_example"
    found = deepgrade("check", wrong.folder, "--test", name, "--json", **meddling)
    assert [test["name"] for test in json.loads(found.stdout)["tests"]] == [name]
    assert found.returncode == 0


def test_a_batch_does_not_depend_on_them(deepgrade, wrong, meddling, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "ada.zip").write_bytes(submission.zipped({"tiny.py": WRONG.encode()}))
    alone = deepgrade("batch", "tiny", inbox, "-o", tmp_path / "alone")
    found = deepgrade("batch", "tiny", inbox, "-o", tmp_path / "meddled", **meddling)
    assert alone.returncode == found.returncode == 0, found.stderr
    grades = [(tmp_path / name / "final_grades.csv").read_text() for name in ("alone", "meddled")]
    assert grades[0] == grades[1]


def test_what_a_process_needs_to_find_things_stays():
    given = {"PATH": "/bin", "DEEPGRADE_SECRET": "s", "LC_ALL": "C", "PYTEST_ADDOPTS": "-x", "SHELL": "/bin/sh"}
    assert environment.clean(given) == {"PATH": "/bin", "DEEPGRADE_SECRET": "s", "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    here = {"PYTHONPATH": os.pathsep.join(["/elsewhere", environment.HERE])}
    assert environment.clean(here)["PYTHONPATH"] == environment.HERE


def test_a_process_gets_its_own_variables_back(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    before = dict(os.environ)
    with environment.cleaned(EXTRA="1"):
        assert "PYTEST_ADDOPTS" not in os.environ
        assert os.environ["EXTRA"] == "1"
    assert dict(os.environ) == before
