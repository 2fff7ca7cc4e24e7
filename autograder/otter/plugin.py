"""The plugin through which `otter run` and `otter.api.grade_submission` call deepgrade.

before_grading     before any student code runs: the files are read, removed, and graded in a sandbox
before_execution   replaces the notebook that otter executes by an empty one
after_grading      replaces the results by those of deepgrade
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from otter.test_files import GradingResults

from autograder import grade as grading
from autograder.core.errors import DeepgradeError, Refused
from autograder.otter import packaging, submission
from autograder.otter.results import grading_results, without_results
from autograder.report.schema import Report

if TYPE_CHECKING:  # otter has no types

    class AbstractOtterPlugin:
        plugin_config: dict[str, Any]

else:
    from otter.plugins import AbstractOtterPlugin


class Deepgrade(AbstractOtterPlugin):
    """Otter calls the hooks in this order, in one process, in the folder of the student's files."""

    _graded: GradingResults | None = None

    def before_grading(self, config: Any) -> None:
        folder = Path.cwd()
        try:
            _check_that_nothing_is_imported_from_here()
            report = self._grade(folder, zips=bool(config.zips))
            self._graded = grading_results(report, mistakes=packaging.shows_mistakes(self.plugin_config))
        except Exception as error:  # otherwise otter would have no results and no reason
            reason = str(error) if isinstance(error, DeepgradeError) else f"{type(error).__name__}: {error}"
            self._graded = without_results(f"Not graded because the grader failed; this is not a zero: {reason}")
        finally:
            # Otherwise otter's kernel would start in a folder with a student's files.
            submission.clear(folder)

    def before_execution(self, submission: Any) -> Any:
        new_notebook: Callable[[], Any] = nbformat.v4.new_notebook
        return new_notebook()

    def after_grading(self, results: GradingResults) -> None:
        graded = self._graded if self._graded is not None else without_results("Not graded: the hooks ran out of order")
        # Otter keeps its own object, so its contents are replaced.
        notebook = results.notebook
        results.__dict__.update(graded.__dict__)
        results.notebook = notebook

    def _grade(self, folder: Path, *, zips: bool) -> Report:
        with packaging.unpacked(self.plugin_config) as (assignment, secret):
            try:
                upload = submission.read(folder, assignment.manifest, zips=zips)
            except Refused as error:
                return Report(assignment.name, assignment.manifest.title, "refused", str(error))
            # Otter deletes this folder while the judges' server still runs.
            with contextlib.chdir("/"):
                known = packaging.mistakes(self.plugin_config)
                return grading.grade(assignment, upload, secret=secret, known=known)


def _check_that_nothing_is_imported_from_here() -> None:
    """With "" on the search path (a notebook, `python -c`), otter imports from the student's folder."""
    if "" in sys.path or os.getcwd() in sys.path:
        raise DeepgradeError(
            "the working folder is on Python's search path, so that otter could import a student's files; "
            "use `otter run`, or a script, or take it off first: sys.path.remove('')"
        )
