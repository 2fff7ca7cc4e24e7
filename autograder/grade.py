"""A submission and an assignment -> a Report: in a sandbox, all tests. What the service, the shell and `verify` use.

Linux only. A student's laptop runs the public tests with `autograder.local_check.public_tests`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from autograder.core.errors import GraderError
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.course.submission import Submission
from autograder.judge import assemble, needs, server
from autograder.judge.job import Job, Judged
from autograder.mistakes import explaining
from autograder.mistakes.catalogue import Catalogue
from autograder.own_tests import answers as suites
from autograder.report import completeness
from autograder.report.schema import Report
from autograder.sandbox import Sandbox
from autograder.sandbox import gpu as gpus
from autograder.sandbox.runtime import runtime

OnEvent = Callable[[dict[str, Any]], None]

declared = assemble.declared  # the problems of a manifest
warm = server.warm  # imports everything ahead of the first submission


def grade(
    assignment: Assignment,
    submission: Submission,
    *,
    secret: bytes,
    on_event: OnEvent | None = None,
    tests: list[Path] | None = None,
    shrink: bool = True,
    only: str | Sequence[str] | None = None,
    with_needs: bool = True,
    container: bool = False,
    profile: Literal["cpu", "gpu"] | None = None,
    calibrating: bool = False,
    own_tests: bool = True,
    known: Catalogue | None = None,
) -> Report:
    """Run all tests against the submission in a sandbox.

    secret : the course's; the examples of hidden tests are drawn from it.
    on_event : told of {"event": "collected", "tests": [..], "needs": {id: [..]}}, with what every test of the files
        needs, be it run or not; of "started" and "finished", and of each point of a curve,
        {"event": "trained", "test": id, "point": {"epoch": 3.0, "loss": 0.2}}, as they happen.
    tests : other test files than the assignment's.
    only : the name of one test, or names; these are run, with those that they need (with_needs), and no other.
    container : this is a container that is thrown away afterwards, where tests and results are in folders of mode 0700:
        if namespaces are forbidden, a dropped uid takes their place, and the report says so.
    profile : the settings of training checks: those for a CPU, or for a GPU; without it, by what is here.
    calibrating : training checks measure, and hold nobody to a bar.
    known : the catalogue of mistakes; with it failed tests are played once more, and mistakes are named.
    shrink : look for the smallest failing inputs; without it a verdict comes sooner.
    own_tests : judge the tests of the student's own, where some were handed in.
    Raises GraderError (and its kinds) for a fault of ours: then there is no report, and never a zero.
    """
    files = tests if tests is not None else assignment.test_files
    names = [only] if isinstance(only, str) else list(only or [])
    wants_suite = own_tests and tests is None and (not names or own.PROBLEM in names)
    job = Job(
        manifest=str(assignment.folder / "assignment.toml"),
        tests=[str(path) for path in files],
        files=_without_suite(assignment, submission),
        secret=secret,
        reference=assignment.reference() if assignment.solution else {},
        reference_folder=str(assignment.solution or ""),
        shrink=shrink,
        only=names,
        suite=_suite(assignment, submission) if wants_suite else None,
        with_needs=with_needs,
        container=container,
        profile=profile,
        calibrating=calibrating,
        play=known is not None,
    )
    began = time.monotonic()
    judged = server.ask(job, on_event or (lambda event: None), assignment.manifest.packages)
    _raise_for_our_faults(judged, assignment, container=container)
    if not only:
        completeness.check((finished.result for finished in judged.finished), files)
    seconds = time.monotonic() - began
    report = assemble.assemble(assignment, judged, total_seconds=seconds, submission_sha256=submission.sha256)
    return report if known is None else _explained(report, judged, known)


def _explained(report: Report, judged: Judged, known: Catalogue) -> Report:
    """With the names of mistakes."""
    return msgspec.structs.replace(report, explanations=explaining.explanations(known, report, judged.answers))


def _suite(assignment: Assignment, submission: Submission) -> suites.SuiteJob | None:
    """The tests of the student's own, with what judges them; None where none were handed in."""
    content = submission.files.get(own.SUITE)
    if content is None or assignment.manifest.own_tests is None or assignment.solution is None:
        return None
    return suites.job(assignment, content)


def _without_suite(assignment: Assignment, submission: Submission) -> dict[str, bytes]:
    """The files that meet the assignment's tests."""
    optional = assignment.manifest.optional
    return {name: content for name, content in submission.files.items() if name not in optional}


def check_the_sandbox(assignment: Assignment) -> None:
    """Start one, with a worker in it: once, before many meet it. Raises SandboxUnavailable or SandboxLost."""
    manifest = assignment.manifest
    with Sandbox(manifest.packages, manifest.limits) as sandbox, sandbox.worker():
        pass


def versions(assignment: Assignment) -> dict[str, str]:
    """Of all that decides a verdict here, as a report says them. Raises SandboxUnavailable where one is missing."""
    return {**assemble.own_versions(), **runtime(assignment.manifest.packages).versions}


def device(assignment: Assignment) -> str:
    """The device on which this machine would grade the assignment now, as a report says it.

    Raises SandboxUnavailable or GraderError if DEEPGRADE_GPU names a GPU that is missing or lost.
    """
    return gpus.device_of(gpus.assigned() if assignment.manifest.device == "gpu" else None)


def depends_on_the_machine(report: Report) -> set[str]:
    """The ids of tests whose results time or memory decided, so that another run may have other ones."""
    from autograder.judge.verdicts import SENTENCES  # imports pytest and hypothesis

    verdicts = {"timed_out", "out_of_memory", "died"}
    if sum(report.timings.test_seconds.values()) >= needs.SECONDS:
        verdicts.add("blocked")
    return {
        *report.timings.ratios,
        *report.timings.trainings,
        *(test.id for test in report.tests if test.verdict in verdicts or test.failure == SENTENCES["too_costly"]),
        # A suite for which nothing counts may have been too slow this time.
        *(test.id for test in report.tests if test.id == own.ID and test.verdict == "failed" and not test.points),
    }


def _raise_for_our_faults(judged: Judged, assignment: Assignment, *, container: bool) -> None:
    for result in (finished.result for finished in judged.finished):
        if result.verdict == "grader_error":
            if not container:
                check_the_sandbox(assignment)  # where none starts at all, its sentence says why
            raise GraderError(f"{result.id}: {result.detail}")
