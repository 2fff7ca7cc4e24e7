"""Who may see what of a report.

A student sees everything of a public test. Of a hidden test a student sees the law, the verdict, the class of failure,
advice on a training, and figures, times of trainings and time ratios that the test recorded on purpose. A student never
sees an input, a value, a traceback, or printed text, since these could reveal a hidden input. Times are coarse, and the
kind of an exception is hidden, for the same reason: the student's code chooses them and knows the input. Staff see
everything. Names of mistakes are shown to a student when the assignment's `name_mistakes` says so.

A public test that passes on the public examples and fails on those under the course's secret is shown like a hidden
test. Printed text of a public test is shown only if all its examples were public.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from autograder.report import rounding
from autograder.report.schema import Measured, ProblemResult, Ratio, Report, TestResult, Timings, TrainingTimes

Viewer = Literal["student", "staff"]
RAISED = "raised an exception"  # of a hidden test; the student's code could encode an input in one of 54 kinds


def view(report: Report, viewer: Viewer, *, mistakes: bool = False) -> Report:
    """The report, reduced to what this viewer may see.

    mistakes : a student is told the names of mistakes (`names_are_visible`).
    """
    if viewer == "staff":
        return report
    tests = [_public(test) for test in _without_parameters(report.tests)]
    # The time of one hidden test could reveal an input, too; the total is coarse enough.
    seconds = {t.id: report.timings.test_seconds.get(t.id, 0.0) for t in tests if t.visibility == "public"}
    seconds = {name: rounding.total_seconds(value) for name, value in seconds.items()}
    ratios = {t.id: _ratio(report.timings.ratios[t.id]) for t in tests if t.id in report.timings.ratios}
    trainings = {t.id: _training(report.timings.trainings[t.id]) for t in tests if t.id in report.timings.trainings}
    total = rounding.total_seconds(report.timings.total_seconds)
    importing = rounding.number(report.timings.import_seconds, rounding.TIME_DIGITS)
    timings = Timings(total, seconds, ratios, trainings, import_seconds=importing)
    explanations = [
        msgspec.structs.replace(explanation, tests=[], mistakes=[]) for explanation in report.explanations if mistakes
    ]
    return msgspec.structs.replace(report, tests=tests, timings=timings, explanations=explanations)


def names_are_visible(policy: str, *, attempt: int | None = None, is_due: bool = False) -> bool:
    """Is a student told the names of mistakes?

    policy : `name_mistakes` of the manifest, or of the course.   attempt : number of the upload, from 1; None: unknown.
    is_due : the student's due date has passed.
    """
    if policy == "staff":
        return False
    if policy == "at once" or is_due:
        return True
    return policy.startswith("attempt ") and attempt is not None and attempt >= int(policy.removeprefix("attempt "))


def _ratio(ratio: Ratio) -> Ratio:
    return Ratio(rounding.beside(ratio.value, ratio.limit, rounding.TIME_DIGITS), ratio.limit)


def _training(times: TrainingTimes) -> TrainingTimes:
    """Without the device memory, which the student's process reports and nobody verifies."""
    reference = times.reference_seconds
    return msgspec.structs.replace(
        times,
        seconds=rounding.number(times.seconds, rounding.TIME_DIGITS),
        reference_seconds=None if reference is None else rounding.number(reference, rounding.TIME_DIGITS),
        memory_mb=rounding.megabytes(times.memory_mb),
        device_memory_mb=0.0,
        measured=[_measured(measured) for measured in times.measured],
    )


def _measured(measured: Measured) -> Measured:
    return (
        measured
        if measured.value is None
        else msgspec.structs.replace(measured, value=rounding.beside(measured.value, measured.bar))
    )


def without_hidden(report: Report, *, points: bool) -> Report:
    """A student's view without the results of hidden tests, for a course that shows them later or never.

    points : keep the totals? If not, they are those of the public tests, since a total reveals the results of the
        hidden tests.
    """
    tests = [_on_public_examples(test) for test in report.tests if test.visibility == "public"]
    test_ids = {test.id for test in tests}
    timings = Timings(
        report.timings.total_seconds,
        {name: seconds for name, seconds in report.timings.test_seconds.items() if name in test_ids},
        {name: ratio for name, ratio in report.timings.ratios.items() if name in test_ids},
        import_seconds=report.timings.import_seconds,
    )
    report = msgspec.structs.replace(report, tests=tests, timings=timings, explanations=[])
    if points:
        return report
    problems = [_of_public_tests(problem, tests) for problem in report.problems]
    return msgspec.structs.replace(
        report,
        problems=problems,
        points=sum(test.points for test in tests),
        possible=sum(test.possible for test in tests),
    )


def _of_public_tests(problem: ProblemResult, tests: list[TestResult]) -> ProblemResult:
    problem_tests = [test for test in tests if test.problem == problem.name]
    return msgspec.structs.replace(
        problem,
        points=sum(test.points for test in problem_tests),
        possible=sum(test.possible for test in problem_tests),
    )


def _without_parameters(tests: list[TestResult]) -> list[TestResult]:
    """Replace the parameters in the names of hidden tests by numbers, since `test_x[0.5]` shows an input."""
    counts: Counter[str] = Counter()
    renamed = []
    for test in tests:
        base, bracket, _ = test.id.partition("[")
        if bracket and test.visibility == "hidden":
            counts[base] += 1
            ending = f"[{counts[base]}]"
            test = msgspec.structs.replace(test, id=base + ending, name=test.name.partition("[")[0] + ending)
        renamed.append(test)
    return renamed


def _on_public_examples(test: TestResult) -> TestResult:
    """The result of a public test on the public examples."""
    if test.failed_on != "secret":
        return test
    return msgspec.structs.replace(
        test, verdict="passed", points=test.possible, failure="", advice="", figures=[], failed_on=""
    )


def _public(test: TestResult) -> TestResult:
    if test.visibility == "public" and test.failed_on != "secret":
        met_the_secret = "secret" in test.examples and test.failed_on != "public"
        return msgspec.structs.replace(test, output="") if met_the_secret else test
    failure = RAISED if test.verdict == "raised" else test.failure
    return msgspec.structs.replace(test, failure=failure, detail="", example="", traceback="", output="", repeat="")
