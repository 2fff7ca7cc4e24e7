"""The files of a submission are compiled by its first worker, which runs nothing of them, for all others."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.core.errors import StudentGone
from autograder.course.manifest import Limits
from autograder.sandbox import Sandbox
from autograder.student import StudentRaised
from autograder.student.link import printed
from autograder.student.remote import MAX_COMPILED, Compiled, Remote

FILES = {"m.py": b"from other import y\nx = 1\ndef f():\n    raise ValueError(y)\n", "other.py": b"y = 2\n"}


def load(sandbox: Sandbox, files: dict[str, bytes], compiled: Compiled) -> tuple[Any, str]:
    """(m.x, what was printed)"""
    with sandbox.worker() as worker:
        student = Remote(worker, files, "m", Limits(), compiled=compiled)
        return student.x, printed(student)


def test_later_workers_read_what_the_first_has_compiled(sandbox):
    compiled, other = Compiled(), Compiled()
    assert load(sandbox, FILES, compiled)[0] == 1
    assert compiled.files is not None
    assert set(compiled.files) == set(FILES)
    load(sandbox, FILES | {"m.py": b"x = 7\n"}, other)
    assert other.files is not None
    compiled.files["m.py"] = other.files["m.py"]
    assert load(sandbox, FILES, compiled)[0] == 7


def test_an_exception_shows_the_same_lines(sandbox):
    compiled = Compiled()
    shown = []
    for _ in range(2):
        with sandbox.worker() as worker:
            student = Remote(worker, FILES, "m", Limits(), compiled=compiled)
            with pytest.raises(StudentRaised) as raised:
                student.f()
            shown.append(raised.value.traceback_text)
    assert "raise ValueError(y)" in shown[0]
    assert shown[1] == shown[0]


@pytest.mark.parametrize("source", [b"x = (\n", b"x = '\x00'\n", b"\xff = 1\n", b"x = " + b"(" * 500 + b")" * 500])
def test_what_does_not_compile_is_said_when_it_is_imported(sandbox, source):
    compiled = Compiled()
    said = []
    for known in (compiled, compiled, None):
        with sandbox.worker() as worker, pytest.raises((StudentRaised, StudentGone)) as raised:
            Remote(worker, {"m.py": source}, "m", Limits(), compiled=known)
        said.append((type(raised.value), str(raised.value)))
    assert compiled.files == {}
    assert said[0] == said[1] == said[2]


def test_a_warning_of_the_compiler_is_printed_by_every_worker(sandbox):
    compiled = Compiled()
    texts = [load(sandbox, {"m.py": b"x = 1\ny = x is 1\n"}, compiled)[1] for _ in range(2)]
    assert "SyntaxWarning" in texts[0]
    assert texts[1] == texts[0]


@pytest.mark.parametrize(
    "answer",
    [None, 1, {"n.py": b"x"}, {"m.py": "x"}, {1: b"x"}, {"m.py": b"x" * (MAX_COMPILED + 1)}],
    ids=["nothing", "a number", "another file", "a text", "no name", "too large"],
)
def test_an_answer_that_is_not_usable_is_dropped(answer):
    compiled = Compiled()
    compiled.keep(answer, {"m.py"})
    assert compiled.files == {}


def test_nothing_of_the_student_s_is_run_while_it_is_compiled(sandbox):
    """What the first worker answers comes before the module could touch it."""
    source = (
        b"import sys\nfor name in list(sys.modules):\n    if 'compile' in name:\n        del sys.modules[name]\nx = 1\n"
    )
    compiled, alone = Compiled(), Compiled()
    load(sandbox, {"m.py": source}, compiled)
    load(sandbox, {"m.py": source}, alone)
    assert compiled.files == alone.files
    assert compiled.files
