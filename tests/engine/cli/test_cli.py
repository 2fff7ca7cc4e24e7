"""The command line: what it prints, where, and how it exits."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile

import pytest

from autograder.course import submission
from autograder.verify import answers, kill_matrix


def solve(tiny) -> None:
    """Put the reference where the stub is, as a student who has finished."""
    for name, content in tiny.reference().items():
        (tiny.folder / name).write_bytes(content)


def first(folder) -> str:
    """A search path on which the modules of that folder come before all others."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def one_sentence(text: str) -> bool:
    return text.startswith("deepgrade: ") and text.count("\n") == 1 and "Traceback" not in text


def test_help_groups_commands_by_who_needs_them(deepgrade):
    text = deepgrade("--help").stdout
    places = [text.index(word) for word in (" Students ", " check ", " pack ", " Staff ", " list ", " grade ")]
    assert places == sorted(places)
    places = [text.index(word) for word in (" doctor ", " Authors ", " verify ", " new ", " Service ", " serve ")]
    assert places == sorted(places)


def test_help_needs_neither_numpy_nor_pytest(deepgrade, tmp_path):
    """So that it answers at once; and the students' commands load nothing of the sandbox."""
    for name in ("numpy", "pytest", "hypothesis", "matplotlib", "pyseccomp", "flask"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not now')")
    result = deepgrade("--help", PYTHONPATH=first(tmp_path))
    assert result.returncode == 0, result.stderr


def test_list_shows_every_assignment(deepgrade):
    result = deepgrade("list")
    assert result.returncode == 0
    assert "tiny" in result.stdout
    assert "Squared error" in result.stdout
    assert json.loads(deepgrade("list", "--json").stdout) == [
        {
            "name": "tiny",
            "title": "Squared error",
            "order": 100,
            "points": 6.0,
            "files": ["tiny.py"],
            "device": "cpu",
            "solution": True,
        }
    ]


def test_course_is_chosen_by_option_before_environment(deepgrade, tmp_path):
    (tmp_path / "other" / "assignments").mkdir(parents=True)
    assert json.loads(deepgrade("--course", tmp_path / "other", "list", "--json").stdout) == []


# --- check and pack -----------------------------------------------------------------------------------------------


def test_check_of_the_stub_says_what_is_not_implemented(deepgrade, tiny):
    result = deepgrade("check", cwd=tiny.folder)
    assert result.returncode == 1
    assert "mean_squared_error: is not implemented yet" in result.stdout
    assert result.stderr == ""


def test_check_of_a_right_answer_passes(deepgrade, tiny):
    solve(tiny)
    result = deepgrade("check", cwd=tiny.folder)
    assert result.returncode == 0
    assert "2 of 2 points" in result.stdout


def test_check_shows_the_smallest_input_and_how_to_repeat_it(deepgrade, tiny):
    solve(tiny)
    path = tiny.folder / "tiny.py"
    path.write_text(path.read_text().replace("2 * (p - y) / len(p)", "2 * (p - y) / len(p) + 0.5"))
    result = deepgrade("check", cwd=tiny.folder)
    assert result.returncode == 1
    assert "the result is 0.5 at [0], expected 0.0" in result.stdout
    assert "y = array([0.])" in result.stdout
    assert "deepgrade check --test test_gradient_vanishes_at_the_target" in result.stdout


def test_check_of_one_test_runs_it_alone(deepgrade, tiny):
    solve(tiny)
    report = json.loads(deepgrade("check", tiny.folder, "--test", "test_error_of_a_small_example", "--json").stdout)
    assert [test["name"] for test in report["tests"]] == ["test_error_of_a_small_example"]
    assert (report["points"], report["possible"]) == (1, 1)


def test_check_of_an_unknown_test_says_where_there_is_none(deepgrade, tiny):
    result = deepgrade("check", tiny.folder, "--test", "test_nothing")
    assert result.returncode == 2
    assert one_sentence(result.stderr)
    assert "test_public.py: has no test 'test_nothing'" in result.stderr


def test_check_finds_an_assignment_of_the_course_by_name(deepgrade):
    assert deepgrade("check", "tiny").returncode == 1
    result = deepgrade("check", "tinny")
    assert result.returncode == 2
    assert one_sentence(result.stderr)
    assert "tinny: is neither a folder nor the name of an assignment" in result.stderr


def test_check_of_a_syntax_error_is_a_verdict_and_no_traceback_of_ours(deepgrade, tiny):
    (tiny.folder / "tiny.py").write_text("def mean_squared_error(p, y:\n")
    result = deepgrade("check", cwd=tiny.folder)
    assert result.returncode == 1
    said = " ".join(result.stdout.split())
    assert said.count("tiny.py cannot be imported, so no test could ask it anything: SyntaxError: '(' was never") == 1
    assert "autograder/" not in result.stdout
    assert result.stderr == ""


def test_what_a_student_prints_is_shown_and_not_obeyed(deepgrade, tiny):
    (tiny.folder / "tiny.py").write_text(
        "def mean_squared_error(p, y):\n    raise ValueError('\\x1b[2J [bold]x[/] gone')\n"
    )
    result = deepgrade("check", cwd=tiny.folder)
    assert "\x1b" not in result.stdout
    assert r"\x1b[2J [bold]x[/] gone" in result.stdout


def test_colours_are_for_terminals_only(deepgrade, tiny):
    assert "\x1b[" not in deepgrade("check", cwd=tiny.folder).stdout
    assert "\x1b[" in deepgrade("check", cwd=tiny.folder, FORCE_COLOR="1").stdout


def test_pack_makes_a_zip_that_is_accepted(deepgrade, tiny, tmp_path):
    result = deepgrade("pack", tiny.folder, "-o", "out.zip")
    assert result.returncode == 0
    assert result.stdout.startswith("out.zip: tiny.py (")
    read = submission.read(tmp_path / "out.zip", tiny.manifest)
    assert read.files == tiny.stub()
    assert deepgrade("pack", cwd=tiny.folder).returncode == 0
    assert (tiny.folder / "tiny.zip").read_bytes() == (tmp_path / "out.zip").read_bytes()


@pytest.mark.parametrize("command", [("check", "--in-this-process"), ("pack", "-o", "x.zip"), ("data",)])
def test_students_commands_need_nothing_that_windows_lacks(deepgrade, tiny, tmp_path, command):
    solve(tiny)
    absent = tmp_path / "absent"
    absent.mkdir()
    names = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "pyseccomp", "syslog", "readline")
    lacking = "import select\nfor name in ('poll', 'POLLIN', 'POLLHUP', 'POLLERR', 'epoll'): delattr(select, name)\n"
    (absent / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({names}))\n{lacking}")
    result = deepgrade(*command, cwd=tiny.folder, PYTHONPATH=first(absent))
    assert result.returncode == 0, result.stdout + result.stderr


