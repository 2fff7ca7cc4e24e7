"""otter-grader 7 itself, with our zip: its commands and formats, and nothing of a student's in its process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from containers import in_container
from narrowing import not_none
from notebook_files import of_module

pytest.importorskip("otter", reason="otter-grader is not installed: it is in the extra `otter` of staff/pyproject.toml")

from otter.grade.utils import merge_scores_to_df
from otter.run.run_autograder.autograder_config import AutograderConfig

from autograder.batch.find import Source
from autograder.batch.grades import final_grades
from autograder.batch.run import Outcome
from autograder.core.errors import BadCourse, Refused
from autograder.course import scaffold
from autograder.course.course import Assignment, Course
from autograder.course.mutants import mutants
from autograder.course.submission import Submission, sha256_of, zipped
from autograder.grade import grade
from autograder.otter import generate, packaging, submission
from autograder.otter.results import grading_results
from autograder.report import gradescope
from autograder.report.schema import Report

HERE = Path(__file__).parent.parent.parent
ATTACKS = sorted(path.stem for path in (HERE / "otter_attacks").glob("*.py"))
SCHEMA = json.loads((HERE / "gradescope.schema.json").read_text(encoding="utf-8"))
SECRET = b"the secret of a course, 32 bytes"
CANARY = "canary-of-the-hidden-tests"
GONE_SECONDS = 20.0  # for what an attack has left to do its work, or to be gone

# What an instructor writes for otter's own engine.
STOCK_TESTS = f'''\
OK_FORMAT = False

import numpy as np
from otter.test_files import test_case

name = "loss"
points = None


@test_case(name="right", points=4, hidden=True)
def right(mean_squared_error):
    """{CANARY}"""
    np.testing.assert_allclose(mean_squared_error(np.array([1.0, 2.0]), np.array([0.0, 4.0])), 2.5)
'''


def submission_of(files: dict[str, bytes]) -> Submission:
    return Submission(files, sha256_of(files))


@pytest.fixture(scope="module")
def assignment(tmp_path_factory) -> Assignment:
    """The smallest one, with a canary in its hidden tests."""
    root = tmp_path_factory.mktemp("course")
    (root / "assignments").mkdir()
    scaffold.create(Course(root), "tiny")
    with (root / "solutions" / "tiny" / "test_hidden.py").open("a") as file:
        file.write(f"\n# {CANARY}\n")
    return Course(root)["tiny"]


@pytest.fixture(scope="module")
def ours(assignment, tmp_path_factory) -> Path:
    """autograder.zip of `deepgrade otter`."""
    path = tmp_path_factory.mktemp("ours") / "autograder.zip"
    path.write_bytes(generate.build(assignment, SECRET))
    return path


@pytest.fixture(scope="module")
def stock(tmp_path_factory) -> Path:
    """autograder.zip of an instructor who lets otter grade."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "tests").mkdir()
    (folder / "tests" / "loss.py").write_text(STOCK_TESTS)
    command = [sys.executable, "-P", "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "autograder.zip"


@pytest.fixture(scope="module")
def reports(assignment) -> dict[str, Report]:
    """Of the reference, the stub and every wrong answer."""
    handed_in = {"reference": assignment.reference(), "stub": assignment.stub()}
    handed_in |= {mutant.name: mutant.files for mutant in mutants(assignment)}
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda files: grade(assignment, submission_of(files), secret=SECRET), handed_in.values())
        return dict(zip(handed_in, made, strict=True))


def otter_run(autograder: Path, submission: Path, output: Path) -> subprocess.CompletedProcess[str]:
    output.mkdir(exist_ok=True)
    command = [Path(sys.executable).with_name("otter"), "run", "-a", autograder, "-o", output, "--no-logo", submission]
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=240, check=False, cwd=output.parent
    )


# --- results -----------------------------------------------------------------------------------------------------


