"""From what ended a test to a verdict, and to the words for it.

A student's fault, and ours, are never mixed: an error of the judge's own is `grader_error`.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

import hypothesis.errors
import pytest

from autograder.core.errors import DeepgradeError, StudentGone
from autograder.report.schema import Verdict
from autograder.student.exceptions import BUILTIN, StudentRaised
from autograder.testing.mismatch import Mismatch

# All that a student hears of a failing hidden test: one of these; of a training, the number beside its bar, too.
SENTENCES = {
    "wrong_value": "returned a wrong value",
    "wrong_shape": "returned an array or container of the wrong shape",
    "wrong_dtype": "returned a wrong dtype",
    "wrong_type": "returned something of the wrong type",
    "not_finite": "returned NaN or infinity where a finite number is expected",
    "changed_input": "changed an argument that it must leave as it is",
    "no_error": "returned where it must raise an error",
    "unstable": "gave different answers to the same question",
    "too_slow": "is right, but takes too many times as long as the reference",
    "below_bar": "was trained, but what it learned does not reach the bar",
    "above_chance": "is measured above what can be learned from the data it was given",
    "too_costly": "returned something that takes the grader too much time or memory to check",
    "not_implemented": "is not implemented yet",
    "timed_out": "took longer than the time limit",
    "out_of_memory": "used more memory than the limit",
    "died": "ended its process, or answered with something that is no answer",
    "grader_error": "the grader failed, which is our fault; it will be graded again",
}


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    failure: str = ""
    detail: str = ""
    traceback: str = ""
    advice: str = ""


PASSED = Outcome("passed")


def judge(error: BaseException, student_folder: Path | None, *, entered: bool = False) -> Outcome:
    """The outcome of a test that ended with `error`.

    student_folder : where a `Local` student's files are.
    entered : hypothesis had reached the test's first line. Then its complaint (no example fits, an impossible strategy)
        comes from what was answered, since the reference passes; before that line, the test itself is broken.
    """
    if isinstance(error, StudentGone):
        return Outcome(error.verdict, SENTENCES[error.verdict], str(error), getattr(error, "traceback_text", ""))  # type: ignore[arg-type]
    if isinstance(error, StudentRaised):
        return _raised(error, error.kind, error.traceback_text)
    frames = _student_frames(error, student_folder)
    if frames:
        kind = next((base.__name__ for base in type(error).__mro__ if base.__name__ in BUILTIN), "Exception")
        return _raised(error, kind, frames)
    if isinstance(error, Mismatch):
        number = f": {error.measured}" if error.measured else ""
        return Outcome("failed", SENTENCES[error.kind] + number, str(error), advice=error.advice)
    if isinstance(error, hypothesis.errors.Flaky):
        return Outcome("failed", SENTENCES["unstable"], "the same input passed once and failed once")
    if isinstance(error, MemoryError):
        # Of the test's own budget, of which the reference needs a tenth: a column came back where a row was promised,
        # and broadcasts against another into terabytes, say.
        return Outcome("failed", SENTENCES["too_costly"], f"MemoryError: {error}", full_text(error))
    if isinstance(error, hypothesis.errors.HypothesisException) and entered:
        return Outcome("failed", SENTENCES["wrong_value"], f"{type(error).__name__}: {error}", full_text(error))
    if isinstance(error, (DeepgradeError, hypothesis.errors.HypothesisException)):
        return Outcome("grader_error", SENTENCES["grader_error"], full_text(error))
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return Outcome("failed", SENTENCES["wrong_value"], str(error) or "the law does not hold")
    if isinstance(error, Exception):
        # The test stumbled over what it got back: None where an array was promised, say. The reference passes the
        # same test, so the value is at fault; the words for staff hold the test's own traceback.
        return Outcome("failed", SENTENCES["wrong_type"], f"{type(error).__name__}: {error}", full_text(error))
    return Outcome("grader_error", SENTENCES["grader_error"], full_text(error))


def _raised(error: BaseException, kind: str, frames: str) -> Outcome:
    if kind == "NotImplementedError":
        return Outcome("not_implemented", SENTENCES["not_implemented"], str(error), frames)
    return Outcome("raised", f"raised {kind}", f"{kind}: {error}", frames)


def _student_frames(error: BaseException, folder: Path | None) -> str:
    """The part of a traceback inside the student's own files, if the error came from there.

    Not where it came from a function of the test's that the student's code had called: a wire keeps those apart, too.
    """
    if folder is None:
        return ""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).parent == folder:
        return "".join(traceback.format_exception_only(error))
    own: list[traceback.FrameSummary] = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.name.startswith("test_"):
            own = []
        elif path.parent == folder:
            own.append(frame)
    if not own:
        return ""
    for frame in own:
        frame.filename = Path(frame.filename).name  # as on the server
    last = traceback.TracebackException.from_exception(error)
    last.__notes__ = None  # hypothesis's: the example has a place of its own in a report
    return "".join(traceback.format_list(own)) + "".join(last.format_exception_only())


def full_text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