# --- grade --------------------------------------------------------------------------------------------------------


@pytest.fixture
def handed_in(tiny, tmp_path):
    """A zip with the reference."""
    path = tmp_path / "in.zip"
    path.write_bytes(submission.zipped(tiny.reference()))
    return path


def test_grade_prints_a_table_of_points(deepgrade, handed_in):
    result = deepgrade("grade", "tiny", handed_in)
    assert result.returncode == 0, result.stderr
    assert "6 of 6 points" in result.stdout
    assert "test_gradient_is_that_of_the_error" in result.stdout


def test_grade_of_a_wrong_answer_is_no_error(deepgrade, tiny):
    result = deepgrade("grade", "tiny", tiny.folder, "--json", "-")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["state"] == "graded"
    assert report["points"] == 0
    assert {test["verdict"] for test in report["tests"]} <= {"not_implemented", "blocked"}


def test_grade_for_a_students_eyes_hides_the_hidden(deepgrade, tiny, tmp_path):
    wrong = tiny.reference()["tiny.py"].replace(b"np.mean((p - y) ** 2)", b"np.sum((p - y) ** 2) / 2")
    (tmp_path / "wrong.zip").write_bytes(submission.zipped({"tiny.py": wrong}))
    seen = {
        view: deepgrade("grade", "tiny", tmp_path / "wrong.zip", "--view", view).stdout for view in ("student", "staff")
    }
    assert "returned a wrong value" in seen["student"]
    assert "array(" not in seen["student"]
    assert "array(" in seen["staff"]