def test_our_final_grades_are_otter_s_own(assignment, reports):
    """Byte for byte what otter's `merge_scores_to_df` makes of otter's GradingResults, a refused one among them."""
    refused = Report("tiny", "", "refused", 'the zip holds no tiny.py, "said" twice; put it in')
    outcomes, results = [], []
    for name, told in {**reports, "refused": refused}.items():
        found = Source(f"{name}.zip", Path(name), name, name)
        outcomes.append(Outcome(found, told.state, told.message, told))
        results.append(grading_results(told))
        results[-1].file = found.name
    theirs = merge_scores_to_df(results).to_csv(index=False)
    assert final_grades(assignment, outcomes).decode() == theirs
    assert len(theirs.splitlines()) == len(outcomes) + 2


def test_points_hidden_flags_and_laws_are_ours(reports):
    told = reports["sum_for_mean"]
    made = grading_results(told)
    cases = {result.test_case.name: result for file in made.results.values() for result in file.test_case_results}
    assert list(made.results) == [problem.name for problem in told.problems]
    for test in told.tests:
        case = cases[test.name]
        assert case.passed == (test.verdict == "passed")
        assert case.test_case.points == test.possible
        assert case.test_case.hidden == (test.visibility == "hidden")
        assert case.test_case.failure_message == test.law
    assert made.total == told.points
    assert made.possible == told.possible
    assert told.sandbox in made.output


def test_what_students_may_not_see_is_in_no_message(reports):
    """Of a hidden test, otter gets the class of failure; the input that shows it stays in our own report."""
    told = reports["sum_for_mean"]
    shown = json.dumps(grading_results(told).to_gradescope_dict(AutograderConfig({"show_hidden": True})))
    hidden = [test for test in told.tests if test.visibility == "hidden" and test.verdict != "passed"]
    assert hidden
    for test in hidden:
        assert test.failure in shown
        assert test.detail.splitlines()[0] not in shown
        assert test.example.splitlines()[0] not in shown


@pytest.mark.parametrize("name", ["reference", "stub", "sum_for_mean"])
def test_gradescope_s_format_is_kept(reports, name):
    jsonschema.validate(gradescope.results(reports[name]), SCHEMA)
    jsonschema.validate(grading_results(reports[name]).to_gradescope_dict(AutograderConfig()), SCHEMA)


def test_the_schema_of_gradescope_s_format_is_strict():
    cases: list[dict] = [{}, {"tests": []}, {"score": "1"}, {"score": 1, "x": 1}, {"score": 1, "visibility": "no"}]
    for wrong in cases:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)


# --- the zip -----------------------------------------------------------------------------------------------------


def test_the_same_course_makes_the_same_zip(assignment, ours):
    assert generate.build(assignment, SECRET) == ours.read_bytes()


def test_nothing_of_the_solution_lies_where_students_files_do(assignment, ours):
    """otter copies tests/ and files/ into the folder of the submission."""
    archive = zipfile.ZipFile(ours)
    for name in archive.namelist():
        if name.startswith(("tests/", "files/")):
            text = archive.read(name).decode()
            assert CANARY not in text
            assert "np." not in text
    assert CANARY.encode() not in archive.read("otter_config.json")  # it is packed
    with packaging.unpacked(packaging.settings(json.loads(archive.read("otter_config.json")))) as (unpacked, secret):
        assert secret == SECRET
        assert unpacked.tests_sha256() == assignment.tests_sha256()
        assert CANARY in not_none(unpacked.hidden_tests).read_text()
        assert unpacked.folder.parent.parent.stat().st_mode & 0o077 == 0
    assert not unpacked.folder.exists()


def test_a_reference_without_full_marks_makes_no_zip(assignment, tmp_path):
    course = Course(Path(shutil.copytree(assignment.folder.parent.parent, tmp_path / "course")))
    shutil.copyfile(course["tiny"].folder / "tiny.py", not_none(course["tiny"].solution) / "tiny.py")
    with pytest.raises(BadCourse, match="the reference fails test_"):
        generate.build(course["tiny"], SECRET)


def test_a_zip_of_another_version_grades_nothing(ours):
    given = dict(packaging.settings(json.loads(zipfile.ZipFile(ours).read("otter_config.json"))))
    with (
        pytest.raises(BadCourse, match=r"made by deepgrade 0\.0\.9, and this is"),
        packaging.unpacked(given | {"deepgrade": "0.0.9"}),
    ):
        pass


