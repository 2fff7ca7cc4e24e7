"""`deepgrade batch`: whole folders, as instructors have them, with whatever students put into them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from autograder.batch import find
from autograder.batch.changes import changes, to_csv
from autograder.batch.find import Source
from autograder.batch.grades import final_grades, inert
from autograder.batch.page import page
from autograder.batch.run import Outcome
from autograder.core.errors import DeepgradeError
from autograder.course.course import Course
from autograder.course.mutants import mutants
from autograder.course.submission import zipped
from autograder.report import gradescope, schema
from autograder.report.schema import Report, Timings

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent


def hand_in(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A zip of that name, or a folder where the name ends with a slash."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        path.mkdir(parents=True)
        for file, content in files.items():
            (path / file).write_bytes(content)
    else:
        path.write_bytes(zipped(files))
    return path


@pytest.fixture
def inbox(tmp_path: Path, tiny) -> Path:
    """Two right answers, a stub, and a wrong one."""
    folder = tmp_path / "inbox"
    hand_in(folder, "ada.zip", tiny.reference())
    hand_in(folder, "bob/", tiny.reference())
    hand_in(folder, "cleo.zip", tiny.stub())
    hand_in(folder, "dan.zip", mutants(tiny)[0].files)
    return folder


def rows(output: Path, name: str = "final_grades.csv") -> dict[str, dict[str, str]]:
    text = (output / name).read_text(encoding="utf-8")
    return {row["file"]: row for row in csv.DictReader(io.StringIO(text))}


def contents(output: Path, *, times: bool = True) -> dict[str, bytes]:
    """Every file of an output folder; without the times that are in reports, if so wished."""
    found = {}
    for path in sorted(output.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if not times and path.parent.name == "reports":
                data = schema.to_json(msgspec.structs.replace(schema.from_json(data), timings=Timings()))
            found[path.relative_to(output).as_posix()] = data
    return found


# --- who handed in what ---------------------------------------------------------------------------------------------

LAYOUTS = {
    "plain": (["ada.zip", "bob/"], {"ada.zip": "ada", "bob": "bob"}),
    "gradescope": (["submission_11/", "submission_12/"], {"submission_11": "Ada Byron, Bob", "submission_12": "Cleo"}),
    "moodle in folders": (
        ["Ada Byron_31_assignsubmission_file_/ada.zip", "Bob_32_assignsubmission_file/x.zip"],
        {"Ada Byron_31_assignsubmission_file_": "Ada Byron", "Bob_32_assignsubmission_file": "Bob"},
    ),
    "moodle flat": (
        ["Ada Byron_31_assignsubmission_file_ada.zip"],
        {"Ada Byron_31_assignsubmission_file_ada.zip": "Ada Byron"},
    ),
    "canvas": (
        ["byronada_4_77_tiny.zip", "bob_LATE_5_78_tiny-1.zip"],
        {"byronada_4_77_tiny.zip": "byronada", "bob_LATE_5_78_tiny-1.zip": "bob"},
    ),
    "one file alone": (["byronada_4_77_my tiny-2.py"], {"byronada_4_77_my tiny-2.py": "byronada"}),
}
METADATA = """\
submission_11:
  :submitters:
  - :name: Ada Byron
    :sid: '1'
  - :name: Bob
submission_12:
  :submitters:
  - :name: Cleo
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_understood(layout, tiny, tmp_path):
    names, students = LAYOUTS[layout]
    for name in names:
        if name.endswith(".py"):
            hand_in(tmp_path / "in", "x/", {}).rmdir()
            (tmp_path / "in" / name).write_bytes(tiny.reference()["tiny.py"])
        else:
            hand_in(tmp_path / "in", name, tiny.reference())
    pytest.importorskip("yaml")
    (tmp_path / "in" / "submission_metadata.yml").write_text(METADATA)
    listing = find.find(tmp_path / "in", tiny.manifest)
    assert {one.name: one.student for one in listing.submissions} == students
    assert len({one.key for one in listing.submissions}) == len({one.id for one in listing.submissions}) == len(names)
    assert [find.read(one, tiny.manifest).files for one in listing.submissions] == [tiny.reference()] * len(names)
    assert listing.passed_over == []


