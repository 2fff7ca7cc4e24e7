"""From what ended a test to a verdict and its sentence: the student's fault and ours are never mixed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import hypothesis.errors
import pytest

from autograder.core import errors
from autograder.judge import verdicts
from autograder.report.schema import Verdict
from autograder.student.exceptions import student_raised
from autograder.testing.mismatch import Kind, Mismatch

TABLE = [
    *[(Mismatch("m", kind), "failed", verdicts.SENTENCES[kind]) for kind in get_args(Kind)],
    (AssertionError("m"), "failed", "returned a wrong value"),
    (pytest.fail.Exception("DID NOT RAISE"), "failed", "returned a wrong value"),
    (student_raised(["TypeError"], "m", ""), "raised", "raised TypeError"),
    (student_raised(["Hidden_0_25", "ValueError"], "m", ""), "raised", "raised ValueError"),
    (student_raised(["Hidden_0_25"], "m", ""), "raised", "raised Exception"),
    (student_raised(["AssertionError"], "m", ""), "raised", "raised AssertionError"),
    (student_raised(["UnicodeDecodeError", "ValueError"], "m", ""), "raised", "raised ValueError"),
    (student_raised(["NotImplementedError", "RuntimeError"], "m", ""), "not_implemented", "is not implemented yet"),
    (errors.NotImplementedYet("f"), "not_implemented", "is not implemented yet"),
    (errors.TimedOut("f"), "timed_out", "took longer than the time limit"),
    (errors.OutOfMemory("f"), "out_of_memory", "used more memory than the limit"),
    (errors.Died("f"), "died", verdicts.SENTENCES["died"]),
    (errors.BrokenProtocol("f"), "died", verdicts.SENTENCES["died"]),
    # The test stumbled over what it got back.
    *[
        (kind("m"), "failed", "returned something of the wrong type")
        for kind in (TypeError, AttributeError, IndexError, ValueError, ZeroDivisionError)
    ],
    # The judge's own limit, within which the reference passes: what came back broadcasts into terabytes.
    (MemoryError(), "failed", verdicts.SENTENCES["too_costly"]),
    (hypothesis.errors.Flaky("m"), "failed", "gave different answers to the same question"),
    *[
        (error, "grader_error", verdicts.SENTENCES["grader_error"])
        for error in (
            errors.GraderError("m"),
            errors.SandboxLost("m"),
            errors.SandboxUnavailable("m"),
            errors.BadCourse("m"),
            hypothesis.errors.Unsatisfiable("m"),
            hypothesis.errors.InvalidArgument("m"),
            KeyboardInterrupt(),
            SystemExit(0),
        )
    ],
]


@pytest.mark.parametrize("error, verdict, sentence", TABLE, ids=lambda value: repr(value)[:60])
def test_each_error_has_its_verdict_and_sentence(error, verdict, sentence):
    outcome = verdicts.judge(error, None)
    assert (outcome.verdict, outcome.failure) == (verdict, sentence)
    assert verdict in get_args(Verdict)


def test_every_kind_of_mismatch_has_a_sentence():
    assert set(get_args(Kind)) <= set(verdicts.SENTENCES)


def raised_in(folder: Path, name: str, text: str, **globals: object) -> BaseException:
    path = folder / name
    path.write_text(text)
    try:
        exec(compile(text, str(path), "exec"), globals)
    except BaseException as error:
        return error
    raise AssertionError("it did not raise")


def test_an_error_in_a_file_of_the_students_is_the_students(tmp_path):
    error = raised_in(tmp_path, "answer.py", "1 / 0")
    outcome = verdicts.judge(error, tmp_path)
    assert (outcome.verdict, outcome.failure) == ("raised", "raised ZeroDivisionError")
    assert "answer.py" in outcome.traceback


def test_an_error_in_the_test_file_beside_it_is_the_tests_own(tmp_path):
    error = raised_in(tmp_path, "test_public.py", "None.shape")
    assert verdicts.judge(error, tmp_path).verdict == "failed"


def test_an_error_in_a_function_of_the_tests_that_the_student_called_is_the_tests_own(tmp_path):
    """A log that a test passes to `train` may fail; on the server it fails as itself, so here as well."""

    def call_back() -> None:
        raise Mismatch("the loss rose")

    inner = raised_in(tmp_path, "answer.py", "f()", f=lambda: raise_in_test(tmp_path, call_back))
    assert verdicts.judge(inner, tmp_path).verdict == "failed"


def raise_in_test(folder: Path, function: object) -> None:
    exec(compile("function()", str(folder / "test_public.py"), "exec"), {"function": function})


def test_a_syntax_error_of_the_students_file_is_the_students(tmp_path):
    error = raised_in(tmp_path, "test_x.py", f"compile('def', {str(tmp_path / 'answer.py')!r}, 'exec')")
    outcome = verdicts.judge(error, tmp_path)
    assert (outcome.verdict, outcome.failure) == ("raised", "raised SyntaxError")


def test_student_gone_is_no_exception_so_that_hypothesis_does_not_repeat_it():
    for kind in (errors.NotImplementedYet, errors.TimedOut, errors.OutOfMemory, errors.Died, errors.BrokenProtocol):
        assert not issubclass(kind, Exception)
        assert issubclass(kind, errors.StudentGone)
        assert kind.verdict in get_args(Verdict)
