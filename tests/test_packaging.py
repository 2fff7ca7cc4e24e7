"""What is installed: the distribution's contents, its command, its constraints, and a fresh machine's first grading."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import licences
import pytest
import stand_ins
from narrowing import not_none

import autograder
from autograder import cli
from autograder.cli import staff_wheel
from autograder.core.errors import DeepgradeError
from autograder.course import kit
from autograder.course.course import Course
from autograder.report import schema
from grader_service import cli as service_cli

REPOSITORY = Path(__file__).resolve().parent.parent
STUDENTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STAFF = tomllib.loads((REPOSITORY / "staff" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASSIGNMENTS = [assignment.name for assignment in Course(REPOSITORY)]
SECRET = re.compile(r"(^|/)(solutions/|variants/|test_hidden\.py$)")  # of a course, and not of the scaffold


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """Both wheels and both sdists, built from this checkout as `make wheels` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    for project in (REPOSITORY, REPOSITORY / "staff"):
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=project, check=True)
    return folder


def names_in(path: Path) -> list[str]:
    """The files of a wheel, or of an sdist without the folder around them."""
    if path.suffix == ".whl":
        return [name for name in zipfile.ZipFile(path).namelist() if not name.endswith("/")]
    with tarfile.open(path) as archive:
        assert not [member.name for member in archive.getmembers() if not (member.isfile() or member.isdir())]
        return [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]


