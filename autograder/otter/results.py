"""Converts a report to otter's GradingResults, through `from_ottr_json`, otter's interface for other engines.

problem   otter's question: one column of final_grades.csv, one entry of results.json
test      otter's test case: name, points, hidden or not, the law, and the text that a student may read
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from otter.test_files import GradingResults

from autograder.otter.packaging import PLUGIN
from autograder.report import gradescope, schema, visibility
from autograder.report.schema import Report, TestResult


def grading_results(report: Report, *, mistakes: bool = False) -> GradingResults:
    """The results of a graded report. A refused submission has its reason and no results.

    mistakes : students are told the names of mistakes.
    """
    if report.state != "graded":
        return without_results(f"{report.state.replace('_', ' ').capitalize()}: {report.message}")
    student_view = visibility.view(report, "student", mistakes=mistakes)
    files = [
        {
            "filename": f"{problem.name}.py",
            "points": None,
            "test_case_results": [_case(test) for test in student_view.tests if test.problem == problem.name],
        }
        for problem in student_view.problems
        if not problem.bonus or any(test.problem == problem.name for test in student_view.tests)
    ]
    otter_results = GradingResults.from_ottr_json(json.dumps({"test_file_results": files}))
    for problem in student_view.problems:
        if problem.name not in otter_results.results:  # a bonus for which nothing was handed in
            continue
        if otter_results.results[problem.name].score != problem.points:
            otter_results.results[problem.name].update_score(
                problem.points
            )  # partial points, which otter's cases do not have
    lines = [student_view.message, *gradescope.names_of_mistakes(student_view), sandbox_line(report)]
    otter_results.set_output("\n".join(filter(None, lines)))
    otter_results.set_plugin_data(PLUGIN, schema.to_json(report).decode())
    return otter_results


def sandbox_line(report: Report) -> str:
    """The line that names the walls of the sandbox."""
    return f"Graded by deepgrade in a sandbox of its own: {report.sandbox}."


def without_results(reason: str) -> GradingResults:
    """No results, but a reason that otter shows in their place."""
    # An exception of a built-in class: otter pickles it, and the reader may not have deepgrade.
    return GradingResults.without_results(RuntimeError(reason))


def _case(test: TestResult) -> dict[str, Any]:
    passed = test.verdict == "passed"
    return {
        "passed": passed,
        "error": "passed" if passed else gradescope.text_of(msgspec.structs.replace(test, law=test.name)),
        "test_case": {
            "name": test.name,
            "code": "",
            "hidden": test.visibility == "hidden",
            "points": float(test.possible),
            "success_message": None,
            "failure_message": test.law,
        },
    }
