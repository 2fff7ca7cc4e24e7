"""The program of the replaced run_otter.py, in the containers of Gradescope and of `otter grade`. It starts no kernel.

    /autograder/source/otter_config.json     the assignment            folder gets mode 0700
    /autograder/submission/                  the student's files       read as data, by this process only
    /autograder/results/results.json, .pkl   written at the end, when no student code runs

If the grader fails, it writes no result, so that no student gets a zero. The reason is printed on standard output,
which instructors see.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import traceback
from pathlib import Path
from typing import Any

import dill
from otter.run.run_autograder.autograder_config import AutograderConfig
from otter.test_files import GradingResults

from autograder import grade as grading
from autograder.core.errors import DeepgradeError, Refused
from autograder.otter import packaging, submission
from autograder.otter.results import grading_results
from autograder.report import gradescope
from autograder.report.schema import Report


def main(autograder_dir: str) -> int:
    """Grade the files in `submission`. Returns the exit status."""
    folder = Path(autograder_dir)
    results = folder / "results"
    results.mkdir(exist_ok=True)
    for name in ("results.json", "results.pkl"):
        with contextlib.suppress(FileNotFoundError):
            (results / name).unlink()
    try:
        for name in ("source", "submission", "results"):
            (folder / name).chmod(stat.S_IRWXU)
        config = json.loads((folder / "source" / "otter_config.json").read_text(encoding="utf-8"))
        report = _grade(folder, config)
    except Exception as error:
        reason = str(error) if isinstance(error, DeepgradeError) else traceback.format_exc()
        print(f"deepgrade: not graded because the grader failed; this is not a zero: {reason}")
        return 1
    shows_mistakes = packaging.shows_mistakes(packaging.settings(config)) if report.explanations else False
    otter_results = grading_results(report, mistakes=shows_mistakes)
    _write(results / "results.pkl", dill.dumps(otter_results))
    _write(results / "results.json", json.dumps(_for_gradescope(report, otter_results, config), indent=4).encode())
    _print_summary(report)
    return 0


def _grade(folder: Path, config: dict[str, Any]) -> Report:
    settings = packaging.settings(config)
    with packaging.unpacked(settings) as (assignment, secret):
        try:
            upload = submission.read(folder / "submission", assignment.manifest, zips=bool(config.get("zips")))
        except Refused as error:
            return Report(assignment.name, assignment.manifest.title, "refused", str(error))
        with contextlib.chdir("/"):
            known = packaging.mistakes(settings)
            return grading.grade(assignment, upload, secret=secret, container=True, known=known)


def _for_gradescope(report: Report, otter_results: GradingResults, config: dict[str, Any]) -> dict[str, Any]:
    """The results as otter would write them, with the settings in otter_config.json (show_hidden, points_possible)."""
    if report.state == "refused":
        return gradescope.results(report)
    # AutograderConfig does not need the plugin's settings, which are large.
    otter_config = {name: value for name, value in config.items() if name != "plugins"}
    results: dict[str, Any] = otter_results.to_gradescope_dict(AutograderConfig(otter_config))
    return results


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)


def _print_summary(report: Report) -> None:
    print(f"deepgrade: {report.title}: {report.state}, {report.points:g} of {report.possible:g} points")
    if report.message:
        print(f"deepgrade: {report.message}")
    for line in gradescope.names_of_mistakes(report):
        print(f"deepgrade: {line}")
    for test in report.tests:
        print(f"{test.points:g} / {test.possible:g}  {test.id}  {test.verdict}")