def test_without_the_plugin_nobody_gets_a_point(ours, assignment, tmp_path):
    """Should somebody take it out of otter_config.json, otter runs the tests/ of the zip."""
    with zipfile.ZipFile(ours) as archive, zipfile.ZipFile(tmp_path / "bare.zip", "w") as bare:
        for name in archive.namelist():
            bare.writestr(name, "{}" if name == "otter_config.json" else archive.read(name))
    (tmp_path / "in.zip").write_bytes(zipped(assignment.reference()))
    otter_run(tmp_path / "bare.zip", tmp_path / "in.zip", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    scores = [test["score"] for test in told["tests"] if "score" in test]
    assert scores == [0] * len(assignment.manifest.problems)


def test_the_command_says_what_is_missing(deepgrade, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "otter.py").write_text("raise ModuleNotFoundError('no', name='otter')")
    done = deepgrade("otter", "tiny", PYTHONPATH=str(tmp_path / "first"))
    assert done.returncode == 2
    assert "deepgrade_staff-0.1.0-py3-none-any.whl[otter]" in done.stderr


# --- what was handed in ------------------------------------------------------------------------------------------


def otter_has_unpacked(folder: Path, data: bytes) -> Path:
    """As otter lays it out before it asks a plugin."""
    folder.mkdir()
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "loss.py").write_text("")
    (folder / "__init__.py").touch()
    (folder / submission.DRIVER).write_text("{}")
    return folder


def test_files_are_read_as_from_the_zip(assignment, tmp_path):
    wrapped = zipped({f"me/{name}": content for name, content in assignment.reference().items()})
    extra = zipped({**assignment.reference(), "notes.txt": b"x", "__MACOSX/._tiny.py": b"x"})
    for number, data in enumerate((zipped(assignment.reference()), wrapped, extra)):
        found = submission.read(otter_has_unpacked(tmp_path / str(number), data), assignment.manifest)
        assert found.files == assignment.reference()
    assert found.notes == ["not handed on to the grader: notes.txt"]


@pytest.mark.parametrize("files", [{"other.py": b"x"}, {"tiny.py": b"#" * 2_000_000}, {"tiny.py": b"\xff"}])
def test_what_the_web_page_refuses_is_refused(files, assignment, tmp_path):
    with pytest.raises(Refused):
        submission.read(otter_has_unpacked(tmp_path / "in", zipped(files)), assignment.manifest)


def test_the_folder_is_emptied_but_for_zips(assignment, tmp_path):
    folder = otter_has_unpacked(tmp_path / "in", zipped({**assignment.reference(), "otter/__init__.py": b"x"}))
    (folder / "ada.zip").write_bytes(b"PK")
    (folder / ".OTTER_LOG").write_bytes(b"x")
    (folder / "link").symlink_to("/etc/passwd")
    submission.clear(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["ada.zip", submission.DRIVER]


def test_one_zip_alone_is_opened(assignment, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ada.zip").write_bytes(zipped(assignment.reference()))
    assert submission.read(folder, assignment.manifest).files == assignment.reference()
    (folder / "tiny.py").write_text("# unpacked beside it, as `otter grade --ext zip` does")
    assert submission.read(folder, assignment.manifest, zips=True).files == assignment.reference()


# --- attacks -----------------------------------------------------------------------------------------------------

OTTER_OF_THEIRS = "open('{mark}', 'w').close()\n"


def attack(name: str, mark: Path) -> dict[str, bytes]:
    """The files of an attack, which leaves its mark where it succeeds."""
    import pickle

    source = (HERE / "otter_attacks" / f"{name}.py").read_text().replace("PATH_OF_THE_MARK", str(mark))
    files = {"tiny.py": source.encode()}
    if name == "brings_an_otter":
        files["otter/__init__.py"] = OTTER_OF_THEIRS.format(mark=mark).encode()
    if name == "brings_a_log":
        program = type("Program", (), {"__reduce__": lambda self: (os.system, (f"touch '{mark}'",))})
        files[".OTTER_LOG"] = pickle.dumps(program())
    return files


class Attacked:
    """What became of an attack: the results, and the mark."""

    def __init__(self, name: str, autograder: Path, folder: Path) -> None:
        folder.mkdir()
        self.mark = folder / "mark"
        (folder / "in.zip").write_bytes(zipped(attack(name, self.mark)))
        ran = otter_run(autograder, folder / "in.zip", folder / "out")
        self.said = ran.stdout + ran.stderr
        path = folder / "out" / "results.json"
        self.results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"tests": []}

    @property
    def score(self) -> float:
        return sum(test.get("score", 0) for test in self.results["tests"])

    @property
    def succeeded(self) -> bool:
        return self.mark.exists() or self.score >= 4


BY_RUN = [name for name in ATTACKS if name != "leaves_a_child"]


@pytest.fixture(scope="module")
def attacked(ours, stock, tmp_path_factory) -> dict[tuple[str, str], Attacked]:
    """Every attack on both zips."""
    root = tmp_path_factory.mktemp("attacks")
    zips = {"stock": stock, "ours": ours}
    pairs = [(name, whose) for name in BY_RUN for whose in zips]
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda pair: Attacked(pair[0], zips[pair[1]], root / "-".join(pair)), pairs)
        return dict(zip(pairs, made, strict=True))


