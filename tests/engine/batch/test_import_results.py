"""`deepgrade import-results`: what otter and Gradescope write, read back, and what does not add up refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from narrowing import not_none

from autograder.batch import import_results
from autograder.batch.find import Source
from autograder.batch.grades import final_grades
from autograder.batch.import_results import BadResults, Score, read
from autograder.batch.run import Outcome
from autograder.report import gradescope
from autograder.report.schema import ProblemResult, Report, TestResult

OTTER = """\
file,gradient,loss,total_points_earned,percent_correct,grading_status
points-per-question,2.0,4.0,6.0,1.0,--
ada.zip,2.0,3.0,5.0,0.8333,Completed
'=bob.zip,0.0,0.0,0.0,0.0,Refused: no
cleo.zip,,,,,Not graded: two of one student
"""
GRADESCOPE = """\
First Name,Last Name,Email,Total Score,Max Points,Status,Submission ID,1: loss (4.0 pts),2: gradient (2.0 pts)
Ada,Byron,ada@x,5.0,6.0,Graded,77,3.0,2.0
Bob,B,bob@x,,6.0,Missing,,,
"""


GRADE_BOOKS = Path(__file__).with_name("grade_books")


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_otter_s_final_grades_are_read(tmp_path):
    assert read(written(tmp_path / "final_grades.csv", OTTER)) == [
        Score("ada.zip", 5.0, 6.0, {"gradient": 2.0, "loss": 3.0}, status="Completed"),
        Score("=bob.zip", 0.0, 6.0, {"gradient": 0.0, "loss": 0.0}, status="Refused: no"),
        Score("cleo.zip", None, 6.0, status="Not graded: two of one student"),
    ]


def test_gradescope_s_grades_are_read(tmp_path):
    ada, bob = read(written(tmp_path / "scores.csv", GRADESCOPE))
    assert ada == Score("77", 5.0, 6.0, {"1: loss": 3.0, "2: gradient": 2.0}, "Ada Byron", "Graded", "ada@x")
    assert (bob.points, bob.student, bob.status) == (None, "Bob B", "Missing")


def report_of(points: float) -> Report:
    problems = [ProblemResult("loss", "Loss", points, 4.0)]
    test = TestResult(
        "test_public.py::test_x", "test_x", "x = x.", "loss", points, 4.0, "public", "passed" if points else "failed"
    )
    return Report("tiny", "Tiny", "graded", "", points, 4.0, problems, [test])


def test_what_a_batch_writes_is_read_back(tiny, tmp_path):
    outcomes = [
        Outcome(Source(name, Path(name), name, name), "graded", report=report_of(points))
        for name, points in (("ada.zip", 4.0), ("=bob.zip", 0.0))
    ]
    (tmp_path / "final_grades.csv").write_bytes(final_grades(tiny, outcomes))
    found = read(tmp_path / "final_grades.csv")
    assert {score.submission: score.points for score in found} == {"ada.zip": 4.0, "=bob.zip": 0.0}
    for outcome in outcomes:
        written(tmp_path / "results" / f"{outcome.source.id}.json", "").write_bytes(
            gradescope.to_json(not_none(outcome.report))
        )
    assert sorted(not_none(score.points) for score in read(tmp_path / "results")) == [0.0, 4.0]


@pytest.mark.parametrize("name", ["results.json", "ada.json"])
def test_one_result_is_named_for_its_file_or_its_folder(name, tmp_path):
    told = {"tests": [{"name": "Public Tests"}, {"name": "loss", "score": 1.5, "max_score": 4}]}
    (score,) = read(written(tmp_path / "ada" / name, json.dumps(told)))
    assert score == Score("ada", 1.5, 4.0, {"loss": 1.5}, status="Completed")


def test_the_score_of_all_comes_before_that_of_the_tests(tmp_path):
    told = {"score": 9, "tests": [{"name": "loss", "score": 1}]}
    assert read(written(tmp_path / "x.json", json.dumps(told)))[0].points == 9


BROKEN = {
    "a total that does not add up": OTTER.replace("5.0,0.8333", "6.0,1.0"),
    "a percentage of something else": OTTER.replace("0.8333", "0.9"),
    "words for points": OTTER.replace("ada.zip,2.0", "ada.zip,two"),
    "endless points": OTTER.replace("ada.zip,2.0,3.0,5.0", "ada.zip,inf,3.0,inf"),
    "nan": OTTER.replace("ada.zip,2.0,3.0,5.0", "ada.zip,nan,3.0,nan"),
    "points below zero": OTTER.replace("ada.zip,2.0,3.0,5.0", "ada.zip,-1,3.0,2.0"),
    "two of one name": OTTER + "ada.zip,2.0,3.0,5.0,0.8333,Completed\n",
    "a row that is cut off": OTTER + "eve.zip,2.0\n",
    "another table": "a,b\n1,2\n",
    "a quote without an end": OTTER + '"eve',
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_does_not_add_up_is_said_with_its_place(what, tmp_path):
    path = written(tmp_path / "final_grades.csv", BROKEN[what])
    with pytest.raises(BadResults, match=f"^{path}: "):
        read(path)


@pytest.mark.parametrize("text", ["", "[]", '{"tests": [{"score": "1"}]}', '{"score": -1}', '{"score": 1e999}', "{"])
def test_a_result_that_is_none_is_refused(text, tmp_path):
    with pytest.raises(BadResults):
        read(written(tmp_path / "results.json", text))


def test_a_pickle_is_never_read(tmp_path):
    mark = tmp_path / "mark"
    path = tmp_path / "results.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.")
    with pytest.raises(BadResults, match="is a pickle, which could run code here"):
        read(path)
    assert not mark.exists()


def test_cells_of_the_list_are_inert():
    text = import_results.to_csv([Score("=x", 1.0, 2.0, {"@p": 1.0}, "+s", "-t")]).decode()
    assert text.splitlines() == ["submission,student,'@p,points,possible,status", "'=x,'+s,1.0,1.0,2.0,'-t"]


def test_the_command_prints_writes_and_warns(deepgrade, tmp_path):
    path = written(tmp_path / "final_grades.csv", OTTER)
    done = deepgrade("import-results", "tiny", path, "--csv", tmp_path / "scores.csv", "--json")
    assert done.returncode == 0
    assert [score["points"] for score in json.loads(done.stdout)] == [5.0, 0.0, None]
    assert (tmp_path / "scores.csv").read_text().startswith("submission,student,gradient,loss,points")
    assert done.stderr == ""
    other = written(tmp_path / "other.csv", OTTER.replace("4.0,6.0,1.0", "40.0,42.0,1.0").replace("0.8333", "0.119"))
    assert "has 42 points, and tiny has 6" in deepgrade("import-results", "tiny", other).stderr
    assert deepgrade("import-results", "tiny", tmp_path / "x.csv").returncode == 2


def test_a_grade_book_of_an_lms_is_read_and_filled(deepgrade, tmp_path):
    """Grades out of 5 there are grades out of 6 here, and the other way round."""
    export, filled = GRADE_BOOKS / "canvas.csv", tmp_path / "filled.csv"
    column = ("--column", "Twice as much")
    done = deepgrade("import-results", "tiny", export, *column, "--lms", export, "--filled", filled, "--json")
    assert done.returncode == 0, done.stderr
    assert [score["points"] for score in json.loads(done.stdout)] == [5.4, None, None]
    assert "1 of 3 students have a grade in 'Twice as much' (Canvas)" in done.stderr
    assert filled.read_bytes() == export.read_bytes(), "what was read is written again"
    done = deepgrade("import-results", "tiny", export)
    assert done.returncode == 2
    assert "name one of its columns of grades: 'Twice as much', 'Essay'" in done.stderr
    assert deepgrade("import-results", "tiny", export, *column, "--lms", export).returncode == 2