def test_a_folder_around_the_files_is_no_matter(tiny, tmp_path):
    hand_in(tmp_path / "in" / "ada" / "inner", "deep/", tiny.reference())
    (listing,) = find.find(tmp_path / "in", tiny.manifest).submissions
    assert find.read(listing, tiny.manifest).files == tiny.reference()


def test_links_are_not_followed_and_other_files_passed_over(tiny, tmp_path):
    hand_in(tmp_path / "in", "ada.zip", tiny.reference())
    hand_in(tmp_path, "secret/", tiny.reference())
    (tmp_path / "in" / "eve").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "eva.zip").symlink_to(tmp_path / "in" / "ada.zip")
    (tmp_path / "in" / "notes.txt").write_text("x")
    (tmp_path / "in" / ".DS_Store").write_text("x")
    os.mkfifo(tmp_path / "in" / "pipe.zip")
    listing = find.find(tmp_path / "in", tiny.manifest)
    assert [one.name for one in listing.submissions] == ["ada.zip"]
    assert listing.passed_over == ["eva.zip", "eve", "notes.txt", "pipe.zip"]


def test_a_link_inside_a_submission_is_refused(tiny, tmp_path):
    hand_in(tmp_path / "in", "eve/", {})
    (tmp_path / "in" / "eve" / "tiny.py").symlink_to("/etc/passwd")
    (one,) = find.find(tmp_path / "in", tiny.manifest).submissions
    with pytest.raises(DeepgradeError, match=r"^eve/tiny\.py is not a plain file"):
        find.read(one, tiny.manifest)


@pytest.mark.parametrize("made", ["nothing", "a file", "empty", "one submission"])
def test_what_is_no_folder_of_submissions_says_what_to_do(made, tiny, tmp_path):
    path = tmp_path / "in"
    if made == "a file":
        path.write_bytes(b"PK")
    elif made != "nothing":
        hand_in(tmp_path, "in/", tiny.reference() if made == "one submission" else {})
    with pytest.raises(DeepgradeError, match=f"^{path}: "):
        find.find(path, tiny.manifest)


def test_ids_are_harmless_and_differ():
    names = ["ada.zip", "ada.py", "a/b", "..", "=cmd|x.zip", "a b.zip", "a_b.zip", "ä.zip", "x" * 300, "CON.zip", "-rf"]
    ids = [Source(name, Path(name), name, name).id for name in names]
    assert len(set(ids)) == len(names)
    for id in ids:
        assert all(character.isascii() and (character.isalnum() or character in "._-") for character in id)
        assert len(id) < 120
        assert id.strip(".-")[0] == id[0]


# --- grading --------------------------------------------------------------------------------------------------------


