"""Every command of docs/instructors.md runs, in the order of the page, in a folder as the page describes it."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import scaffold
from autograder.course.course import Course
from autograder.course.submission import zipped

GUIDE = (Path(__file__).resolve().parent.parent / "docs" / "instructors.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", GUIDE, re.M | re.S)

pytest.importorskip("otter", reason="otter-grader is not installed: it is in the extra `otter` of staff/pyproject.toml")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Submissions in a folder, one of them beside it, and a small assignment of the page's name."""
    root = tmp_path_factory.mktemp("guide")
    (root / "course" / "assignments").mkdir(parents=True)
    course = Course(root / "course")
    scaffold.create(course, "softmax")
    for folder in ("handed-in", "results"):
        (root / folder).mkdir()
    (root / "handed-in" / "ada.zip").write_bytes(zipped(course["softmax"].reference()))
    (root / "handed-in" / "bob.zip").write_bytes(zipped(course["softmax"].stub()))
    (root / "ada.zip").write_bytes(zipped(course["softmax"].reference()))
    return root


@pytest.fixture(scope="module")
def environment(place) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    return clean | {"PATH": path, "DEEPGRADE_COURSE": str(place / "course"), "DEEPGRADE_HOME": str(place / "home")}


def run(command: list[str], place: Path, environment: dict[str, str]) -> str:
    if command[:2] == ["deepgrade", "serve"]:
        return serve(command, place, environment)
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def serve(command: list[str], place: Path, environment: dict[str, str]) -> str:
    """Until it says where, on a port that is free."""
    port = command.index("--port") + 1
    command = [*command[:port], "0", *command[port + 1 :]]
    with subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "http://" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert "http://" in said
    return said


def test_the_page_s_commands_run(place, environment):
    said = {}
    for kind, text in BLOCKS:
        if kind == "python":
            (place / "script.py").write_text(text)
            said["python"] = run([sys.executable, "script.py"], place, environment)
            continue
        for line in text.splitlines():
            said[line] = run(shlex.split(line), place, environment)
    assert len(said) >= 7
    assert said["python"].splitlines()[-1] == "6.0 of 6.0"
    rows = list(csv.DictReader((place / "graded" / "final_grades.csv").open(encoding="utf-8")))
    assert [row["percent_correct"] for row in rows] == ["1.0", "1.0", "0.0"]
    scores = [test.get("score", 0) for test in json.loads((place / "results" / "results.json").read_text())["tests"]]
    assert sum(scores) == 6
    for name in ("index.html", "reports/ada.json", "results/ada.json", "before/1", "changes.csv"):
        assert (place / "graded" / name).exists()
    assert (place / "scores.csv").read_text().startswith("submission,student,")


def test_the_page_has_all_four_ways():
    headings = re.findall(r"^## (\d)\. ", GUIDE, re.M)
    assert headings == ["1", "2", "3", "4"]
    for command in ("deepgrade serve", "deepgrade batch", "deepgrade otter", "otter run", "otter grade"):
        assert command in GUIDE
