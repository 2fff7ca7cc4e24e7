"""A report -> otter's own GradingResults, through `from_ottr_json`, which otter keeps for engines outside it.

our problem   otter's question: one column of final_grades.csv, one entry of results.json
our test      its test case: name, points, hidden or not, the law, and the words that a student may read
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from otter.test_files import GradingResults

from autograder.otter.packaging import PLUGIN
from autograder.report import gradescope, schema, visibility
from autograder.report.schema import Report, TestResult


def grading_results(told: Report) -> GradingResults:
    """Of a graded report; what was refused has its reason and no results."""
    if told.state != "graded":
        return without_results(f"{told.state.replace('_', ' ').capitalize()}: {told.message}")
    shown = visibility.view(told, "student")
    files = [
        {
            "filename": f"{problem.name}.py",
            "points": None,
            "test_case_results": [_case(test) for test in shown.tests if test.problem == problem.name],
        }
        for problem in shown.problems
    ]
    made = GradingResults.from_ottr_json(json.dumps({"test_file_results": files}))
    for problem in shown.problems:
        if made.results[problem.name].score != problem.points:
            made.results[problem.name].update_score(problem.points)  # points in part, which otter's cases do not know
    made.set_output("\n".join(filter(None, [shown.message, graded_where(told)])))
    made.set_plugin_data(PLUGIN, schema.to_json(told).decode())
    return made


def graded_where(told: Report) -> str:
    """The line that says which walls stood."""
    return f"Graded by deepgrade in a sandbox of its own: {told.sandbox}."


def without_results(why: str) -> GradingResults:
    """With the reason, which otter shows where results would stand."""
    # Of a built-in class: otter pickles it, and who reads it back may have no deepgrade.
    return GradingResults.without_results(RuntimeError(why))


def _case(test: TestResult) -> dict[str, Any]:
    passed = test.verdict == "passed"
    return {
        "passed": passed,
        "error": "passed" if passed else gradescope.words(msgspec.structs.replace(test, law=test.name)),
        "test_case": {
            "name": test.name,
            "code": "",
            "hidden": test.visibility == "hidden",
            "points": float(test.possible),
            "success_message": None,
            "failure_message": test.law,
        },
    }
