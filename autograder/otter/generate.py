"""Makes autograder.zip with `otter generate`, and replaces otter's engine in it by deepgrade.

    otter generate ─> run_autograder  environment.yml  otter_config.json  tests/  files/
    deepgrade      ─> run_otter.py (replaced)  setup.sh (longer)  requirements.deepgrade.whl, .txt

`otter grade` copies few files into its image before it runs setup.sh. `requirements.*` are among them, so the wheel of
the engine has such a name. It is the version that made the zip.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder import grade as grading
from autograder.core.errors import BadCourse, DeepgradeError
from autograder.course import kit
from autograder.course.course import Assignment
from autograder.course.submission import Submission, sha256_of, zipped
from autograder.otter import packaging
from autograder.otter.submission import DRIVER
from autograder.report.schema import Report, TestResult

WHEEL, PINS = "requirements.deepgrade.whl", "requirements.deepgrade.txt"
PINNED = ("numpy", "pytest", "hypothesis", "matplotlib", "msgspec", "typer", "rich", "pyseccomp")
EXECUTABLE = ("run_autograder", "setup.sh")

RUN_OTTER = '''"""Grades with deepgrade instead of otter's own engine: no student code enters this process."""

import sys

try:
    from autograder.otter.container import main
except ModuleNotFoundError as error:
    raise RuntimeError(f"{error}; setup.sh, whose log the image's build has, could not install deepgrade") from error

if __name__ == "__main__":
    sys.exit(main({folder!r}))
'''

SETUP = """
# deepgrade: the sandbox's walls come from the system; the engine is the one that made this autograder.
apt-get install -y bubblewrap libseccomp2
# Workers have a uid of their own where there are no namespaces: they must find the interpreter, and nothing else.
chmod 711 /root
chmod 700 {folder}/source
cp {folder}/source/{wheel} /tmp/{name}
mamba run -n otter-env python -m pip install --constraint {folder}/source/{pins} /tmp/{name} {packages}
"""

TEST_FILE = '''"""Names, points and hidden flags of the tests of {problem}; deepgrade's plugin runs them, not otter."""

OK_FORMAT = False

from otter.test_files import test_case

name = {problem!r}
points = None


def graded_elsewhere():
    raise RuntimeError("the plugin of deepgrade did not run, so nothing is graded: see otter_config.json")

'''
CASE = """
@test_case(name={name!r}, points={points!r}, hidden={hidden!r}, failure_message={law!r})
def case_{number}():
    graded_elsewhere()

"""


def build(assignment: Assignment, secret: bytes) -> bytes:
    """The zip. Raises BadCourse if the reference does not get full marks, GraderError if this machine cannot grade."""
    proof = _prove(assignment, secret)
    config = {"plugins": [{packaging.PLUGIN: packaging.pack(assignment, secret)}], "zips": False}
    with tempfile.TemporaryDirectory(prefix="deepgrade-otter-") as name:
        folder = Path(name)
        (folder / "tests").mkdir()
        for problem in (problem for problem in proof.problems if not problem.bonus):
            tests = [test for test in proof.tests if test.problem == problem.name]
            (folder / "tests" / f"{problem.name}.py").write_text(_test_file(problem.name, tests), encoding="utf-8")
        (folder / "otter_config.json").write_text(json.dumps(config), encoding="utf-8")
        (folder / DRIVER).write_text(json.dumps(_notebook()), encoding="utf-8")
        (folder / "requirements.txt").write_text("", encoding="utf-8")
        return _completed(assignment, _generate(folder))


def names(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def _prove(assignment: Assignment, secret: bytes) -> Report:
    """The report of the reference, which names all tests. Raises BadCourse if it does not have full marks."""
    files = assignment.reference()
    proof = grading.grade(assignment, Submission(files, sha256_of(files)), secret=secret)
    failed = [test.id for test in proof.tests if test.verdict != "passed"]
    if failed:
        raise BadCourse(f"{assignment.name}: the reference fails {failed[0]} here; `deepgrade verify` says more")
    return proof


def _generate(folder: Path) -> dict[str, bytes]:
    """The files that `otter generate` makes from the folder, by name."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, "-P", "-m", "otter", "generate", "--tests-dir", "tests", "--no-environment"]
    command += ["--config", "otter_config.json", "--requirements", "requirements.txt", "--python-version", python]
    result = subprocess.run([*command, "-o", "autograder.zip", DRIVER], cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        last_line = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
        raise DeepgradeError(f"otter generate failed: {' '.join(last_line)}")
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist())}


def _completed(assignment: Assignment, files: dict[str, bytes]) -> bytes:
    """The zip with a run_otter.py that starts no kernel, the engine, and a setup.sh that installs the sandbox."""
    folder = "/autograder"
    name, wheel = kit.student_wheel()
    packages = [f"{package}=={metadata.version(package)}" for package in assignment.manifest.packages]
    pins = sorted({f"{package}=={metadata.version(package)}" for package in PINNED} | set(packages), key=str.lower)
    setup = files["setup.sh"].decode() + SETUP.format(
        folder=folder, wheel=WHEEL, pins=PINS, name=name, packages=" ".join(packages)
    )
    files |= {
        "run_otter.py": RUN_OTTER.format(folder=folder, error="{error}").encode(),
        "setup.sh": setup.encode(),
        WHEEL: wheel,
        PINS: "".join(f"{pin}\n" for pin in pins).encode(),
    }
    return zipped(files, executable=EXECUTABLE)


def _test_file(problem: str, tests: list[TestResult]) -> str:
    cases = [
        CASE.format(
            number=number,
            name=test.name,
            points=float(test.possible),
            hidden=test.visibility == "hidden",
            law=test.law,
        )
        for number, test in enumerate(tests, 1)
    ]
    return TEST_FILE.format(problem=problem) + "".join(cases)


def _notebook() -> dict[str, Any]:
    """An empty notebook. With it in the folder, otter accepts any number of .py files. It is never executed."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": [], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