def test_grade_writes_the_report_to_a_file(deepgrade, handed_in, tmp_path):
    result = deepgrade("grade", "tiny", handed_in, "--json", "report.json")
    assert "6 of 6 points" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["points"] == 6


def test_grade_notes_what_it_did_not_hand_on(deepgrade, tiny, tmp_path):
    files = {**tiny.reference(), "conftest.py": b"raise SystemExit"}
    (tmp_path / "in.zip").write_bytes(submission.zipped(files))
    assert "note: not handed on to the grader: conftest.py" in deepgrade("grade", "tiny", tmp_path / "in.zip").stdout


def test_grade_keeps_the_courses_secret_to_its_owner(deepgrade, handed_in, tmp_path):
    assert deepgrade("grade", "tiny", handed_in).returncode == 0
    path = tmp_path / "home" / "course.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    result = deepgrade("grade", "tiny", handed_in)
    assert result.returncode == 2
    assert "can be read by others (mode 644); run `chmod 600" in result.stderr
    assert deepgrade("grade", "tiny", handed_in, DEEPGRADE_SECRET="a secret of its own").returncode == 0


# --- release and new ----------------------------------------------------------------------------------------------


def test_release_writes_the_kit(deepgrade, tmp_path):
    result = deepgrade("release", "tiny", "-o", "kit.zip")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        "kit.zip: README.md, assignment.toml, tiny.py, test_public.py, experiment.py, tiny.ipynb, server.json, deepg"
    )
    assert "tiny/README.md" in zipfile.ZipFile(tmp_path / "kit.zip").namelist()


def test_a_new_assignment_is_complete(deepgrade, course_folder):
    result = deepgrade("new", "my_net")
    assert result.returncode == 0, result.stderr
    for half, names in {
        "assignments": ["README.md", "assignment.toml", "my_net.py", "test_public.py", "experiment.py"],
        "solutions": ["my_net.py", "test_hidden.py", "mutants.py"],
    }.items():
        for name in names:
            path = course_folder / half / "my_net" / name
            assert f"{path}\n" in result.stdout
            assert "NAME" not in path.read_text()


