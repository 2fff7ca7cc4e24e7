"""What a laptop has and the server has not is said at home, in one sentence; and it is true."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from autograder.core import sources
from autograder.course import forecast, kit, servers
from autograder.course.course import Course
from autograder.course.submission import Submission, sha256_of
from autograder.grade import grade

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent
ASSIGNMENTS = list(Course(REPOSITORY))


@pytest.fixture
def home(tiny, tmp_path) -> Path:
    """The kit, unpacked, with the right answer in it."""
    with zipfile.ZipFile(io.BytesIO(kit.build(tiny))) as archive:
        archive.extractall(tmp_path / "home")
    folder = tmp_path / "home" / "tiny"
    (folder / "tiny.py").write_bytes(tiny.reference()["tiny.py"])
    return folder


def change(folder: Path, *lines: str) -> None:
    """Put lines on top of the right answer."""
    text = (folder / "tiny.py").read_text()
    (folder / "tiny.py").write_text("\n".join([*lines, text]))


def meddle(folder: Path, **values: object) -> None:
    """The server is another one than this machine."""
    path = folder / servers.FILE
    known = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(known | values))


def points(tiny, folder: Path) -> tuple[float, str]:
    """What the server gives for the files that are handed in, and what it says."""
    files = {name: (folder / name).read_bytes() for name in tiny.manifest.files}
    found = grade(tiny, Submission(files, sha256_of(files)), secret=b"secret")
    return found.points, found.message


CERTAIN = {
    "a package of deepgrade's": (
        ["import matplotlib"],
        "tiny.py, line 1: imports matplotlib, which the server does not",
    ),
    "by its parts": (
        ["import matplotlib.pyplot as plt"],
        "imports matplotlib, which the server does not have; it has Python",
    ),
    "from": (["from rich import print"], "imports rich, which the server does not have"),
    "by name": (["import importlib", "importlib.import_module('rich')"], "line 2: imports rich"),
    "in a class": (["class A:", "    import rich"], "line 2: imports rich"),
    "deepgrade itself": (["from autograder import datasets"], "imports autograder, which the server does not have"),
    "a file beside it": (["import helper"], "imports helper.py, which is not handed in; this assignment takes tiny.py"),
    "a folder beside it": (["import tools"], "imports tools/, which is not handed in"),
    "a file that hides a module": (["import statistics"], "imports statistics.py, which is not handed in"),
}


@pytest.mark.parametrize(("lines", "words"), CERTAIN.values(), ids=CERTAIN)
def test_what_will_be_missing_is_said_at_home_and_is_missing_there(lines, words, home, tiny, deepgrade):
    (home / "helper.py").write_text("import matplotlib\n")
    (home / "statistics.py").write_text("mine = 1\n")
    (home / "tools").mkdir()
    (home / "tools" / "__init__.py").touch()
    change(home, *lines, *(["assert statistics.mine"] if lines == ["import statistics"] else []))
    checked = deepgrade("check", home)
    assert checked.returncode == 1, checked.stdout
    (said,) = [line for line in checked.stdout.splitlines() if line.startswith("not on the server: ")]
    assert words in said
    packed = deepgrade("pack", home, "-o", home / "x.zip")
    assert (packed.returncode, packed.stderr.strip()) == (0, said)
    assert points(tiny, home)[0] == 0
    strict = deepgrade("pack", home, "-o", home / "y.zip", "--strict")
    assert strict.returncode == 1
    assert not (home / "y.zip").exists()


PERHAPS = {
    "in a function": ["def draw():", "    import matplotlib"],
    "caught": ["try:", "    import matplotlib", "except ImportError:", "    matplotlib = None"],
    "suppressed": ["import contextlib", "with contextlib.suppress(ImportError):", "    import matplotlib"],
    "in a branch": ["if len('a') > 1:", "    import matplotlib"],
}


@pytest.mark.parametrize("lines", PERHAPS.values(), ids=PERHAPS)
def test_what_may_never_be_imported_is_a_note(lines, home, tiny, deepgrade):
    change(home, *lines)
    checked = deepgrade("check", home)
    assert checked.returncode == 0, checked.stdout
    (said,) = [line for line in checked.stdout.splitlines() if line.startswith("on the server: ")]
    assert "imports matplotlib, which the server does not have, if it comes to that" in said
    assert points(tiny, home)[0] == tiny.manifest.points


@pytest.mark.parametrize(
    "lines",
    [
        ["import numpy.linalg, msgspec, json", "from collections import deque"],
        ["from typing import TYPE_CHECKING", "if TYPE_CHECKING:", "    import matplotlib"],
        ["if __name__ == '__main__':", "    import matplotlib"],
        ["import multiprocessing, concurrent.futures, threading, tempfile, asyncio"],
    ],
)
def test_what_is_there_is_not_mentioned(lines, home, tiny):
    change(home, *lines)
    assert forecast.findings(home, tiny.manifest) == []
    assert points(tiny, home)[0] == tiny.manifest.points


def test_what_another_file_that_is_handed_in_imports_counts(tmp_path, tiny):
    manifest = msgspec.structs.replace(tiny.manifest, files=["tiny.py", "parts.py", "unused.py"])
    (tmp_path / "tiny.py").write_text("import parts\n")
    (tmp_path / "parts.py").write_text("\nimport rich\n")
    (tmp_path / "unused.py").write_text("import flask\n")
    (found,) = forecast.findings(tmp_path, manifest)
    assert found.text.startswith("parts.py, line 2: imports rich")


def test_programs_networks_and_files_that_are_left_behind_are_notes(home, tiny):
    (home / "weights.npz").touch()
    change(home, "import subprocess", "import urllib.request", "def load(): return open('weights.npz')")
    said = [(one.fails, one.text) for one in forecast.findings(home, tiny.manifest)]
    assert said == [
        (False, "tiny.py, line 1: imports subprocess; on the server there is no other program to start"),
        (False, "tiny.py, line 2: imports urllib; on the server there is no network"),
        (False, "tiny.py, line 3: weights.npz is not handed in; this assignment takes tiny.py"),
    ]


def test_a_newer_syntax_than_the_servers_is_said(home, deepgrade):
    change(home, "try:", "    pass", "except* ValueError:", "    pass")  # of Python 3.11
    meddle(home, python="3.10.4")
    checked = deepgrade("check", home)
    assert checked.returncode == 1
    assert "not on the server: tiny.py, line " in checked.stdout
    assert "the server has Python 3.10.4, which cannot read this (Exception groups are only supported" in checked.stdout


def test_other_versions_are_said(home, deepgrade):
    meddle(home, python="3.10.4", versions={"numpy": "1.26.4", "msgspec": "0.18.0"})
    checked = deepgrade("check", home)
    assert checked.returncode == 0
    assert "on the server: the server has Python 3.10.4, and this is 3." in checked.stdout
    assert (
        "the server has numpy 1.26.4, where float32 arrays and Python's floats combine in another way" in checked.stdout
    )
    assert "pip install numpy==1.26.4" in checked.stdout
    assert "msgspec" not in checked.stdout


def newest() -> list[str]:
    """Pythons beside this one that are newer than it."""
    places = [shutil.which(f"python3.{minor}") for minor in (12, 13, 14)]
    places += [str(path) for path in Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python3")]
    runs = {
        place for place in places if place and subprocess.run([place, "-c", ""], capture_output=True).returncode == 0
    }
    return sorted(runs)


SYNTAX = {
    "type X = int": (3, 12),
    "def f[T](x: T) -> T: return x": (3, 12),
    "d = {'a': 1}\nx = f'{d['a']}'": (3, 12),
    'x = f"{chr(10) + "\\n"}"': (3, 12),
    "x = f'''{1 + 1}'''": (3, 6),
    "x = f'{1 + 1}' + f\"{'a'}\"": (3, 6),
}


@pytest.mark.skipif(not newest(), reason="no newer Python is here")
@pytest.mark.parametrize("python", newest())
def test_what_a_newer_python_reads_and_an_older_does_not_is_found(python):
    ask = "import sys; from autograder.core import sources; print(sources.newer(sys.stdin.read(), (3, 11)) is not None)"
    for source, since in SYNTAX.items():
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
        found = subprocess.run(
            [python, "-c", ask], input=source, env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == str(since > (3, 11)), (source, python)


def test_a_syntax_error_on_the_server_names_its_python(tiny):
    files = {"tiny.py": b"def f(:\n"}
    found = grade(tiny, Submission(files, sha256_of(files)), secret=b"secret")
    assert f"read by Python {sys.version_info.major}.{sys.version_info.minor}" in found.message


def test_a_test_that_takes_longer_than_the_server_allows_is_told(home, deepgrade):
    manifest = home / "assignment.toml"
    manifest.write_text(manifest.read_text() + "\n[limits]\nseconds = 0.3\ntest_seconds = 0.3\n")
    text = (home / "tiny.py").read_text()
    slow = "import time\nreal = mean_squared_error\ndef mean_squared_error(p, y): time.sleep(0.02); return real(p, y)\n"
    (home / "tiny.py").write_text(text + slow)
    checked = deepgrade("check", home)
    assert "on the server: test_error_of_a_small_example took " in checked.stdout


@pytest.mark.parametrize("assignment", ASSIGNMENTS, ids=lambda one: one.name)
def test_no_right_answer_of_the_course_is_warned_of(assignment, tmp_path):
    answers = {"reference": assignment.reference(), **assignment.answers("variants")}
    for name, files in answers.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        assert forecast.findings(folder, assignment.manifest) == [], name


def test_a_kit_says_what_its_server_has(tiny):
    with zipfile.ZipFile(io.BytesIO(kit.build(tiny))) as archive:
        known = msgspec.json.decode(archive.read(f"tiny/{servers.FILE}"), type=servers.Server)
    assert known == servers.this_machine(tiny.manifest)
    assert set(known.versions) == {"numpy", "msgspec"}
    assert known.has("numpy")
    assert known.has("json")
    assert not known.has("matplotlib")


def test_a_server_file_that_is_damaged_is_told(home, deepgrade):
    (home / servers.FILE).write_text("{")
    for command in ("check", "pack"):
        done = deepgrade(command, home)
        assert done.returncode == 2
        assert "get the kit of the assignment again" in done.stderr
        assert "Traceback" not in done.stderr


def test_imports_are_found_wherever_they_stand():
    source = "import a, b.c\nfrom d.e import f\nfrom . import g\ndef h():\n    import i\nlambda: __import__('j')\n"
    tree = sources.parsed(source)
    assert tree is not None
    assert [(one.module, one.line, one.always) for one in sources.imports(tree)] == [
        ("a", 1, True),
        ("b", 1, True),
        ("d", 2, True),
        ("i", 5, False),
        ("j", 6, False),
    ]
    assert sources.parsed("def f(:") is None
