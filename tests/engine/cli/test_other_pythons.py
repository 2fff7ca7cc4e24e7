"""The student's commands, from a kit alone, on each Python with the lowest and the newest versions of what they need.

`make nightly` runs them. A missing Python makes it red: `DEEPGRADE_PYTHON_3_12` names one, else it is found as
`python3.12` or below pyenv's `versions`.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from notebook_files import of_module
from packaging.requirements import Requirement

from autograder.course import kit

PYTHONS = ("3.11", "3.12", "3.13")
VERSION = "import sys; print(*sys.version_info[:2], sep='.')"
MINUTES = 15 * 60  # seconds for pip on a machine that is loaded


def interpreter(version: str) -> str:
    """The path of that Python. Fails the test if there is none."""
    named = os.environ.get(f"DEEPGRADE_PYTHON_{version.replace('.', '_')}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [named, shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}*/bin/python")))]
    for candidate in [named] if named else filter(None, candidates):
        if candidate:
            found = subprocess.run([candidate, "-c", VERSION], capture_output=True, text=True, check=False)
            if found.stdout.strip() == version:
                return candidate
    pytest.fail(f"there is no Python {version}; install it, or name it in DEEPGRADE_PYTHON_{version.replace('.', '_')}")


def lowest(wheel: bytes, python: str) -> list[str]:
    """The lowest allowed version of each requirement on that Python: `numpy==1.26`."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or []
    pins = []
    for requirement in map(Requirement, lines):
        environment = {"python_version": python, "sys_platform": sys.platform, "extra": ""}
        if requirement.marker is None or requirement.marker.evaluate(environment):
            bound = next(spec.version for spec in requirement.specifier if spec.operator == ">=")
            pins.append(f"{requirement.name}=={bound}")
    return pins


def test_the_lowest_versions_are_those_of_the_metadata():
    _, wheel = kit.student_wheel()
    assert "pytest==8" in lowest(wheel, "3.11")
    assert not [pin for pin in lowest(wheel, "3.11") if pin.startswith(("torch", "flask"))]


@pytest.mark.some_cases(0)
@pytest.mark.parametrize("versions", ["lowest", "newest"])
@pytest.mark.parametrize("python", PYTHONS)
def test_students_commands_on(python, versions, tiny, tmp_path):
    run_python = interpreter(python)
    with zipfile.ZipFile(io.BytesIO(kit.build(tiny))) as archive:
        archive.extractall(tmp_path)
    folder, environment = tmp_path / "tiny", tmp_path / "environment"
    subprocess.run([run_python, "-m", "venv", environment], check=True, timeout=MINUTES)
    bin = environment / ("Scripts" if sys.platform == "win32" else "bin")
    wheel = next(folder.glob("*.whl"))
    pins = lowest(wheel.read_bytes(), python) if versions == "lowest" else []
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("DEEPGRADE", "PYTHON"))}

    def types(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(bin / words[0]), *words[1:]],
            cwd=folder,
            env=clean | {"HOME": str(tmp_path), "COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=MINUTES,
            check=False,
        )

    installed = types("pip", "install", "-q", "--only-binary", ":all:", str(wheel), *pins)
    assert installed.returncode == 0, installed.stderr
    stub = types("deepgrade", "check")
    assert stub.returncode == 1, stub.stdout + stub.stderr
    assert "is not implemented yet" in stub.stdout
    assert not re.search(r"Traceback|Warning", stub.stdout + stub.stderr)
    answer = tiny.reference()["tiny.py"].decode()
    (folder / "tiny.ipynb").write_bytes(of_module(answer, "%matplotlib inline"))
    for words in (("check", "tiny.ipynb"), ("check",), ("check", "--no-limit"), ("pack",)):
        done = types("deepgrade", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    (folder / "tiny.py").write_text(answer.replace("np.mean((", "np.sum(("))
    wrong = types("deepgrade", "check", "--json")
    assert wrong.returncode == 1, wrong.stderr
    assert {test["verdict"] for test in json.loads(wrong.stdout)["tests"]} >= {"failed"}
    drawn = types("python", "experiment.py")
    assert drawn.returncode == 0, drawn.stderr
    said = types("python", "-c", "import deepgrade; print(deepgrade.check('loss'))")
    assert said.returncode == 0, said.stderr
    assert "test_error_of_a_small_example" in said.stdout
    assert types("deepgrade", "data", "digits").returncode == 0
