"""Results of tests -> a Report."""

from __future__ import annotations

import platform
from importlib import metadata

import numpy as np

from autograder import __version__
from autograder.core.errors import BadCourse
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.course.manifest import Manifest
from autograder.judge.job import Judged
from autograder.report.points import of_problems
from autograder.report.schema import ProblemResult, Report, TestResult, Timings


def assemble(assignment: Assignment, judged: Judged, *, total_seconds: float, submission_sha256: str = "") -> Report:
    """Points by problem, in the manifest's order. Raises BadCourse for a test whose problem the manifest lacks."""
    manifest, surroundings = assignment.manifest, judged.surroundings
    results = [finished.result for finished in judged.finished]
    _check_problems(assignment, results)
    problems = of_problems(declared(manifest), results)
    return Report(
        assignment=assignment.name,
        title=manifest.title,
        state="graded",
        message=_message(manifest.module, surroundings.import_failure),
        points=sum(problem.points for problem in problems),
        possible=sum(problem.possible for problem in problems),
        problems=problems,
        tests=results,
        submission_sha256=submission_sha256,
        tests_sha256=assignment.tests_sha256(),
        device=surroundings.device,
        sandbox=surroundings.walls,
        versions={**own_versions(), **surroundings.versions},
        timings=Timings(
            round(total_seconds, 3),
            {finished.result.id: round(finished.seconds, 3) for finished in judged.finished},
            {finished.result.id: finished.ratio for finished in judged.finished if finished.ratio},
            {finished.result.id: finished.training for finished in judged.finished if finished.training},
            {finished.result.id: finished.cost for finished in judged.finished},
            round(surroundings.import_seconds, 3),
        ),
    )


def declared(manifest: Manifest) -> list[ProblemResult]:
    """The problems of a manifest, without points; the bonus of tests of one's own comes last."""
    problems = [ProblemResult(problem.name, problem.title, 0.0, 0.0) for problem in manifest.problems]
    if manifest.own_tests is not None:
        problems.append(ProblemResult(own.PROBLEM, manifest.own_tests.title, 0.0, 0.0, manifest.own_tests.points))
    return problems


def _message(module: str, import_failure: str) -> str:
    """One sentence instead of one for every test. It can hold nothing hidden: no test had asked anything yet."""
    first = import_failure.strip().splitlines()[:1]
    return f"{module}.py cannot be imported, so no test could ask it anything: {first[0]}" if first else ""


def own_versions() -> dict[str, str]:
    """Of what decides the examples and the verdicts, beside the student's distributions."""
    return {
        "deepgrade": __version__,
        "python": platform.python_version(),
        "hypothesis": metadata.version("hypothesis"),
        "numpy": np.__version__,
    }


def _check_problems(assignment: Assignment, results: list[TestResult]) -> None:
    names = {problem.name for problem in assignment.manifest.problems}
    for result in results:
        if result.possible and result.problem not in names:
            raise BadCourse(
                f"{assignment.name}: {result.id} gives points for {result.problem!r}, which is no problem of "
                f"{assignment.folder / 'assignment.toml'}"
            )