@pytest.mark.threat(44)
def test_a_folder_is_graded_and_what_is_wrong_is_listed(deepgrade, tiny, inbox, tmp_path):
    (inbox / "eve.zip").write_bytes(zipped(tiny.reference())[:-40])
    hand_in(inbox, "fay.zip", {"other.py": b"x"})
    hand_in(inbox, "gus.zip", {"tiny.py": b"import os\nos._exit(0)\n"})
    hand_in(inbox, "hal.zip", tiny.reference())
    hand_in(inbox, "Hal/", tiny.stub())
    hand_in(inbox, "ida.zip", tiny.reference())
    hand_in(inbox, "ida/", tiny.reference())
    (inbox / "notes.txt").write_text("x")
    output = tmp_path / "out"
    done = deepgrade("batch", "tiny", inbox, "-o", output, "--jobs", 2)
    assert done.returncode == 0, done.stderr
    grades = rows(output)
    names = "Hal ada.zip bob cleo.zip dan.zip eve.zip fay.zip gus.zip hal.zip ida ida.zip".split()
    assert list(grades) == ["points-per-question", *names]
    assert grades["points-per-question"]["grading_status"] == "--"
    full = grades["points-per-question"]["total_points_earned"]
    assert [grades[name]["total_points_earned"] for name in ("ada.zip", "bob", "ida")] == [full] * 3
    assert grades["cleo.zip"]["total_points_earned"] == grades["gus.zip"]["total_points_earned"] == "0.0"
    assert 0 < float(grades["dan.zip"]["percent_correct"]) < 1
    assert grades["eve.zip"]["grading_status"].startswith("Refused: the zip is damaged")
    assert grades["fay.zip"]["grading_status"].startswith("Refused: the zip holds no tiny.py")
    for name, other in (("Hal", "hal.zip"), ("hal.zip", "Hal")):
        assert grades[name]["total_points_earned"] == ""
        assert grades[name]["grading_status"].startswith(f"Not graded: one student's, as is {other}")
    assert grades["ida.zip"]["grading_status"] == "Not graded: holds the same files as ida, which counts"
    assert "11 submissions, 6 graded" in done.stdout
    told = json.loads(deepgrade("batch", "tiny", inbox, "-o", output, "--json").stdout)
    assert told["passed_over"] == ["notes.txt"]
    assert {one["file"]: one["state"] for one in told["submissions"]}["gus.zip"] == "graded"
    for id in ("ada", "bob", "gus", "eve"):
        full_report = schema.from_json((output / "reports" / f"{id}.json").read_bytes())
        short = json.loads((output / "results" / f"{id}.json").read_text())
        assert short["score"] == full_report.points
    assert not (output / "reports" / "hal.json").exists()
    for row in grades.values():
        if row["total_points_earned"]:
            problems = [problem.name for problem in tiny.manifest.problems]
            assert sum(float(row[name]) for name in problems) == float(row["total_points_earned"])


@pytest.mark.threat(44)
def test_a_second_run_changes_nothing_and_grades_nothing(deepgrade, inbox, tmp_path):
    output = tmp_path / "out"
    deepgrade("batch", "tiny", inbox, "-o", output)
    before = contents(output)
    written = {path: path.stat().st_mtime_ns for path in output.rglob("*.json")}
    assert deepgrade("batch", "tiny", inbox, "-o", output).returncode == 0
    assert contents(output) == before
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.json")} == written


@pytest.mark.threat(42)
def test_another_machine_s_run_differs_in_times_alone(deepgrade, inbox, tmp_path):
    for name in ("one", "two"):
        assert deepgrade("batch", "tiny", inbox, "-o", tmp_path / name).returncode == 0
    assert contents(tmp_path / "one", times=False) == contents(tmp_path / "two", times=False)


def test_the_output_may_lie_in_the_folder_of_submissions(tiny, inbox):
    (inbox / "out").mkdir()
    listing = find.find(inbox, tiny.manifest, without=inbox / "out")
    assert [one.name for one in listing.submissions] == ["ada.zip", "bob", "cleo.zip", "dan.zip"]


def test_only_what_changed_is_graded_again(deepgrade, tiny, inbox, tmp_path):
    output = tmp_path / "out"
    deepgrade("batch", "tiny", inbox, "-o", output)
    before = {path.name: path.stat().st_mtime_ns for path in (output / "reports").iterdir()}
    hand_in(inbox, "cleo.zip", tiny.reference())
    deepgrade("batch", "tiny", inbox, "-o", output)
    after = {path.name: path.stat().st_mtime_ns for path in (output / "reports").iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"cleo.json"}
    assert rows(output)["cleo.zip"]["percent_correct"] == "1.0"