def new_in(folder, *arguments):
    """`deepgrade new`, as one who stands in that folder and has set nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    command = [sys.executable, "-m", "autograder.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)


def test_new_writes_where_one_stands(course_folder, repository):
    for folder in (course_folder, course_folder / "assignments", course_folder / "solutions" / "tiny"):
        result = new_in(folder, "new", f"net{len(folder.parts)}")
        assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (course_folder / "solutions").iterdir())[-1] == "tiny"
    assert len(list((course_folder / "assignments").iterdir())) == 4
    assert not list((repository / "assignments").glob("net*"))


def test_new_begins_a_course_in_an_empty_folder(tmp_path):
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    result = new_in(tmp_path / "mine", "new", "my_net")
    assert result.returncode == 0, result.stderr
    listed = new_in(tmp_path / "mine" / "solutions", "list", "--json")
    assert [one["name"] for one in json.loads(listed.stdout)] == ["my_net"]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.odt").touch()
    result = new_in(tmp_path / "home", "new", "my_net")
    assert result.returncode == 2
    assert "is neither empty nor a course (it has no folder `assignments`)" in result.stderr
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter.odt"]


@pytest.mark.parametrize("name", ["class", "experiment", "mutants", "test_public", "torch", "autograder", "json"])
def test_new_takes_no_name_that_something_else_has(course_folder, name):
    result = new_in(course_folder, "new", name)
    assert result.returncode == 2
    assert one_sentence(result.stderr)
    assert not (course_folder / "assignments" / name).exists()


def test_a_new_assignment_is_sound(deepgrade):
    assert deepgrade("new", "my_net").returncode == 0
    result = deepgrade("verify", "--matrix", "my_net")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "test_error_is_the_mean_of_squares   xX." in result.stdout
    assert "Probe " in result.stdout
    assert "my_net: sound" in result.stdout


def test_verify_writes_a_matrix_that_a_change_makes_stale(deepgrade, tiny, tmp_path):
    result = deepgrade("verify", "tiny", "--matrix", "--write", tmp_path / "pages")
    assert result.returncode == 0, result.stdout + result.stderr
    page = tmp_path / "pages" / "tiny.md"
    assert (
        "| sum for mean | 3 | 0 | `test_error_of_a_small_example` | `test_error_is_the_mean_of_squares`"
        in page.read_text()
    )
    assert kill_matrix.sources_of(page) == answers.sources_sha256(tiny)
    with tiny.hidden_tests.open("a") as file:
        file.write("# another line\n")
    assert kill_matrix.sources_of(page) != answers.sources_sha256(tiny)


def test_verify_shows_what_probes_earn(deepgrade, tiny):
    """Only the probes: no wrong answer is graded, and a test that any file passes is unsound."""
    with tiny.hidden_tests.open("a") as file:
        file.write('\n\n@points(0.5, problem="loss")\ndef test_nothing(student):\n    """Nothing."""\n')
    result = deepgrade("verify", "--probes", "tiny")
    assert result.returncode == 1, result.stderr
    assert re.search(r"zeros +0.5 +test_nothing", result.stdout)
    assert "tiny: unsound (0 wrong answers)" in result.stdout


def test_verify_grades_nothing_again_and_says_so(deepgrade, tmp_path):
    first, second, anew = (
        deepgrade("verify", "--probes", "tiny", *more, **{"DEEPGRADE_CACHE": str(tmp_path / "mine")})
        for more in ((), ("--json",), ("--anew",))
    )
    assert (first.returncode, second.returncode, anew.returncode) == (0, 0, 0), first.stderr + second.stderr
    assert "proofs are of unchanged sources" not in first.stdout + anew.stdout
    proofs = json.loads(second.stdout)["tiny"]["proofs"]
    assert proofs["kept"] == proofs["count"] > 5
    third = deepgrade("verify", "--probes", "tiny", **{"DEEPGRADE_CACHE": str(tmp_path / "mine")})
    assert f"tiny: {proofs['count']} of {proofs['count']} proofs are of unchanged sources" in third.stdout
    assert [path.parent.name for path in (tmp_path / "mine").rglob("*.json")] == [".proofs"]


def test_verify_writes_no_matrix_of_what_is_unsound(deepgrade, tiny, tmp_path):
    (tiny.folder / "experiment.py").unlink()
    assert deepgrade("verify", "tiny", "--matrix", "--write", tmp_path / "pages").returncode == 1
    assert not (tmp_path / "pages").exists()


def test_verify_says_what_is_unsound(deepgrade, course_folder):
    path = course_folder / "solutions" / "tiny" / "mutants.py"
    path.write_text(path.read_text().replace("np.sum((p - y) ** 2)\n", "np.mean((p - y) ** 2)\n", 1))
    result = deepgrade("verify", "tiny", "--matrix", "--json")
    assert result.returncode == 1, result.stderr
    found = json.loads(result.stdout)["tiny"]
    assert found["sound"] is False
    assert {"probe": "zeros", "points": 0.0, "tests": [], "limit": 0.12} in found["probes"]
    assert found["points_lost"]["lost"]["most"] > 0
    assert found["problems"] == ["mutant sum_for_mean survives all tests; test_error_of_a_small_example should kill it"]


# --- bad input: one sentence, exit code 2 -------------------------------------------------------------------------


def break_manifest(tiny, tmp_path):
    (tiny.folder / "assignment.toml").write_text("title = ")


def write_zips(tiny, tmp_path):
    (tmp_path / "no.zip").write_bytes(b"these are no zip's bytes")
    (tmp_path / "empty.zip").write_bytes(submission.zipped({"readme.txt": b""}))


def take_the_name(tiny, tmp_path):
    (tmp_path / "file").write_text("")


BAD = {
    "an unknown assignment": (("grade", "sofmax", "."), None, "no assignment 'sofmax' in "),
    "a matrix of a part": (
        ("verify", "--matrix", "--every", "3"),
        None,
        "--matrix --every 3: a kill matrix has all wrong answers; remove one of the two options",
    ),
    "a matrix of probes": (("verify", "--matrix", "--probes"), None, "--matrix --probes: a kill matrix has all wrong"),
    "a page without a matrix": (
        ("verify", "--write", "x"),
        None,
        "--write: a page shows a kill matrix; add --matrix",
    ),
    "a missing course": (("--course", "nowhere", "list"), None, "holds no folder `assignments`; name a course with"),
    "a broken manifest": (("list",), break_manifest, "assignment.toml: is not valid TOML: "),
    "a broken manifest in check": (("check", "course/assignments/tiny"), break_manifest, "is not valid TOML: "),
    "a zip that is none": (("grade", "tiny", "no.zip"), write_zips, "the upload is not a zip; "),
    "a zip without the file": (("grade", "tiny", "empty.zip"), write_zips, "the zip holds no tiny.py; put it in; "),
    "a submission that is not there": (("grade", "tiny", "gone.zip"), None, "gone.zip: cannot be read (No such file"),
    "a folder without a manifest": (("check", "."), None, "holds no assignment.toml; "),
    "a file that cannot be written": (
        ("pack", "course/assignments/tiny", "-o", "no/such/x.zip"),
        None,
        "no/such/x.zip: cannot be written (No such file or directory); name another file with -o",
    ),
    "a name that none can have": (("new", "My-Net"), None, "'My-Net' cannot name an assignment; use lower-case"),
    "a name of Python's": (
        ("new", "random"),
        None,
        "'random' names a module that others import, and random.py",
    ),
    "a name of numpy's": (("new", "numpy"), None, "'numpy' names a module that others import, and numpy.py"),
    "a name that is taken": (("new", "tiny"), None, "is already there; choose another name"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence(deepgrade, tiny, tmp_path, case):
    arguments, prepare, expected = BAD[case]
    if prepare:
        prepare(tiny, tmp_path)
    result = deepgrade(*arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert one_sentence(result.stderr), result.stderr
    assert expected in result.stderr


def test_without_solutions_nothing_is_graded(deepgrade, tiny, course_folder, tmp_path):
    os.rename(course_folder / "solutions", tmp_path / "elsewhere")
    result = deepgrade("grade", "tiny", tiny.folder)
    assert result.returncode == 2
    assert "this course has no solutions/tiny, so there are no hidden tests to grade by" in result.stderr


def test_a_secret_that_can_be_guessed_is_turned_down(deepgrade, handed_in):
    result = deepgrade("grade", "tiny", handed_in, DEEPGRADE_SECRET="short")
    assert result.returncode == 2
    assert "DEEPGRADE_SECRET has 5 characters, fewer than 16" in result.stderr


def test_serve_without_its_extra_says_what_to_install(deepgrade, tmp_path):
    (tmp_path / "flask.py").write_text("raise ModuleNotFoundError(\"No module named 'flask'\", name='flask')")
    result = deepgrade("serve", PYTHONPATH=first(tmp_path))
    assert result.returncode == 2
    assert one_sentence(result.stderr)
    assert "deepgrade_staff-0.1.0-py3-none-any.whl[service]" in result.stderr


def test_a_kit_is_read_as_a_zip(deepgrade, tmp_path):
    deepgrade("release", "tiny", "-o", "kit.zip")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "kit.zip").read_bytes())) as kit:
        assert kit.testzip() is None


# --- our fault ----------------------------------------------------------------------------------------------------


def test_where_no_sandbox_can_be_built_nothing_is_graded(deepgrade, handed_in, tmp_path):
    """Exit code 2, one sentence with the way out, and no report; `doctor` says the same."""
    result = deepgrade("grade", "tiny", handed_in, "--json", "report.json", PATH=str(tmp_path))
    assert result.returncode == 2, result.stdout + result.stderr
    assert one_sentence(result.stderr)
    assert "bubblewrap" in result.stderr
    assert not (tmp_path / "report.json").exists()
    result = deepgrade("doctor", "--json", PATH=str(tmp_path))
    assert result.returncode == 2
    findings = json.loads(result.stdout)
    assert [finding["name"] for finding in findings if not finding["ok"]] == ["sandbox starts"]


def test_doctor_finds_the_sandbox_of_this_machine_standing(deepgrade):
    result = deepgrade("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "sandbox starts" in result.stdout