@pytest.mark.parametrize("name", BY_RUN)
def test_an_attack_works_on_otter_s_own_engine(name, attacked):
    found = attacked[name, "stock"]
    assert found.succeeded, found.said
    if name == "reads_the_hidden_tests":
        assert CANARY in found.mark.read_text()


@pytest.mark.parametrize("name", BY_RUN)
@pytest.mark.threat(10, 13, 16)
def test_the_same_attack_fails_here(name, attacked, assignment):
    found = attacked[name, "ours"]
    assert not found.mark.exists()
    assert CANARY not in found.said + json.dumps(found.results)
    graded = grade(assignment, submission_of({"tiny.py": attack(name, found.mark)["tiny.py"]}), secret=SECRET)
    assert found.score == graded.points < 4
    jsonschema.validate(found.results, SCHEMA)


# --- containers --------------------------------------------------------------------------------------------------

MAMBA = """#!/bin/sh
[ "$1" = shell ] && echo 'mamba() { :; }'
"""


@pytest.fixture
def autograder(ours, tmp_path) -> Callable[[dict[str, bytes]], Path]:
    """The folder that Gradescope makes: /autograder, with the zip unpacked and a submission."""

    def make(files: dict[str, bytes]) -> Path:
        folder = tmp_path / "autograder"
        for name in ("source", "submission", "results"):
            (folder / name).mkdir(parents=True)
        zipfile.ZipFile(ours).extractall(folder / "source")
        shutil.copy(folder / "source" / "run_autograder", folder)
        (folder / "run_autograder").chmod(0o755)
        (folder / "submission_metadata.json").touch()
        for name, content in files.items():
            path = folder / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return make


