"""The kit: what is in it, what must never be, and that a student with Python alone can use it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import py_compile
import re
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from autograder.core.errors import BadCourse
from autograder.course import kit, mutants
from autograder.course.course import Course

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent
ASSIGNMENTS = sorted(path.parent.name for path in (REPOSITORY / "assignments").glob("*/assignment.toml"))
SENTENCE = 25  # characters: shorter lines (`return z`, `import numpy as np`) may well stand in both halves


def unpacked(data: bytes) -> dict[str, bytes]:
    """Every file in the bytes of a zip, and in the zips in it."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            found[name] = content = archive.read(name)
            if name.endswith((".whl", ".zip")):
                found |= {f"{name}!{inner}": inside for inner, inside in unpacked(content).items()}
    return found


def sentences(folder: Path) -> set[str]:
    """The lines of a folder's files that would tell somebody something: laws, formulas, steps of an answer."""
    lines = {
        line.strip().strip('"')
        for path in folder.rglob("*")
        if path.suffix in (".py", ".md", ".toml", ".txt") and "__pycache__" not in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    idioms = ("from ", "import ", "@", "with np.errstate(", "rng = np.random.default_rng(", "for name, value in ")
    kinds = mutants.ALL_KINDS  # the engine's words, which a mutants.py quotes
    return {
        line
        for line in lines
        if len(line) >= SENTENCE and not line.startswith(idioms) and not any(kind in line for kind in kinds)
    }


def leaks(data: bytes, assignment) -> list[str]:
    """Where a kit says what staff's half says and the students' does not, or holds a file of a staff's name."""
    theirs = "\n".join(path.read_text(encoding="utf-8") for path in assignment.folder.glob("*.*"))
    secret = {line.encode() for line in sentences(assignment.solution) if line not in theirs}
    found = []
    for name, content in unpacked(data).items():
        engine = "!autograder/" in name  # it has a module `mutants`, and in its skeleton an assignment's two halves
        if "!autograder/course/scaffold/" not in name:
            found += [f"{name}: {line.decode()}" for line in sorted(secret) if line in content]
        if re.search(r"solutions|test_hidden" if engine else r"solutions|hidden|mutants|variants", name):
            found += [] if "!autograder/course/scaffold/" in name else [name]
    return found


def test_a_kit_holds_the_students_half_and_a_wheel(tiny):
    data = kit.build(tiny)
    assert kit.names(data) == [
        "README.md",
        "assignment.toml",
        "tiny.py",
        "test_public.py",
        "experiment.py",
        "tiny.ipynb",
        "server.json",
        f"deepgrade-{metadata.version('deepgrade')}-py3-none-any.whl",
    ]
    inside = unpacked(data)
    for name in ("README.md", "assignment.toml", "tiny.py", "test_public.py", "experiment.py"):
        assert inside[f"tiny/{name}"] == (tiny.folder / name).read_bytes()


def test_a_kit_is_the_same_bytes_each_time(tiny):
    data = kit.build(tiny)
    for path in tiny.folder.iterdir():
        os.utime(path, (1, 1))
    assert kit.build(tiny) == data


def test_a_kit_can_be_made_where_there_is_no_solution(tiny, course_folder, tmp_path):
    data = kit.build(tiny)
    os.rename(course_folder / "solutions", tmp_path / "elsewhere")
    assert kit.build(Course(course_folder)["tiny"]) == data


def test_a_kit_without_its_handout_is_not_made(tiny):
    (tiny.folder / "README.md").unlink()
    with pytest.raises(BadCourse, match=r"README\.md: cannot be read \(No such file or directory\)"):
        kit.build(tiny)


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_no_kit_has_a_trace_of_staffs_half(name):
    assignment = Course(REPOSITORY)[name]
    if assignment.solution is None:
        pytest.skip(f"no solutions/{name} here")
    assert leaks(kit.build(assignment), assignment) == []


def test_a_trace_would_be_found(tiny):
    """The search itself is looked at: one hidden sentence in the handout, one file of staff's."""
    law = "mean_squared_error_grad(p, y) = dL/dp, by central differences of the formula."
    assert leaks(kit.build(tiny), tiny) == []
    data = io.BytesIO(kit.build(tiny))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("tiny/notes.txt", f"# {law}")
        archive.writestr("tiny/test_hidden.py", "")
    assert leaks(data.getvalue(), tiny) == [f"tiny/notes.txt: {law}", "tiny/test_hidden.py"]


def test_the_wheel_holds_the_engine_and_neither_service_nor_course():
    py_compile.compile(kit.__file__)  # leaves what must not travel, where Python itself would
    name, data = kit.student_wheel()
    assert name == f"deepgrade-{metadata.version('deepgrade')}-py3-none-any.whl"
    inside = unpacked(data)
    assert {path.split("/")[0] for path in inside} == {
        "autograder",
        "deepgrade",
        name.removesuffix("-py3-none-any.whl") + ".dist-info",
    }
    assert "autograder/judge/plugin.py" in inside
    assert "autograder/datasets/digits.npz" in inside
    assert not [path for path in inside if "__pycache__" in path]


def test_the_wheels_record_is_true():
    _, data = kit.student_wheel()
    inside = unpacked(data)
    record = next(path for path in inside if path.endswith("RECORD"))
    rows = {path: (digest, size) for path, digest, size in csv.reader(inside[record].decode().splitlines())}
    assert set(rows) == set(inside)
    for path, (digest, size) in rows.items():
        if path != record:
            found = base64.urlsafe_b64encode(hashlib.sha256(inside[path]).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={found}", len(inside[path]))


@pytest.mark.skipif(sys.platform == "win32", reason="the shell's lines are a POSIX shell's")
def test_a_student_with_python_alone_types_the_two_lines_of_the_handout(tiny, tmp_path):
    """A fresh environment, the kit, and what its README says; nothing of this checkout."""
    venv.create(tmp_path / "python", with_pip=True)
    with zipfile.ZipFile(io.BytesIO(kit.build(tiny))) as archive:
        archive.extractall(tmp_path)
    lines = re.findall(r"^    (pip install .*|deepgrade .*)$", (tmp_path / "tiny" / "README.md").read_text(), re.M)
    assert lines == ["pip install ./deepgrade-*.whl", "deepgrade check"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPGRADE", "PYTHON"))}
    environment |= {
        "PATH": f"{tmp_path / 'python' / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PIP_CONSTRAINT": str(REPOSITORY / "constraints.txt"),
    }

    def types(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line, shell=True, cwd=tmp_path / "tiny", env=environment, capture_output=True, text=True, timeout=300
        )

    installed = types(lines[0])
    assert installed.returncode == 0, installed.stderr
    checked = types(lines[1])
    assert checked.returncode == 1, checked.stderr
    assert "is not implemented yet" in checked.stdout
    (tmp_path / "tiny" / "tiny.py").write_bytes(tiny.reference()["tiny.py"])
    checked = types(lines[1])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "2 of 2 points" in checked.stdout
    assert types("deepgrade pack").returncode == 0
    absent = types('python -c "import torch"'), types('python -c "import flask"')
    assert all(result.returncode for result in absent), "the light base brings neither torch nor Flask"
    listed = (
        types("deepgrade data digits"),
        types("python -c \"from autograder.datasets import mnist; mnist('train').x\""),
    )
    assert [result.stderr for result in listed] == ["", ""]
    drawn = types("python experiment.py")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "tiny" / "figures" / "descent.png").is_file()
