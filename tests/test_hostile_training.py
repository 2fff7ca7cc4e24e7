"""Fake training and fake time, rows 29 to 35: each attack meets the real sandbox, and gains nothing.

The attacks are those of `tests/hostile/` with a `trainee.py`; `expect.toml` is as in test_hostile.py. They are handed
in to the course of `tests/training_course/`, with the right answers beside them as `honest.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from narrowing import not_none

from autograder.course.course import Assignment, Course
from autograder.course.submission import Submission, sha256_of
from autograder.grade import grade
from autograder.report import rounding
from autograder.report.schema import Report

pytest.importorskip("torch")

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for path in (HERE / "hostile").glob("*/trainee.py"))
READS = "test_hidden.py::test_the_network_reads_digits"


@pytest.fixture(scope="module")
def trainee(tmp_path_factory) -> Assignment:
    """The course, whose manifest takes two files."""
    course = Path(shutil.copytree(HERE / "training_course", tmp_path_factory.mktemp("training") / "course"))
    manifest = course / "assignments" / "trainee" / "assignment.toml"
    text = manifest.read_text().replace('files = ["trainee.py"]', 'files = ["trainee.py", "honest.py"]')
    manifest.write_text(text)
    for half in ("assignments", "solutions"):
        (course / half / "trainee" / "honest.py").write_bytes((course / half / "trainee" / "trainee.py").read_bytes())
    return Course(course)["trainee"]


def graded(trainee: Assignment, source: bytes | None = None) -> Report:
    files = trainee.reference()
    files |= {"trainee.py": source} if source else {}
    return grade(trainee, Submission(files, sha256_of(files)), secret=b"of the hostile course", shrink=False)


def attack(folder: Path) -> object:
    expected = tomllib.loads((folder / "expect.toml").read_text())
    return pytest.param(folder, id=folder.name, marks=pytest.mark.threat(*expected["rows"], tried=expected["tries"]))


@pytest.mark.parametrize("folder", [attack(folder) for folder in FOLDERS])
def test_an_attack_gains_nothing(folder: Path, trainee: Assignment) -> None:
    wanted = tomllib.loads((folder / "expect.toml").read_text())["tests"]
    found = graded(trainee, (folder / "trainee.py").read_bytes())
    verdicts = {test.name: test.verdict for test in found.tests}
    expected = {**dict.fromkeys(verdicts, "passed"), **wanted}
    unexpected = {name: verdict for name, verdict in verdicts.items() if verdict not in _list(expected[name])}
    assert unexpected == {}, [test.detail for test in found.tests]
    for figure in [figure for test in found.tests for figure in test.figures if figure.kind == "curve"]:
        x, series = figure.data["x"], figure.data["series"].values()
        assert len(x) <= rounding.POINTS and len(series) <= rounding.SERIES  # noqa: PT018
        for values in series:
            assert values == [float(f"{value:.3g}") for value in values]


def _list(verdicts: str | list[str]) -> list[str]:
    return verdicts if isinstance(verdicts, list) else [verdicts]


@pytest.mark.threat(32)
def test_what_is_claimed_is_drawn_and_what_is_measured_counts(trainee: Assignment) -> None:
    """Row 32: the curve is the student's own; beside it stands the judge's figure, and advice that names both."""
    source = (HERE / "hostile" / "reports_what_it_did_not_reach" / "trainee.py").read_bytes()
    found = graded(trainee, source.replace(b"loss=0.0", b"loss=1.0 / epoch"))
    (test,) = [test for test in found.tests if test.id == READS]
    assert test.figures[0].data["series"]["accuracy"] == [1.0] * 8
    (measured,) = found.timings.trainings[READS].measured
    assert not_none(measured.value) < 40
    assert "You reported 100.0 % on the training data" in test.advice
    missed = "was trained, but what it learned does not reach the bar: accuracy on 300 held-out digits is "
    assert re.fullmatch(re.escape(missed) + r"\d\d?(\.\d)? %, expected at least 85 %", test.failure)


BURN = "while True: pass"


@pytest.mark.threat(34)
def test_a_busy_neighbour_changes_no_verdict(trainee: Assignment) -> None:
    """Row 34: four processes that want the processor too. (`make bench ARGS=training` does it fifty times.)"""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        busy = graded(trainee)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert {test.verdict for test in busy.tests} == {"passed"}
    assert busy.timings.trainings[READS].measured == graded(trainee).timings.trainings[READS].measured
