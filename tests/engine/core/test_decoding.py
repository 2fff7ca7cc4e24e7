"""Typed data is read by many threads at once, from the first moment on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from architecture import REPOSITORY, python_files

from autograder.core.decoding import TypedDecoder

TYPED = re.compile(r"msgspec\.(?:convert|json\.Decoder)\(|msgspec\.\w+\.decode\(.*type=")
EIGHT_THREADS_READ = """
import sys, threading
import msgspec
from autograder.judge.job import FINISHED

result = {"id": "a", "name": "a", "law": "", "visibility": "public", "verdict": "passed"}
result |= {"points": 1.0, "possible": 1.0}
finished = {"result": result, "seconds": 1.0, "cost": {"seconds": 1.0, "memory_mb": 1.0}}
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)

def read():
    barrier.wait()
    try:
        FINISHED.value(finished)
    except msgspec.ValidationError:
        pass

threads = [threading.Thread(target=read) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
"""


class Point(msgspec.Struct):
    x: int


def test_both_ways_are_read_and_refused():
    points: TypedDecoder[list[Point]] = TypedDecoder(list[Point])
    assert points.json(b'[{"x": 1}]') == points.value([{"x": 1}]) == [Point(1)]
    wrong: list[tuple[Callable, object]] = [(points.json, b'[{"x": "1"}]'), (points.value, [{"x": "1"}])]
    for read, data in wrong:
        with pytest.raises(msgspec.ValidationError, match="Expected `int`, got `str`"):
            read(data)


def test_eight_threads_may_be_the_first_to_read_what_a_judge_says():
    """One process in seven ended by SIGSEGV when msgspec described the type at that moment."""
    command = [sys.executable, "-P", "-c", EIGHT_THREADS_READ]
    ended = [subprocess.run(command, cwd=REPOSITORY, check=False).returncode for _ in range(30)]
    assert ended == [0] * 30


def test_nothing_else_reads_typed_data():
    files = [path for folder in ("autograder", "grader_service") for path in python_files(folder)]
    found = [
        path.relative_to(REPOSITORY).as_posix() for path in files if TYPED.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["autograder/core/decoding.py"]


def test_decoders_are_made_when_their_module_is_imported():
    made_later = []
    for path in [path for folder in ("autograder", "grader_service") for path in python_files(folder)]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        calls = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
        if any(isinstance(call.func, ast.Name) and call.func.id == "TypedDecoder" for call in calls):
            made_later.append(path.name)
    assert made_later == []
