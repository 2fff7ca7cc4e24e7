"""A report in Gradescope's format: one entry for every test, with only the texts that a student may read.

https://gradescope-autograders.readthedocs.io/en/latest/specs/ documents the fields.
"""

from __future__ import annotations

import json
from typing import Any

from autograder.report import visibility
from autograder.report.schema import Report, TestResult


def results(report: Report, *, mistakes: bool = False) -> dict[str, Any]:
    """The contents of results.json. Raises ValueError if the grader failed, since Gradescope would show a score.

    mistakes : with the names of mistakes.
    """
    if report.state == "grader_error":
        raise ValueError("the grader failed, so there is no result")
    student_view = visibility.view(report, "student", mistakes=mistakes)
    if report.state == "refused":
        return {"score": 0.0, "output": f"Not graded: {student_view.message}", "output_format": "text", "tests": []}
    lines = [student_view.message] if student_view.message else []
    lines += names_of_mistakes(student_view)
    lines.append(f"Graded in a sandbox: {student_view.sandbox}.")
    return {
        "score": student_view.points,
        "output": "\n".join(lines),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_entry(number, test) for number, test in enumerate(student_view.tests, 1)],
        "extra_data": {
            "assignment": student_view.assignment,
            "possible": student_view.possible,
            "submission_sha256": student_view.submission_sha256,
            "tests_sha256": student_view.tests_sha256,
        },
    }


def names_of_mistakes(report: Report) -> list[str]:
    """A line for each explanation of a report that has been reduced to what its reader may see."""
    titles = {problem.name: problem.title for problem in report.problems}
    return [
        f"{titles.get(explanation.problem, explanation.problem)}: {' Or: '.join(explanation.sentences)} "
        f"(accounts for {explanation.explained} of {explanation.failed} failed tests)"
        for explanation in report.explanations
    ]


def to_json(report: Report, *, mistakes: bool = False) -> bytes:
    return json.dumps(results(report, mistakes=mistakes), indent=2, ensure_ascii=False).encode() + b"\n"


def _entry(number: int, test: TestResult) -> dict[str, Any]:
    return {
        "name": f"{test.problem}: {test.name}" if test.problem else test.name,
        "number": str(number),
        "score": test.points,
        "max_score": test.possible,
        "status": "passed" if test.verdict == "passed" else "failed",
        "output": text_of(test),
        "visibility": "visible",
        "tags": [test.visibility],
        "extra_data": {"id": test.id, "verdict": test.verdict},
    }


def text_of(test: TestResult) -> str:
    """The text of one test, in lines, from a report that has been reduced to what its reader may see."""
    lines = [test.law] if test.law != test.name else []
    if test.verdict == "passed":
        return "\n".join(lines)
    sentence = test.failure or test.verdict.replace("_", " ")
    lines += [test.advice] if test.advice else []
    if test.detail and test.detail != test.failure:
        sentence = f"{sentence}: {test.detail}"
    lines.append(sentence)
    for title, text in (("with", test.example), ("where", test.traceback), ("repeat", test.repeat)):
        if text.strip():
            lines += [f"{title}:", text.rstrip()]
    return "\n".join(lines)