def layout(folder: Path) -> list[str]:
    """Steps that put the folder at /autograder of a new root, and a mamba that activates nothing where otter's is."""
    bin = folder.parent / "bin"
    bin.mkdir()
    (bin / "mamba").write_text(MAMBA)
    (bin / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for path in bin.iterdir():
        path.chmod(0o755)
    return [
        "root=$(mktemp -d)",
        "mount -t tmpfs -o mode=755 tmpfs $root",
        "for place in /*; do",
        '  if [ -L "$place" ]; then cp -P "$place" "$root$place"',
        '  elif [ -d "$place" ]; then mkdir -p "$root$place"; mount --rbind "$place" "$root$place"; fi',
        "done",
        "mkdir -p $root/autograder $root/root/miniforge3/bin",
        f"mount --bind '{folder}' $root/autograder",
        f"mount --bind '{bin}' $root/root/miniforge3/bin",
    ]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay out /autograder in a mount namespace")


def run_autograder(
    folder: Path, *, namespaces: bool, without: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """As Gradescope does, in a mount namespace where nothing else lies at /autograder."""
    where = {"steps": layout(folder), "root": "$root", "namespaces": namespaces, "without": without}
    return in_container(["/autograder/run_autograder"], [folder.parent], **where)  # type: ignore[arg-type]


@needs_root
@pytest.mark.parametrize("namespaces", [True, False], ids=["with namespaces", "without"])
def test_gradescope_s_harness_gets_results(namespaces, autograder, assignment, reports):
    folder = autograder(mutants(assignment)[0].files)
    ran = run_autograder(folder, namespaces=namespaces)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads((folder / "results" / "results.json").read_text())
    jsonschema.validate(told, SCHEMA)
    expected = reports["sum_for_mean"]
    scores = {test["name"]: (test["score"], test["max_score"]) for test in told["tests"] if "score" in test}
    assert scores == {problem.name: (problem.points, problem.possible) for problem in expected.problems}
    assert ("no namespaces in this container: a dropped uid" in told["output"]) == (not namespaces)
    assert sorted(path.name for path in (folder / "results").iterdir()) == ["results.json", "results.pkl"]
    for name in ("source", "submission", "results"):
        assert (folder / name).stat().st_mode & 0o077 == 0


def results_of(folder: Path) -> dict[str, Any]:
    told = json.loads((folder / "results" / "results.json").read_text())
    jsonschema.validate(told, SCHEMA)
    return told


SNOOP = """
import os
import re
from glob import glob
found = []
for place in ("/autograder", "/dev/shm", *glob("/tmp/deepgrade-*"), *glob("/proc/[0-9]*")):
    for folder, folders, names in os.walk(place):
        if place.startswith("/proc"):
            folders[:], names = [], ["environ", "cmdline"]
        folders[:] = [name for name in folders if not os.path.islink(os.path.join(folder, name))]
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    text = file.read(200_000)
            except OSError:
                continue
            if b"DRAWKCAB"[::-1] in text or "otter_config" in path:
                found.append(path)
written = []
for place in ("/autograder/results", "/autograder", "/tmp", "/dev/shm", "/var/tmp", "."):
    try:
        open(os.path.join(place, "left-behind"), "w").close()
        written.append(place)
    except OSError:
        pass
raise ValueError(f"found {found} and wrote {written} as {os.getuid()}")
"""


@needs_root
@pytest.mark.threat(16)
def test_a_dropped_uid_finds_no_test_and_writes_nowhere(autograder):
    """What the wall of mounts would hide, modes must: the student's own words tell what it could read and write."""
    # Spelled backwards, so that it does not find itself.
    folder = autograder({"tiny.py": SNOOP.replace("DRAWKCAB", CANARY[::-1]).encode()})
    (folder / "decoy").write_text(CANARY)  # the one thing that it may find, so that we know that it looks
    ran = run_autograder(folder, namespaces=False)
    assert ran.returncode == 0, ran.stdout
    told = results_of(folder)
    said = re.search(r"found \['/autograder/decoy'\] and wrote \[\] as (\d+)", told["output"])
    assert said, told["output"]
    assert int(said[1]) >= 1_900_000_000


@needs_root
@pytest.mark.parametrize("namespaces", [True, False], ids=["with namespaces", "without"])
@pytest.mark.threat(22)
def test_a_child_that_is_left_cannot_rewrite_the_results(namespaces, autograder):
    folder = autograder(attack("leaves_a_child", Path("/nowhere")))
    assert run_autograder(folder, namespaces=namespaces).returncode == 0
    before = (folder / "results" / "results.json").read_bytes()
    time.sleep(2.0)  # three times as long as the child takes where it can
    assert (folder / "results" / "results.json").read_bytes() == before
    assert results_of(folder).get("score", 0) < 1000


def test_a_child_that_is_left_rewrites_the_results_of_otter_s_own_engine(stock, tmp_path):
    folder = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (folder / name).mkdir(parents=True)
    zipfile.ZipFile(stock).extractall(folder / "source")
    (folder / "submission" / "tiny.py").write_bytes(attack("leaves_a_child", Path("/nowhere"))["tiny.py"])
    script = tmp_path / "grade.py"
    script.write_text(
        "import sys\nfrom otter.run.run_autograder import main\nmain(sys.argv[1], otter_run=True, logo=False)\n"
    )
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True, timeout=240)
    until = time.monotonic() + GONE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(ValueError):
            if json.loads((folder / "results" / "results.json").read_text()).get("score") == 1_000_000:
                return
        time.sleep(0.1)
    pytest.fail("the child did nothing")


@needs_root
def test_what_is_refused_scores_nothing_and_says_why(autograder):
    folder = autograder({"other.py": b"x", "results.pkl": b"x"})
    assert run_autograder(folder, namespaces=True).returncode == 0
    told = results_of(folder)
    assert told["score"] == 0
    assert told["output"].startswith("Not graded: the zip holds no tiny.py")


@needs_root
@pytest.mark.threat(45)
def test_where_neither_way_works_there_is_no_result_and_no_zero(autograder, assignment):
    folder = autograder(assignment.reference())
    (folder / "results" / "results.json").write_text('{"score": 1000000}')
    ran = run_autograder(folder, namespaces=False, without=("setuid",))
    assert ran.returncode == 1
    assert "deepgrade: not graded because the grader failed; this is not a zero: " in ran.stdout
    assert list((folder / "results").iterdir()) == []


# --- otter's own code ----------------------------------------------------------------------------------------------


def test_a_search_path_with_the_student_s_folder_grades_nobody(ours, assignment, tmp_path):
    """`python -c` and notebooks have "" on it; whoever uses the API there learns it from the first submission."""
    (tmp_path / "in.zip").write_bytes(zipped(assignment.reference()))
    code = (
        "import sys; from otter.api import grade_submission\n"
        "told = grade_submission(sys.argv[1], sys.argv[2], quiet=True)\n"
        "print(told.total, told.has_catastrophic_failure(), told.summary())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "in.zip"), str(ours)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=True).stdout
    assert (
        "0 True Not graded because the grader failed; this is not a zero: the working folder is on Python's search path"
        in said
    )


# --- notebooks ---------------------------------------------------------------------------------------------------


def notebook_of(assignment: Assignment) -> bytes:
    """The reference as a student's notebook, with what is not handed in."""
    return of_module(assignment.reference()["tiny.py"].decode(), "%matplotlib inline", "# experiment\nplt.plot(1)")


@needs_root
@pytest.mark.parametrize("form", ["alone", "in a zip", "beside the stub"])
def test_a_container_grades_a_notebook(form, autograder, assignment, reports):
    cells = notebook_of(assignment)
    files = {
        "alone": {"my work.ipynb": cells},
        "in a zip": {"work.zip": zipped({"hw/tiny.ipynb": cells})},
        "beside the stub": {"tiny.ipynb": cells, "tiny.py": assignment.stub()["tiny.py"]},
    }[form]
    folder = autograder(files)
    ran = run_autograder(folder, namespaces=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    scores = {test["name"]: test["score"] for test in results_of(folder)["tests"] if "score" in test}
    assert scores == {problem.name: problem.points for problem in reports["reference"].problems}


def test_otter_run_grades_a_notebook_in_a_folder_of_a_zip(ours, assignment, reports, tmp_path):
    (tmp_path / "work.zip").write_bytes(zipped({"hw/tiny.ipynb": notebook_of(assignment)}))
    ran = otter_run(ours, tmp_path / "work.zip", tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    scores = {test["name"]: test["score"] for test in told["tests"] if "score" in test}
    assert scores == {problem.name: problem.points for problem in reports["reference"].problems}


@pytest.mark.parametrize("form", ["alone", "at the top of a zip"])
def test_otter_run_refuses_a_notebook_before_our_plugin_is_asked(form, ours, assignment, tmp_path):
    """docs/instructors.md names this, and the way out."""
    cells = notebook_of(assignment)
    path = tmp_path / ("tiny.ipynb" if form == "alone" else "work.zip")
    path.write_bytes(cells if form == "alone" else zipped({"tiny.ipynb": cells}))
    ran = otter_run(ours, path, tmp_path / "out")
    assert ran.returncode != 0
    assert "More than one .ipynb file found in submission" in ran.stderr
    assert not (tmp_path / "out" / "results.json").exists()
