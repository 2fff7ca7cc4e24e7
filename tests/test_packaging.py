"""What is installed: the distribution's contents, its command, its constraints, and a fresh machine's first grading."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from narrowing import not_none

import autograder
from autograder.course.course import Course
from autograder.report import schema

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASSIGNMENTS = [assignment.name for assignment in Course(REPOSITORY)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The distribution for machines that grade, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    built = build(folder, "with-solutions")
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def build(folder: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, REPOSITORY],
        env=os.environ | {"DEEPGRADE_WHEEL": wanted},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("wanted", ["", "yes"])
def test_no_wheel_is_built_before_somebody_has_said_whether_solutions_may_be_in_it(wanted, tmp_path):
    built = build(tmp_path, wanted)
    assert built.returncode != 0
    said = built.stdout + built.stderr
    assert "deepgrade: this would hold the solutions and hidden tests" in said
    assert "DEEPGRADE_WHEEL=without-solutions" in said
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_without_solutions_has_the_students_half_alone(tmp_path):
    built = build(tmp_path, "without-solutions")
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.startswith("deepgrade_course/solutions")]
    assert not [name for name in names if "test_hidden" in name and "/scaffold/" not in name]
    assert f"deepgrade_course/assignments/{ASSIGNMENTS[0]}/assignment.toml" in names


def test_the_version_is_said_once_and_the_same_everywhere():
    assert PROJECT["version"] == autograder.__version__ == metadata.version("deepgrade")


def test_the_schema_in_the_repository_is_the_codes():
    """`make schema` writes it."""
    assert json.loads(schema.SCHEMA_FILE.read_text(encoding="utf-8")) == schema.schema()


def test_the_light_base_is_light():
    names = {not_none(re.match(r"[\w-]+", requirement))[0] for requirement in PROJECT["dependencies"]}
    assert names.isdisjoint({"torch", "flask", "sqlalchemy", "scipy", "scikit-learn", "pandas"})


def test_every_requirement_has_its_exact_version_in_the_constraints():
    pins = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    wanted = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    names = {not_none(re.match(r"[\w-]+", requirement))[0].lower().replace("_", "-") for requirement in wanted}
    missing = {name for name in names - {"deepgrade"} if f"\n{name}==" not in pins}
    assert missing == set()


def test_the_wheel_holds_engine_service_and_course_as_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"autograder", "grader_service", "deepgrade_course", f"deepgrade-{autograder.__version__}.dist-info"}
    for name in ASSIGNMENTS:
        assert f"deepgrade_course/assignments/{name}/assignment.toml" in names
        assert f"deepgrade_course/solutions/{name}/test_hidden.py" in names
    assert not [name for name in names if re.search(r"__pycache__|/figures/.*png|\.hypothesis|\.venv", name)]
    assert [name for name in names if name.startswith("grader_service/web/templates/")]
    assert "autograder/course/scaffold/solution/mutants.py" in names
    assert "autograder/datasets/digits.npz" in names


def test_an_installed_wheel_lists_its_course_and_grades(wheel, tmp_path):
    """In an environment of its own, far from this checkout."""
    venv.create(tmp_path / "python", with_pip=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPGRADE", "PYTHON"))}
    environment |= {"DEEPGRADE_HOME": str(tmp_path / "home"), "COLUMNS": "120"}
    scripts = tmp_path / "python" / ("Scripts" if os.name == "nt" else "bin")

    def run(*command: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(list(map(str, command)), cwd=tmp_path, env=environment, capture_output=True, text=True)

    installed = run(scripts / "python", "-m", "pip", "install", "-q", "-c", REPOSITORY / "constraints.txt", f"{wheel}")
    assert installed.returncode == 0, installed.stderr
    listed = run(scripts / "deepgrade", "list")
    assert listed.returncode == 0, listed.stderr
    assert all(name in listed.stdout for name in ASSIGNMENTS)
    graded = run(scripts / "deepgrade", "grade", "softmax", REPOSITORY / "solutions" / "softmax")
    assert graded.returncode == 0, graded.stderr
    points = Course(REPOSITORY)["softmax"].manifest.points
    assert f"{points:g} of {points:g} points" in graded.stdout


def test_every_verb_of_the_makefile_is_documented():
    verbs = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.M)
    page = (REPOSITORY / "docs/developers.md").read_text(encoding="utf-8")
    assert verbs
    assert [verb for verb in verbs if f"make {verb}" not in page] == []


def test_every_command_is_documented(deepgrade):
    commands = re.findall(r"^│ (\w+)  ", deepgrade("--help").stdout, re.M)
    names = ("students.md", "staff.md", "authors/index.md", "operations.md")
    pages = "".join((REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in names)
    assert len(commands) >= 9
    assert [command for command in commands if f"deepgrade {command}" not in pages] == []


def test_continuous_integration_runs_what_a_developer_runs():
    path = REPOSITORY / ".ci" / "run"
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


@pytest.mark.skipif(sys.platform != "linux", reason="setup is for Debian and Ubuntu")
def test_setup_that_cannot_install_says_what_to_do(tmp_path):
    """On a machine with neither bubblewrap nor apt-get."""
    for tool in ("bash", "dirname", "uname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    ran = subprocess.run(
        ["bash", REPOSITORY / "scripts" / "setup.sh", "service"],
        env={"PATH": str(tmp_path), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert re.fullmatch(
        r"setup: missing: bubblewrap.*, and there is no apt-get here; install them yourself "
        r"\(`apt-get install bubblewrap.*` as root\), then run this again\n",
        ran.stderr,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="setup is for Debian and Ubuntu")
def test_setup_wants_a_recent_python(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for tool in ("bash", "dirname", "uname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    ran = subprocess.run(
        ["bash", REPOSITORY / "scripts" / "setup.sh", "service"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        "setup: Python 3.11 or newer is needed; name one with `make PYTHON=/path/to/python3.11 ...`\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_the_demo_comes_true(tmp_path):
    """Five submissions over HTTP through the real service; its exit code says whether each is what it must be."""
    environment = os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "160"}
    ran = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "demo.py", "--once"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"the reference +100 / 100 +full marks", ran.stdout)
    assert re.search(r"the untouched stub +0 / 100 +not implemented", ran.stdout)
    assert ran.stdout.count("  caught by test_") == 3
    assert list(tmp_path.iterdir()) == []
