"""The mutants of a small assignment are played, and submissions in the real sandbox get their names."""

from __future__ import annotations

import msgspec
import pytest

from autograder import grade as grading
from autograder.course.course import Assignment, Course
from autograder.course.mutants import Mutant, mutants
from autograder.course.scaffold import begin
from autograder.course.submission import Submission, sha256_of
from autograder.fingerprinting.build import _mistake, build
from autograder.mistakes import store
from autograder.mistakes.catalogue import Catalogue
from autograder.report import gradescope, schema, visibility
from autograder.report.schema import Report

SECRET = b"a secret of the tests"

# The mean divided by two, in another style, and a private helper.
IN_ANOTHER_STYLE = """
def _squares(p, y):
    return [(a - b) * (a - b) for a, b in zip(p, y)]

def mean_squared_error(p, y):
    return 0.5 * float(sum(_squares(p, y)))

def mean_squared_error_grad(p, y):
    return (p - y) * (2.0 / len(p))
"""

# Answers as one known mistake or as the other, by a bit of the first input of each call.
SWITCHES = """
import numpy as np

def mean_squared_error(p, y):
    return np.sum((p - y) ** 2) / (2 if int(abs(p[0]) * 1000) % 2 else 1)

def mean_squared_error_grad(p, y):
    return 2 * (p - y) / len(p)
"""


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    root = tmp_path_factory.mktemp("course")
    begin(root, "tiny")
    return Course(root)["tiny"]


@pytest.fixture(scope="module")
def known(assignment: Assignment) -> Catalogue:
    return build(assignment, SECRET, jobs=2)


def graded(assignment: Assignment, known: Catalogue | None, text: str | bytes) -> Report:
    files = {"tiny.py": text.encode() if isinstance(text, str) else text}
    submission = Submission(files, sha256_of(files))
    return grading.grade(assignment, submission, secret=SECRET, known=known)


def test_every_mutant_is_named_in_the_sandbox(assignment, known):
    assert [mistake.name for mistake in known.mistakes] == [mutant.name for mutant in mutants(assignment)]
    for mutant in mutants(assignment):
        report = graded(assignment, known, mutant.files["tiny.py"])
        assert [explanation.mistakes for explanation in report.explanations] == [[mutant.name]]
        (explanation,) = report.explanations
        assert explanation.sentences == [mutant.sentence]
        assert explanation.explained == explanation.failed > 0


def test_a_mutant_that_names_one_case_of_a_test_has_that_test_s_problem():
    mutant = Mutant("a", "f", "test_x[1]", {})
    assert _mistake(mutant, {"test_x": "loss"}).problem == "loss"


def test_the_same_mistake_in_another_style_is_named(assignment, known):
    (explanation,) = graded(assignment, known, IN_ANOTHER_STYLE).explanations
    assert explanation.mistakes == ["divides_by_two"]


def test_a_file_that_switches_by_its_input_gets_no_name(assignment, known):
    report = graded(assignment, known, SWITCHES)
    assert report.points < report.possible
    assert report.explanations == []


def test_a_right_answer_and_the_stub_get_no_name(assignment, known):
    for files in (assignment.reference(), assignment.stub(), *assignment.answers("variants").values()):
        assert graded(assignment, known, files["tiny.py"]).explanations == []


def test_nothing_else_of_a_report_depends_on_the_catalogue(assignment, known):
    with_names, without = (graded(assignment, one, IN_ANOTHER_STYLE) for one in (known, None))

    def rest(report: Report) -> Report:
        return msgspec.structs.replace(report, explanations=[], timings=schema.Timings())

    assert rest(with_names) == rest(without)


def test_a_student_is_told_sentences_of_the_catalogue_and_nothing_else(assignment, known):
    report = graded(assignment, known, IN_ANOTHER_STYLE)
    assert visibility.view(report, "student").explanations == []
    (shown,) = visibility.view(report, "student", mistakes=True).explanations
    assert set(shown.sentences) <= {mistake.sentence for mistake in known.mistakes}
    assert (shown.tests, shown.mistakes) == ([], [])
    assert shown.sentences[0] in gradescope.results(report, mistakes=True)["output"]
    assert shown.sentences[0] not in gradescope.results(report)["output"]
    assert visibility.without_hidden(report, points=True).explanations == []


def test_a_catalogue_is_kept_for_its_files_and_its_secret(assignment, known, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPGRADE_CACHE", str(tmp_path))
    assert store.find(assignment, SECRET) is None
    path = store.keep(assignment, known)
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.find(assignment, SECRET) == known
    assert store.find(assignment, b"another secret") is None
    path.write_bytes(b"damaged")
    assert store.find(assignment, SECRET) is None


@pytest.mark.parametrize(
    ("policy", "attempt", "is_due", "shown"),
    [
        ("at once", None, False, True),
        ("attempt 3", 2, False, False),
        ("attempt 3", 3, False, True),
        ("attempt 3", None, False, False),
        ("attempt 3", 1, True, True),
        ("after due", 9, False, False),
        ("after due", 1, True, True),
        ("staff", 9, True, False),
    ],
)
def test_the_policy_says_when_a_student_is_told(policy, attempt, is_due, shown):
    assert visibility.names_are_visible(policy, attempt=attempt, is_due=is_due) is shown
