"""Every attack by tests of a student's own (tests/hostile/suite_*) earns nothing, and is no failure of the grader.

suite.py      what is handed in as test_own.py
suite.toml    rows (of tests/threats.toml), what it tries, and `finds_nothing`: its assertions hold for every answer, as
              they do where nothing is found
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import suites

from autograder.course.course import Assignment
from autograder.course.submission import Submission, sha256_of
from autograder.grade import grade
from autograder.report import schema, visibility

ALL = sorted(path.parent for path in (Path(__file__).parent / "hostile").glob("*/suite.toml"))
HONEST = """
    import numpy as np
    from autograder.testing import assert_close

    def test_double(student):
        assert_close(student.double(np.ones(3)), 2 * np.ones(3))
    """


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    folder = tmp_path_factory.mktemp("suites")
    found = suites.course(folder)
    declared = folder / "assignments/scale/own_tests.toml"
    declared.write_text(declared.read_text().replace("seconds = 20.0", "seconds = 6.0"))
    return found


def attack(folder: Path) -> Any:
    said = tomllib.loads((folder / "suite.toml").read_text())
    return pytest.param(folder, id=folder.name, marks=pytest.mark.threat(*said["rows"], tried=said["tries"]))


@pytest.mark.parametrize("folder", [attack(folder) for folder in ALL])
def test_an_attack_gains_nothing(folder: Path, scale: Assignment) -> None:
    files = {**scale.reference(), "test_own.py": (folder / "suite.py").read_bytes()}
    report = grade(scale, Submission(files, sha256_of(files)), secret=suites.SECRET)
    *others, own = report.tests
    assert {test.verdict for test in others} == {"passed"}
    assert (own.points, own.verdict) == (0.0, "failed"), own.detail
    assert report.points == report.possible == 4
    if tomllib.loads((folder / "suite.toml").read_text()).get("finds_nothing"):
        assert own.failure == "your tests catch 0 of 5 wrong answers, and accept every right one", own.detail
    seen = schema.to_json(visibility.view(report, "student")).decode()
    for secret in ("tripled", "sum_for_mean", "return 3 * x", "added"):
        assert secret not in seen
    assert len(seen) < 60_000


def test_the_course_gives_points_to_an_honest_suite(scale: Assignment) -> None:
    assert suites.scored(scale, HONEST).points == 2.0, "one of five wrong answers"
