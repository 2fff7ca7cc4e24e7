"""A notebook in the hands of `check`, `pack`, `grade` and `batch`: the points, the words and the places of a module."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from notebook_files import filled_in, notebook, of_module

from autograder.course import kit_notebook, notebooks, submission
from autograder.course.cells import unwritten
from autograder.course.course import Course
from autograder.course.submission import zipped
from autograder.grade import grade
from autograder.report import schema
from autograder.report.schema import Timings

REPOSITORY = Path(__file__).resolve().parents[3]
COURSE = Course(REPOSITORY)

STUB = b"def mean_squared_error(p, y):\n    raise NotImplementedError\n"
SECRET = b"the secret of a course, 32 bytes"
WRONG = "np.mean((p - y) ** 2 + np.abs(p - y)[0])"


@pytest.fixture
def answer(tiny) -> str:
    return tiny.reference()["tiny.py"].decode()


@pytest.fixture
def wrong(answer) -> str:
    assert "np.mean((p - y) ** 2)" in answer
    return answer.replace("np.mean((p - y) ** 2)", WRONG)


def checked(result) -> dict:
    report = json.loads(result.stdout)
    for test in report["tests"]:
        for field in ("traceback", "repeat", "detail", "failure"):
            test[field] = ""
    return report | {"timings": None, "submission_sha256": ""}


def test_check_of_a_notebook_is_check_of_its_module(deepgrade, tiny, wrong):
    (tiny.folder / "tiny.py").write_text(wrong)
    of_file = deepgrade("check", "--json", cwd=tiny.folder)
    (tiny.folder / "tiny.py").write_bytes(tiny.stub()["tiny.py"])
    (tiny.folder / "other.ipynb").write_bytes(of_module(wrong, "print(1)"))
    of_notebook = deepgrade("check", "other.ipynb", "--json", cwd=tiny.folder)
    assert checked(of_file) == checked(of_notebook)
    assert (of_file.returncode, of_notebook.returncode) == (1, 1)
    assert "  cell 5, line 1: print(1)" in of_notebook.stderr


def test_places_are_cells_of_the_notebook(deepgrade, tiny, answer):
    raising = answer.replace("np.mean((", "{}['no'] or np.mean((")
    (tiny.folder / "tiny.ipynb").write_bytes(of_module(raising))
    (tiny.folder / "tiny.py").unlink()
    said = deepgrade("check", cwd=tiny.folder).stdout
    assert 'File "tiny.ipynb, cell 3", line ' in said
    assert "deepgrade check tiny.ipynb --test test_error_of_a_small_example" in said
    repeated = deepgrade("check", "tiny.ipynb", "--test", "test_error_of_a_small_example", cwd=tiny.folder)
    assert "KeyError" in repeated.stdout


def test_what_the_server_lacks_is_said_of_the_notebook(deepgrade, tiny, answer):
    (tiny.folder / "tiny.ipynb").write_bytes(
        of_module("import pandas\n" + answer + "\n\ndef more():\n    return pandas\n")
    )
    said = deepgrade("pack", "--strict", "tiny.ipynb", cwd=tiny.folder)
    assert said.returncode == 1
    assert "not on the server: tiny.ipynb, cell 1, line 1: imports pandas" in said.stderr


def test_pack_writes_the_module_of_the_notebook(deepgrade, tiny, answer):
    """With the stub beside it, as in the kit."""
    (tiny.folder / "tiny.ipynb").write_bytes(of_module(answer, "%matplotlib inline", "# experiment\nprint(1)"))
    said = deepgrade("pack", cwd=tiny.folder)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("tiny.zip: tiny.py from tiny.ipynb (")
    assert "experiments: cell 6" in said.stderr
    packed = submission.read(tiny.folder / "tiny.zip", tiny.manifest)
    assert packed.files == submission.read(tiny.folder / "tiny.ipynb", tiny.manifest).files


@pytest.mark.parametrize("command", ["check", "pack"])
@pytest.mark.parametrize(
    "data, words",
    [
        (b"{", "x.ipynb cannot be read as a notebook (Input data was truncated); save it in Jupyter again"),
        (notebook(language="julia"), "x.ipynb is a notebook for julia; write it in Python"),
        (None, "x.ipynb: there is no such notebook; go to its folder, and save it under that name"),
    ],
)
def test_a_notebook_that_cannot_be_read_gets_one_sentence(deepgrade, tiny, command, data, words):
    if data is not None:
        (tiny.folder / "x.ipynb").write_bytes(data)
    said = deepgrade(command, "x.ipynb", cwd=tiny.folder)
    assert said.returncode == 2
    assert said.stderr == f"deepgrade: {words}\n"


def forms(source: bytes) -> dict[str, bytes]:
    """One submission to `tiny` in all its forms."""
    cells = of_module(source.decode(), "%matplotlib inline", "# scratch\nprint(1)")
    return {
        "file.py": source,
        "notebook.ipynb": cells,
        "zip of a file.zip": zipped({"tiny.py": source}),
        "zip of a notebook.zip": zipped({"hw/tiny.ipynb": cells}),
        "zip of a notebook and the stub.zip": zipped({"tiny.ipynb": cells, "tiny.py": STUB}),
    }


def test_all_forms_of_a_submission_get_the_same_report(tiny, tmp_path, wrong):
    """But for the submission's hash, and the places in it."""
    reports = {}
    for name, data in forms(wrong.encode()).items():
        path = tmp_path / name
        path.write_bytes(data)
        report = grade(tiny, submission.read(path, tiny.manifest), secret=SECRET)
        tests = [msgspec.structs.replace(test, traceback="", detail="") for test in report.tests]
        reports[name] = schema.to_json(
            msgspec.structs.replace(report, tests=tests, submission_sha256="", timings=Timings())
        )
        assert 0 < report.points < report.possible
    assert len(set(reports.values())) == 1


def test_a_batch_takes_notebooks(deepgrade, tiny, tmp_path, answer):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    for name, data in forms(answer.encode()).items():
        (folder / name).write_bytes(data)
    (folder / "Ada_31_assignsubmission_file_").mkdir()
    (folder / "Ada_31_assignsubmission_file_" / "my work.ipynb").write_bytes(of_module(answer))
    done = deepgrade("batch", "tiny", folder, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = (tmp_path / "out" / "final_grades.csv").read_text().splitlines()
    assert len(rows) == 2 + 6
    assert all(",6.0,1.0," in row for row in rows[2:]), rows


@pytest.mark.parametrize("name", [assignment.name for assignment in COURSE])
def test_the_kits_notebook_filled_in_holds_what_the_reference_holds(name):
    assignment = COURSE[name]
    reference = assignment.reference()[f"{assignment.manifest.module}.py"].decode()
    found = notebooks.extract(filled_in(kit_notebook.build(assignment), reference), "x.ipynb")
    written, missing = unwritten(found.source)
    assert (unwritten(reference)[0] - written, missing) == (set(), set())


def test_the_kits_notebook_filled_in_gets_full_marks():
    assignment = COURSE["softmax"]
    filled = filled_in(kit_notebook.build(assignment), assignment.reference()["softmax.py"].decode())
    report = grade(assignment, submission.read_upload(filled, assignment.manifest), secret=SECRET)
    assert (report.points, report.possible) == (100, 100)
