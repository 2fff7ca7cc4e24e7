"""Suites in the sandbox: five wrong answers, two right ones, and what is told of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import suites

from autograder.core.errors import BadCourse, BadManifest
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.course.submission import Submission, read_folder, read_zip, sha256_of, zipped
from autograder.grade import grade
from autograder.judge import own_tests as own_tests_of_a_judge
from autograder.judge import server
from autograder.judge.job import Job, Surroundings
from autograder.own_tests import at_home, judging, scoring
from autograder.own_tests.answers import job
from autograder.own_tests.judging import Judged, Run
from autograder.report import gradescope, visibility
from autograder.report.schema import Report

TOP = """
    import numpy as np
    from autograder.testing import assert_close, assert_raises, assert_unchanged, items_of, snapshot
    """
LAWS = """
    def test_double(student):
        x = np.arange(1.0, 4.0)
        before = snapshot(x)
        assert_close(student.double(x), 2 * before)
        assert_unchanged(x, before)

    def test_mean(student):
        assert_close(student.mean(np.array([1.0, 5.0])), 3.0)
        with assert_raises(ValueError):
            student.mean(np.ones(0))

    def test_sums(student):
        total, _ = items_of(student.sums(np.array([1.0, 2.0])), "total", "cache")
        assert_close(total, 3.0)
    """
WRONG_LAW = """
    def test_mean_is_an_int(student):
        assert_close(student.mean(np.array([1.0, 5.0])), 4.0)
    """


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return suites.course(tmp_path_factory.mktemp("scale"))


def report(scale: Assignment, suite: str | None, module: str = "") -> Report:
    files = scale.reference()
    if module:
        files["scale.py"] += module.encode()
    if suite is not None:
        files["test_own.py"] = b"".join(line[4:] if line.startswith(b"    ") else line for line in _lines(suite))
    return grade(scale, Submission(files, sha256_of(files)), secret=suites.SECRET)


def _lines(text: str) -> list[bytes]:
    return text.encode().splitlines(keepends=True)


@pytest.mark.parametrize(
    "suite, points, killed",
    [
        ("", 0.0, 0),
        (TOP + LAWS, 10.0, 5),
        (
            TOP + "\n    def test_it(student):\n        assert_close(student.double(np.ones(2)), 2 * np.ones(2))\n",
            2.0,
            1,
        ),
        (TOP + LAWS + WRONG_LAW, 0.0, 5),
    ],
)
def test_a_suite_is_worth_what_it_catches(scale: Assignment, suite: str, points: float, killed: int) -> None:
    found = suites.scored(scale, suite)
    assert (found.points, len(found.killed)) == (points, killed)
    assert bool(found.refused) == (WRONG_LAW in suite)


def test_the_same_suite_has_the_same_runs(scale: Assignment) -> None:
    (_, one), (_, other) = (suites.judged(scale, TOP + LAWS) for _ in range(2))
    assert one == other
    places = [run.answer for run in one.runs[:9]]
    assert sorted(places) == sorted(
        [*("reference", "added") * 2, *(run.answer for run in one.runs if not run.is_right)][:9]
    )
    (_, third) = suites.judged(scale, TOP + LAWS + "\n    # another suite\n")
    assert [run.answer for run in third.runs] != [run.answer for run in one.runs]


def test_a_bonus_makes_up_for_lost_points_and_adds_none(scale: Assignment) -> None:
    wrong = "\n\ndef double(x):\n    return x * 0 + 2\n"
    full, lost, without = report(scale, TOP + LAWS), report(scale, TOP + LAWS, wrong), report(scale, None, wrong)
    assert (full.points, full.possible, full.problems[-1].points) == (4.0, 4.0, 0.0)
    assert (lost.points, lost.possible, lost.problems[-1].points) == (4.0, 4.0, 3.0)
    assert (without.points, without.problems[-1].bonus) == (1.0, 10.0)
    assert [test.points for test in full.tests if test.problem == "own_tests"] == [10.0]
    assert all(test.problem != "own_tests" for test in without.tests), "nothing was handed in"


def test_a_student_reads_mistakes_and_refusals_and_no_name(scale: Assignment) -> None:
    found = visibility.view(report(scale, TOP + LAWS + WRONG_LAW), "student").tests[-1]
    assert "2 of 2 right answers" in found.failure
    assert "test_mean_is_an_int refuses a right answer: the test takes its value for a wrong one." in found.advice
    assert "- double: You return 3 x." in found.advice
    assert found.detail == found.output == ""
    for name in ("tripled", "added", "reference"):
        assert name not in found.advice
    assert "You return 3 x" in gradescope.text_of(found)


def test_a_course_may_keep_the_sentences_back(scale: Assignment) -> None:
    work, judged = suites.judged(scale, TOP + LAWS)
    quiet = msgspec.structs.replace(work, declared=msgspec.structs.replace(work.declared, sentences=False))
    advice = scoring.result(quiet, judged).advice
    assert "You" not in advice
    assert "- double: 2" in advice


def test_a_suite_that_cannot_be_imported_is_told_so(scale: Assignment) -> None:
    _, judged = suites.judged(scale, "import torch_of_yesterday\n")
    assert "torch_of_yesterday" in judged.broken
    found = scoring.result(*suites.judged(scale, "def test_x(student:\n"))
    assert found.points == 0
    assert "SyntaxError" in found.failure


def test_two_answers_about_one_function_void_a_suite(scale: Assignment) -> None:
    work = job(scale, b"")
    accepted = [Run(answer.name, answer.is_right) for answer in work.answers]
    refused = [Run("tripled", False, "test_x", "wrong_value"), Run("tripled", False)]
    found = scoring.score(work, Judged([*accepted, *refused], ["test_x"], unstable=True))
    assert found.points == 0
    assert "once and accepted it another time" in found.void


def test_silence_refuses_nobody_and_ends_the_suite(scale: Assignment) -> None:
    _, judged = suites.judged(scale, "import os\n\ndef test_x(student):\n    os._exit(0)\n")
    assert len(judged.runs) == judging.PATIENCE
    assert "without a result" in judged.stopped


@pytest.mark.parametrize("killed, wrong, points", [(0, 7, 0.0), (7, 7, 10.0), (1, 3, 3.3), (2, 3, 6.6), (6, 7, 8.5)])
def test_points_are_rounded_down(killed: int, wrong: int, points: float) -> None:
    assert scoring.points_for(10.0, killed, wrong) == points


def test_the_file_is_optional_and_found_beside_the_others(scale: Assignment, tmp_path: Path) -> None:
    files = {"scale.py": b"x = 1\n", "test_own.py": b"y = 2\n"}
    assert list(read_zip(zipped({f"hw/{name}": text for name, text in files.items()}), scale.manifest).files) == [
        *files
    ]
    assert list(read_zip(zipped({"scale.py": b""}), scale.manifest).files) == ["scale.py"]
    (tmp_path / "scale.py").write_bytes(b"")
    assert list(read_folder(tmp_path, scale.manifest).files) == ["scale.py"]


@pytest.mark.parametrize(
    "text, word",
    [
        ("title = 1", "title"),
        ('title = "T"\npoints = 3\nfunctions = ["_x"]', "_x"),
        ('title = "T"\npoints = 3\nfunctions = ["x"]\nkeeps = ["y"]', "keeps"),
        ("nonsense", "own_tests.toml"),
    ],
)
def test_a_wrong_declaration_is_one_sentence(tmp_path: Path, text: str, word: str) -> None:
    scale = suites.course(tmp_path)
    (scale.folder / "own_tests.toml").write_text(text)
    with pytest.raises(BadManifest, match=word):
        _ = scale.manifest


def test_an_answer_that_is_not_there_is_the_author_s_fault(tmp_path: Path) -> None:
    scale = suites.course(tmp_path)
    assert scale.solution is not None
    (scale.solution / "own_tests.toml").write_text('mutants = ["nobody"]\n')
    with pytest.raises(BadCourse, match="nobody"):
        job(scale, b"")


def test_the_proof_of_the_hidden_tests_does_not_depend_on_it(tmp_path: Path) -> None:
    scale = suites.course(tmp_path)
    before, graded_with = scale.proved_sha256(), scale.tests_sha256()
    (scale.folder / "own_tests.toml").write_text((scale.folder / "own_tests.toml").read_text() + "sentences = false\n")
    again = type(scale)(scale.name, scale.folder, scale.solution)
    assert again.proved_sha256() == before
    assert again.tests_sha256() != graded_with


def test_a_suite_that_brings_its_judge_down_fails_and_the_rest_is_graded(
    scale: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask_one(job: Job, handler: Any, packages: Any) -> Surroundings:
        asked.append(job)
        if job.suite is not None and own.ID not in job.too_costly:
            raise server._JudgeEnded(own.ID, "it took too much", over_budget=True)
        return Surroundings("cpu", "", {})

    monkeypatch.setattr(server, "_ask_one", ask_one)
    work = Job("", [], {}, b"", reference={"scale.py": b""}, suite=job(scale, b""))
    server.ask(work, lambda event: None)
    first, reference, last = asked
    assert (reference.suite, reference.files) == (None, {"scale.py": b""})
    assert first.suite == last.suite
    result = own_tests_of_a_judge._result(last, scale.manifest)
    assert (result.points, result.verdict) == (0.0, "failed")
    assert "too much time or memory" in result.failure


def test_check_runs_the_suite_against_one_s_own_functions_and_the_kit_s_wrong_answers(tmp_path: Path) -> None:
    scale = suites.course(tmp_path)
    (scale.folder / "scale.py").write_bytes(scale.reference()["scale.py"])
    assert at_home.findings(scale.folder, scale.manifest) == [], "an empty suite says nothing"
    text = b"".join(line[4:] if line.startswith(b"    ") else line for line in _lines(TOP + LAWS))
    (scale.folder / "test_own.py").write_bytes(text)
    yours, *wrong = at_home.findings(scale.folder, scale.manifest)
    assert yours.good
    assert yours.is_right
    assert [(one.name, one.refused_by) for one in wrong] == [
        ("doubled twice", "test_double"),
        ("greatest", "test_mean"),
    ]


def test_judge_tests_prints_a_score(tmp_path: Path) -> None:
    suites.course(tmp_path)
    file = tmp_path / "mine.py"
    file.write_text("def test_x(student):\n    assert student.double(1) == 2\n")
    command = [sys.executable, "-m", "autograder.cli", "--course", str(tmp_path), "judge-tests", str(file)]
    ran = subprocess.run(
        [*command, "--assignment", "scale", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(tmp_path),
    )
    assert ran.returncode == 1, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["points"], said["wrong_answers"], said["right_answers"]) == (2.0, 5, 2)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(tmp_path))
    assert ran.returncode == 2
    assert "--assignment" in ran.stderr


def _environment(home: Path) -> dict[str, str]:
    import os

    return {**os.environ, "DEEPGRADE_HOME": str(home / "home")}