def one(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


@pytest.mark.parametrize("pattern", ["deepgrade-*.whl", "deepgrade-*.tar.gz"])
def test_what_students_get_has_no_solution_no_course_and_no_service(pattern, dist):
    names = names_in(one(dist, pattern))
    assert [name for name in names if SECRET.search(name) and "/course/scaffold/" not in name] == []
    tops = {name.split("/")[0] for name in names}
    assert not tops & {"grader_service", "deepgrade_course", "assignments", "solutions", "tests", "staff"}
    assert "autograder/cli/__init__.py" in names


@pytest.mark.parametrize("pattern", ["deepgrade_staff-*.whl", "deepgrade_staff-*.tar.gz"])
def test_what_staff_get_has_the_service_and_the_whole_course(pattern, dist):
    names = names_in(one(dist, pattern))
    course = "deepgrade_course/" if pattern.endswith(".whl") else ""
    for name in ASSIGNMENTS:
        assert f"{course}assignments/{name}/assignment.toml" in names
        assert f"{course}solutions/{name}/test_hidden.py" in names
    assert [name for name in names if name.startswith("grader_service/web/templates/")]
    assert [name for name in names if name.startswith("autograder/")] == []


def test_the_wheels_share_no_file(dist):
    students, staff = (set(names_in(one(dist, f"{name}-*.whl"))) for name in ("deepgrade", "deepgrade_staff"))
    assert students & staff == set()


@pytest.mark.parametrize("pattern", ["deepgrade-*", "deepgrade_staff-*"])
def test_nothing_that_running_made_is_shipped(pattern, dist):
    for path in dist.glob(pattern):
        assert [
            name for name in names_in(path) if re.search(r"__pycache__|/figures/|\.hypothesis|\.venv|\.pyc$", name)
        ] == []


@pytest.mark.parametrize("name", ["deepgrade", "deepgrade_staff"])
def test_an_sdist_makes_the_same_wheel(name, dist, tmp_path):
    with tarfile.open(one(dist, f"{name}-*.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"]
    subprocess.run(command, cwd=one(tmp_path, f"{name}-*"), check=True)
    assert sorted(names_in(one(tmp_path / "dist", "*.whl"))) == sorted(names_in(one(dist, f"{name}-*.whl")))


def test_the_kits_wheel_has_what_the_students_wheel_has(dist):
    name, data = kit.student_wheel()
    (dist / "kit").mkdir()
    (dist / "kit" / name).write_bytes(data)
    info = f"deepgrade-{autograder.__version__}.dist-info/"
    ours, built = (
        {name for name in names_in(path) if not name.startswith(info)}
        for path in (dist / "kit" / name, one(dist, "deepgrade-*.whl"))
    )
    assert ours == built


def test_the_version_is_the_same_everywhere():
    assert STUDENTS["version"] == STAFF["version"] == autograder.__version__ == metadata.version("deepgrade")
    assert f"deepgrade=={autograder.__version__}" in STAFF["dependencies"]
    assert (REPOSITORY / "staff" / "LICENSE").read_bytes() == (REPOSITORY / "LICENSE").read_bytes()


def test_the_schema_in_the_repository_is_the_codes():
    """`make schema` writes it."""
    assert json.loads(schema.SCHEMA_FILE.read_text(encoding="utf-8")) == schema.schema()


def requirements(project: dict[str, Any], *extras: str) -> list[str]:
    """What a distribution requires, with these of its extras, or with all."""
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(entry for extra in extras or optional for entry in optional[extra])]


def names_of(entries: Iterable[str]) -> set[str]:
    return {not_none(re.match(r"[\w-]+", entry))[0].lower().replace("_", "-") for entry in entries}


def test_the_light_base_is_light():
    assert names_of(STUDENTS["dependencies"]).isdisjoint(
        {"torch", "flask", "sqlalchemy", "scipy", "scikit-learn", "pandas"}
    )
    assert names_of(STAFF["dependencies"]) == {"deepgrade", "jinja2"}


def test_every_requirement_has_its_exact_version_in_the_constraints():
    pins = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    names = names_of([*requirements(STUDENTS), *requirements(STAFF)]) - {"deepgrade", "deepgrade-staff"}
    assert {name for name in names if f"\n{name}==" not in pins} == set()


def test_one_extra_makes_a_host_that_grades_every_assignment():
    """What the manifests allow is what `grading` brings, through the extras that it names."""
    names, waiting = set(), [("deepgrade-staff", "grading")]
    while waiting:
        distribution, extra = waiting.pop()
        project = STAFF if distribution == "deepgrade-staff" else STUDENTS
        for entry in requirements(project, extra):
            if found := re.fullmatch(r"(deepgrade(?:-staff)?)\[([\w,]+)\]", entry):
                waiting += [(found[1], one) for one in found[2].split(",")]
            names |= names_of([entry])
    wanted = {package for assignment in Course(REPOSITORY) for package in assignment.manifest.packages}
    names |= names_of(STUDENTS["dependencies"])
    assert {package.lower().replace("_", "-") for package in wanted} <= names


@pytest.fixture(scope="module")
def python(dist, tmp_path_factory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """An environment of its own with the students' wheel, far from this checkout: `python("deepgrade", "list")`."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "python", with_pip=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPGRADE", "PYTHON"))}
    environment |= {"DEEPGRADE_HOME": str(folder / "home"), "COLUMNS": "120"}

    def run(program: str, *words: object) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "python" / "bin" / program), *map(str, words)]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    constraints = ("-c", REPOSITORY / "constraints.txt")
    installed = run("python", "-m", "pip", "install", "-q", *constraints, one(dist, "deepgrade-*.whl"))
    assert installed.returncode == 0, installed.stderr
    return run


STAFF_COMMANDS = [
    *(command.__name__.rstrip("_").replace("_", "-") for panel in cli.STAFF.values() for command in panel),
    *(command.__name__ for command in service_cli.COMMANDS),
]


def test_the_engine_knows_the_commands_of_the_service():
    assert sorted(staff_wheel.SERVICE_COMMANDS) == sorted(command.__name__ for command in service_cli.COMMANDS)


def test_the_students_wheel_names_the_wheel_that_staffs_commands_need(python):
    for name in ("verify", "grade", "serve", "release", "doctor"):
        for words in ((name,), (name, "softmax", "x.zip", "--port", "1"), (name, "--help")):
            done = python("deepgrade", *words)
            assert done.returncode == 2, done.stdout + done.stderr
            assert done.stderr == (
                f"deepgrade: `deepgrade {name}` is a command for staff; to use it, install "
                f"deepgrade_staff-{autograder.__version__}-py3-none-any.whl\n"
            )
            assert done.stdout == ""


def test_the_students_wheel_lists_the_commands_of_students(python):
    listed = re.findall(r"^│ ([\w-]+)  ", python("deepgrade", "--help").stdout, re.M)
    assert {"check", "pack", "submit", "data"} <= set(listed)
    assert set(listed) & set(STAFF_COMMANDS) == set()


def test_staffs_wheel_beside_it_lists_its_course_and_grades(python, dist):
    """Last of those with this environment, since it adds to it. Without an extra the numpy assignments are graded."""
    wheel = one(dist, "deepgrade_staff-*.whl")
    installed = python("python", "-m", "pip", "install", "-q", "-c", REPOSITORY / "constraints.txt", wheel)
    assert installed.returncode == 0, installed.stderr
    listed = python("deepgrade", "list")
    assert listed.returncode == 0, listed.stderr
    assert all(name in listed.stdout for name in ASSIGNMENTS)
    graded = python("deepgrade", "grade", "softmax", REPOSITORY / "solutions" / "softmax")
    assert graded.returncode == 0, graded.stderr
    points = Course(REPOSITORY)["softmax"].manifest.points
    assert f"{points:g} of {points:g} points" in graded.stdout
    served = python("deepgrade", "serve")
    assert served.returncode == 2
    assert f"deepgrade_staff-{autograder.__version__}-py3-none-any.whl[service]" in served.stderr


def test_two_versions_beside_each_other_are_refused(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    with pytest.raises(DeepgradeError, match=r"deepgrade-staff is version 0\.0\.1; install the same version of both"):
        staff_wheel.is_installed()


TEXT = {".py", ".md", ".toml", ".json", ".html", ".css", ".js", ".svg", ".mako", ".j2", ".ini", ".txt", ""}


def test_what_is_of_others_has_its_licence_listed(dist):
    names = [name for wheel in dist.glob("*.whl") for name in names_in(wheel) if ".dist-info/" not in name]
    of_others = {
        name.removeprefix("deepgrade_course/")
        for name in names
        if ("/vendor/" in name and name.endswith(".js")) or Path(name).suffix not in TEXT
    }
    assert of_others == set(licences.FILES)


def test_the_page_of_licences_is_that_of_the_packages():
    """`make licences` writes it. Extras that are not installed here are not looked at."""
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page()


def test_no_text_asks_an_index_for_our_names():
    """Nobody has registered them: whoever did so first could send anything."""
    asks = re.compile(r"pip install [^\n`]*?(?<=[\s'\"])(deepgrade|deepgrade[-_]staff)(?=[\['\"`\s]|$)")
    found = []
    for folder in ("autograder", "grader_service", "docs", "assignments", "scripts", "staff", "."):
        pattern = "*.md" if folder == "." else "**/*"
        for path in (REPOSITORY / folder).glob(pattern):
            if path.suffix in (".py", ".md", ".sh", ".toml", ".html"):
                text = path.read_text(encoding="utf-8")
                found += [f"{path.relative_to(REPOSITORY)}: {match[0]}" for match in asks.finditer(text)]
    assert found == []


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


@pytest.mark.skipif(not (REPOSITORY / ".venv" / ".installed-dev").exists(), reason="`make test` installs first")
def test_setup_names_the_cause_where_no_sandbox_starts(tmp_path):
    environment = os.environ | stand_ins.bwrap(tmp_path, stand_ins.SLAVE)
    command = ["bash", str(REPOSITORY / "scripts" / "setup.sh"), "dev", "sandbox"]
    ran = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr.startswith(
        "setup: everything is installed, but no sandbox could be started: mounts are forbidden here"
    )
    assert ran.stderr.count("\n") == 1


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