@pytest.mark.threat(44)
def test_an_interrupted_run_goes_on_where_it_stopped(course_folder, tiny, inbox, tmp_path, deepgrade):
    slow = tiny.reference()["tiny.py"] + b"\nimport time\ntime.sleep(0.05)\n"
    for name in ("bob", "cleo.zip", "dan.zip"):
        shutil.rmtree(inbox / name) if name == "bob" else (inbox / name).unlink()
    for number in range(4):
        hand_in(inbox, f"slow{number}.zip", {"tiny.py": slow + f"# {number}\n".encode()})
    output = tmp_path / "out"
    environment = {**os.environ, "DEEPGRADE_COURSE": str(course_folder), "DEEPGRADE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "autograder.cli", "batch", "tiny", str(inbox), "-o", str(output), "--jobs", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as run:  # type: ignore[call-overload]
        while len(list((output / "reports").glob("*.json"))) < 2 and run.poll() is None:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert said == "deepgrade: stopped; finished gradings are kept, and the same command continues\n"
    kept = {path.name: path.stat().st_mtime_ns for path in (output / "reports").glob("*.json")}
    assert 2 <= len(kept) < 5
    assert not (output / "final_grades.csv").exists()
    assert deepgrade("batch", "tiny", inbox, "-o", output).returncode == 0
    assert len(rows(output)) == 6
    assert {name: (output / "reports" / name).stat().st_mtime_ns for name in kept} == kept
    assert deepgrade("batch", "tiny", inbox, "-o", tmp_path / "whole").returncode == 0
    assert contents(output, times=False) == contents(tmp_path / "whole", times=False)


# --- grading again --------------------------------------------------------------------------------------------------


def test_other_tests_are_not_mixed_in_without_being_asked(deepgrade, tiny, inbox, tmp_path):
    output = tmp_path / "out"
    deepgrade("batch", "tiny", inbox, "-o", output)
    before = contents(output)
    (tiny.solution / "test_hidden.py").open("a").write("\n# changed\n")
    refused = deepgrade("batch", "tiny", inbox, "-o", output)
    assert refused.returncode == 2
    assert "holds scores made with other tests; `--regrade` keeps them" in refused.stderr
    other = deepgrade("batch", "tiny", inbox, "-o", output, DEEPGRADE_SECRET="another secret, long enough")
    assert other.returncode == 2
    assert "the course's secret is another" in other.stderr
    assert contents(output) == before


def test_a_regrade_keeps_the_old_scores_and_shows_the_difference(deepgrade, tiny, inbox, tmp_path):
    output = tmp_path / "out"
    deepgrade("batch", "tiny", inbox, "-o", output)
    old = contents(output)
    public = tiny.public_tests
    public.write_text(public.read_text().replace("@points(2", "@points(1", 1).replace("@points(1", "@points(3", 1))
    hidden = tiny.solution / "test_hidden.py"
    hidden.write_text(hidden.read_text().replace("def test_", "def test_anew_", 1))
    done = deepgrade("batch", "tiny", inbox, "-o", output, "--regrade")
    assert done.returncode == 0, done.stderr
    changed = rows(output, "changes.csv")
    assert set(changed) == {"ada.zip", "bob", "cleo.zip", "dan.zip"}
    for name, row in changed.items():
        after, before = rows(output)[name], rows(output / "before" / "1")[name]
        assert (float(row["before"]), float(row["after"])) == (
            float(before["total_points_earned"]),
            float(after["total_points_earned"]),
        )
        assert float(row["change"]) == float(row["after"]) - float(row["before"])
        assert "absent, now" in row["tests"]
    for name in ("final_grades.csv", "reports/ada.json", "reports/cleo.json"):
        assert contents(output)[f"before/1/{name}"] == old[name]
    assert "Changed" in done.stdout
    assert "What changed" in (output / "index.html").read_text()
    again = contents(output)
    assert deepgrade("batch", "tiny", inbox, "-o", output).returncode == 0
    assert contents(output) == again


def test_a_regrade_that_changes_nothing_says_so(deepgrade, inbox, tmp_path):
    output = tmp_path / "out"
    deepgrade("batch", "tiny", inbox, "-o", output)
    done = deepgrade("batch", "tiny", inbox, "-o", output, "--regrade")
    assert "nothing changed" in done.stdout
    assert rows(output, "changes.csv") == {}


def test_a_regrade_that_was_cut_off_is_finished_and_not_begun_again(deepgrade, inbox, tmp_path):
    output = tmp_path / "out"
    deepgrade("batch", "tiny", inbox, "-o", output)
    deepgrade("batch", "tiny", inbox, "-o", output, "--regrade")
    state = json.loads((output / "batch.json").read_text())
    (output / "batch.json").write_text(json.dumps(state | {"unfinished": True}))
    (output / "reports" / "ada.json").unlink()
    assert deepgrade("batch", "tiny", inbox, "-o", output, "--regrade").returncode == 0
    assert [path.name for path in (output / "before").iterdir()] == ["1"]
    assert json.loads((output / "batch.json").read_text()) == state


def test_a_folder_of_another_assignment_is_left_alone(deepgrade, inbox, tmp_path, course_folder):
    deepgrade("batch", "tiny", inbox, "-o", tmp_path / "out")
    deepgrade("new", "small")
    hand_in(tmp_path / "other", "ada.zip", {"small.py": b""})
    done = deepgrade("batch", "small", tmp_path / "other", "-o", tmp_path / "out", "--regrade")
    assert done.returncode == 2
    assert "holds scores of tiny, not of small" in done.stderr


# --- our faults -----------------------------------------------------------------------------------------------------


@pytest.mark.threat(58)
def test_there_is_never_a_share_of_more_than_everything(deepgrade, inbox, tmp_path):
    """A report that lacks tests, as one made by another hand would, is no basis for shares of the others."""
    output = tmp_path / "out"
    assert deepgrade("batch", "tiny", inbox, "-o", output).returncode == 0
    before = (output / "final_grades.csv").read_bytes()
    path = sorted((output / "reports").glob("ada*.json"))[0]
    told = schema.from_json(path.read_bytes())
    few = [msgspec.structs.replace(problem, possible=0.5, points=0.5) for problem in told.problems]
    path.write_bytes(schema.to_json(msgspec.structs.replace(told, problems=few, points=1.0, possible=1.0)))
    done = deepgrade("batch", "tiny", inbox, "-o", output)
    assert done.returncode == 3
    assert "was graded by other tests than" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (output / "final_grades.csv").read_bytes() == before


def test_our_fault_is_no_zero(deepgrade, tiny, inbox, tmp_path):
    hidden = tiny.solution / "test_hidden.py"
    right = hidden.read_text()
    hidden.write_text("raise RuntimeError('ours')\n")
    done = deepgrade("batch", "tiny", inbox, "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "the grader failed for some submissions" in done.stderr
    row = rows(tmp_path / "out")["ada.zip"]
    assert row["total_points_earned"] == row["percent_correct"] == ""
    assert row["grading_status"].startswith("Not graded: the grader failed in 3 tries")
    assert list((tmp_path / "out" / "results").iterdir()) == []
    hidden.write_text(right)
    assert deepgrade("batch", "tiny", inbox, "-o", tmp_path / "out", "--regrade").returncode == 0
    assert rows(tmp_path / "out")["ada.zip"]["percent_correct"] == "1.0"


def test_without_jinja_nothing_is_graded_and_the_way_out_is_said(deepgrade, inbox, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "jinja2.py").write_text("raise ModuleNotFoundError('no', name='jinja2')")
    done = deepgrade("batch", "tiny", inbox, "-o", tmp_path / "out", PYTHONPATH=str(tmp_path / "first"))
    assert done.returncode == 2
    assert "pip install jinja2" in done.stderr
    assert not (tmp_path / "out").exists()


# --- what is written ------------------------------------------------------------------------------------------------

NASTY = ["=1+1", "+x", "-x", "@x", "\t=x", "\r=x", "＝x", "|x", "%x"]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.threat(7, 46)
def test_no_cell_is_a_formula(text):
    assert inert(text).startswith("'")
    assert inert(text).isprintable()


def outcome(name: str, told: Report | None, **more) -> Outcome:
    state = "graded" if told is not None else "refused"
    return Outcome(Source(name, Path(name), name, name), state, report=told, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Report:
    """A report full of what a hostile student can put into one."""
    from autograder.course import scaffold
    from autograder.course.submission import Submission, sha256_of
    from autograder.grade import grade

    root = tmp_path_factory.mktemp("course")
    (root / "assignments").mkdir()
    course = Course(root)
    scaffold.create(course, "tiny")
    text = "raise ValueError('<script>alert(1)</script> \\u202e \\x1b[31m')"
    files = {"tiny.py": text.encode()}
    return grade(course["tiny"], Submission(files, sha256_of(files)), secret=b"x" * 32)


@pytest.mark.threat(7)
def test_a_name_and_a_message_stay_text_in_every_file(told, tiny):
    name = "=cmd|' /C calc'!A0 <script>alert(1)</script> \u202e.zip"
    all_of_them = [outcome(name, told), outcome(f"{name}2", None, message="<script>no</script>")]
    text = page(tiny, all_of_them, passed_over=["<script>x"]).decode()
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    cells = list(csv.reader(io.StringIO(final_grades(tiny, all_of_them).decode())))
    assert not [cell for row in cells for cell in row if cell.startswith(("=", "+", "-cmd", "@"))]
    cells = list(csv.reader(io.StringIO(to_csv(changes(all_of_them, {})).decode())))
    assert cells[1][0].startswith("'=cmd")


def test_the_page_loads_and_runs_nothing(told, tiny):
    text = page(tiny, [outcome("ada.zip", told)]).decode()
    assert "default-src 'none'" in text
    for word in ("<script", "<link", "<img", "src=", "onclick", "javascript:", "http:", "https:", "@import", "url("):
        assert word not in text


def test_the_page_is_whole_for_a_browser(told, tiny, tmp_path):
    """In a real Chromium, light and dark, on a phone and a desktop: no complaint, no request, nothing sticks out."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: `apt-get install chromium`")
    several = [outcome(f"student{number}.zip", told) for number in range(5)]
    several.append(outcome("<b>eve</b>.zip", None, message="no"))
    path = tmp_path / "index.html"
    path.write_bytes(page(tiny, several, changed=changes(several, {}), passed_over=["notes.txt"]))
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            for width in (390, 1280):
                opened = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
                complaints: list[str] = []
                opened.on("console", lambda message, heard=complaints: heard.append(message.text))
                opened.on("request", lambda request, heard=complaints: heard.append(request.url))
                opened.goto(path.as_uri())
                assert complaints == [path.as_uri()]
                assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                assert opened.get_by_role("heading", name="Distribution of points").is_visible()
                assert opened.get_by_role("link", name="staff's").count() == 5
                ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
                assert (ground == "rgb(20, 21, 27)") == (scheme == "dark")
        browser.close()


def test_students_words_hold_no_more_than_the_service_shows(told):
    text = gradescope.to_json(told).decode()
    for test in told.tests:
        if test.visibility == "hidden":
            assert test.law in text
    assert "Traceback" not in text


def test_full_marks_stand_in_the_last_column(told, tiny):
    full = msgspec.structs.replace(told, points=told.possible)
    text = page(tiny, [outcome("ada.zip", full)]).decode()
    last = text.split("<li>")[10]
    assert "<b>1</b>" in last


def test_without_a_sandbox_nothing_is_graded_and_nothing_written(deepgrade, inbox, tmp_path):
    """One sentence, and not one for each submission."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text("#!/bin/sh\necho 'bwrap: no namespaces here' >&2\nexit 1\n")
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    done = deepgrade("batch", "tiny", inbox, "-o", tmp_path / "out", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 2
    assert done.stderr.count("no sandbox could be started: bwrap: no namespaces here") == 1
    assert not (tmp_path / "out" / "final_grades.csv").exists()
