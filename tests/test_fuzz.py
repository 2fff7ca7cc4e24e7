"""What reads a stranger's bytes meets some damaged ones, the same ones each time; `make fuzz` tries on for long."""

from __future__ import annotations

import base64
import importlib.util
import re
import shutil
import subprocess
import sys
from typing import Any

import fuzzing
import pytest
from fuzzing import KNOWN, TARGETS
from narrowing import not_none


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("wire", marks=pytest.mark.threat(11, 15)),
        pytest.param("reply", marks=pytest.mark.threat(11, 13, 15)),
        pytest.param("zip", marks=pytest.mark.threat(1, 3, 4, 5)),
        pytest.param("manifest"),
        pytest.param("results", marks=pytest.mark.threat(44)),
        pytest.param("grade_book"),
        pytest.param("launch"),
        pytest.param("written", marks=pytest.mark.threat(7, 46)),
    ],
)
def test_damaged_bytes_give_an_answer_or_the_error_that_is_for_them(name):
    TARGETS[name].test()


def test_every_target_is_tried():
    assert {mark.name for mark in fuzzing.BYTES} == set(TARGETS)


@pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_crashed_once_does_not_crash_again(path):
    TARGETS[path.parent.name].run(path.read_bytes())


FAULTY = """
from types import SimpleNamespace
from hypothesis import given, strategies as st

def run(data):
    if data[:1] == b"!":
        raise ZeroDivisionError("of the target")

@given(data=st.binary(max_size=3))
def test(data):
    run(data)

TARGETS = {"itself": SimpleNamespace(name="itself", run=run, test=test, seeds=(b"a",), modules=())}
"""


@pytest.mark.parametrize("engine", ["hypothesis", "atheris"])
def test_a_crash_is_told_with_the_input_that_repeats_it(repository, tmp_path, engine):
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f"there is no {engine} here")
    (tmp_path / "fuzzing.py").write_text(FAULTY)
    # Beside the faulty targets, since a program imports from its own folder first.
    program = shutil.copy(repository / "tests" / "support" / "fuzz.py", tmp_path)
    command = [sys.executable, str(program), "itself"]
    how: dict[str, Any] = {
        "capture_output": True,
        "text": True,
        "check": False,
    }
    options = ["--engine", engine, "--minutes", "1", "--keep", str(tmp_path / "kept")]
    ran = subprocess.run([*command, *options], **how)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert re.search(r"itself crashed after [1-9][0-9,]* inputs", ran.stdout), ran.stdout
    assert "ZeroDivisionError: of the target" in ran.stdout
    data = not_none(re.search(r"--input (\S+)", ran.stdout))[1]
    assert base64.b64decode(data)[:1] == b"!"
    (kept,) = (tmp_path / "kept" / "crashes" / "itself").iterdir()
    assert kept.read_bytes() == base64.b64decode(data)
    again = subprocess.run([*command, "--input", data], **how)
    assert again.returncode != 0
    assert "ZeroDivisionError" in again.stderr
