"""The kit: everything that a student needs for one assignment, in one zip.

    <name>/README.md  assignment.toml  <module>.py  test_public.py  experiment.py
    <name>/<module>.ipynb                       the same as a notebook: kit_notebook.py
    <name>/own_tests.toml  test_own.py  wrong_answers.py     where students hand in tests of their own
    <name>/server.json                          the packages of this machine, which grades: servers.py
    <name>/deepgrade-<version>-py3-none-any.whl

It is made from the students' half only; the other half is never opened. The wheel is made from the running
installation, a checkout or an installed wheel. It contains the engine and the package `deepgrade`, without the service
and without any course, so a student types only `pip install ./deepgrade-*.whl` and `deepgrade check`. The same inputs
give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path

from autograder.core import own_wheels
from autograder.course import kit_notebook, notebooks, servers
from autograder.course import own_tests as own
from autograder.course.course import Assignment, read_files
from autograder.course.submission import zipped

NOTEBOOK_PACKAGE = "deepgrade"  # what notebooks import
WHEEL = "Wheel-Version: 1.0\nGenerator: deepgrade\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build(assignment: Assignment) -> bytes:
    """The kit of an assignment. Raises BadCourse if a file is missing from its folder."""
    handed_in = assignment.manifest.files
    names = ["README.md", "assignment.toml", *handed_in, "test_public.py", "experiment.py"]
    if assignment.manifest.own_tests is not None:
        names += [own.FILE, own.SUITE, own.WRONG]
    name, wheel = student_wheel()
    plain = read_files(assignment.folder, names)
    notebook = {f"{assignment.manifest.module}{notebooks.SUFFIX}": kit_notebook.build(assignment)}
    files = {**plain, **notebook, **_server(assignment), name: wheel}
    return zipped({f"{assignment.name}/{path}": content for path, content in files.items()})


def _server(assignment: Assignment) -> dict[str, bytes]:
    """`server.json`; empty if a distribution is missing, since this machine cannot grade then."""
    try:
        return {servers.FILE: servers.to_json(servers.this_machine(assignment.manifest))}
    except metadata.PackageNotFoundError:
        return {}


def names(kit: bytes) -> list[str]:
    """The files in a kit, without the folder around them."""
    return [path.partition("/")[2] for path in zipfile.ZipFile(io.BytesIO(kit)).namelist()]


def student_wheel() -> tuple[str, bytes]:
    """The name and the bytes of a wheel with the engine only."""
    installed = metadata.distribution(own_wheels.STUDENTS)
    package = Path(__file__).parents[1]
    sources = sorted(
        path
        for folder in (package, package.parent / NOTEBOOK_PACKAGE)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    files = {path.relative_to(package.parent).as_posix(): path.read_bytes() for path in sources}
    info = f"{own_wheels.STUDENTS}-{installed.version}.dist-info"
    files |= {
        f"{info}/METADATA": (installed.read_text("METADATA") or "").encode(),
        f"{info}/WHEEL": WHEEL.encode(),
        f"{info}/entry_points.txt": _entry_points(installed).encode(),
    }
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return f"{own_wheels.STUDENTS}-{installed.version}-py3-none-any.whl", zipped(files)


def _entry_points(installed: metadata.Distribution) -> str:
    """The entry points of the engine. Those of other packages would fail in an installation without them."""
    package = Path(__file__).parents[1].name
    lines: dict[str, list[str]] = {}
    for point in installed.entry_points:
        if point.module.partition(".")[0] == package:
            lines.setdefault(point.group, []).append(f"{point.name} = {point.value}")
    return "\n\n".join("\n".join([f"[{group}]", *points]) for group, points in lines.items()) + "\n"


def _record(files: dict[str, bytes], own_path: str) -> bytes:
    """Every file with its hash and size. The record itself has neither, as the wheel format requires."""
    rows = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(content)}\n")
    return "".join([*rows, f"{own_path},,\n"]).encode()
