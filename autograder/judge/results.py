"""From a test that has ended to what is known of it."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import hypothesis
import pytest

from autograder.judge import verdicts
from autograder.judge.fixtures import Blocked, GoneOutside
from autograder.judge.job import Finished
from autograder.judge.running import RunningTest
from autograder.judge.session import Judging
from autograder.report.schema import JudgeCost, TestResult, Visibility


def outcome(test: RunningTest, error: BaseException) -> verdicts.Outcome:
    """What ended the test; of a test that hypothesis went on with, the failure with the smallest input."""
    if isinstance(error, Blocked):
        return verdicts.Outcome("blocked", str(error), str(error))
    folder = test.judging.student_folder
    if isinstance(error, GoneOutside) and error.__cause__ is not None:
        return verdicts.judge(error.__cause__, folder)
    if isinstance(error, hypothesis.errors.Flaky) and not test.failure.done:
        return verdicts.judge(error, folder)
    return verdicts.judge(test.failure.error or error, folder, entered=test.failure.entered)


def finished(test: RunningTest, item: pytest.Item) -> Finished:
    """All that is known of the test, now that it is over."""
    seconds = time.perf_counter() - test.began
    spent, held = test.judging.meter.read()
    limits = test.limits
    cost = JudgeCost(round(spent, 3), round(held, 1), limits.judge_seconds, limits.judge_memory_mb)
    outcome = _final(test)
    if outcome.verdict == "blocked":
        test.judging.dependent_seconds += seconds
    result = _result(test, item, outcome)
    return Finished(result, seconds, cost, test.ratio, test.training, test.was_not_run)


def _final(test: RunningTest) -> verdicts.Outcome:
    outcome, depends = test.outcome or verdicts.PASSED, test.dependence
    if outcome.verdict == "passed":
        return verdicts.PASSED
    if depends is not None and outcome.verdict != "grader_error":
        return verdicts.Outcome("blocked", depends.sentence, depends.sentence)
    return outcome


def _result(test: RunningTest, item: pytest.Item, outcome: verdicts.Outcome) -> TestResult:
    """Of a public test that failed on the course's examples, only these are told: the public ones passed."""
    failed = outcome.verdict not in ("passed", "blocked")
    again = test.is_again and failed
    if again:
        outcome = dataclasses.replace(outcome, failure=f"{outcome.failure}, on examples that are not the public ones")
    mark = item.get_closest_marker("points")
    possible = float(mark.args[0]) if mark else 0.0
    visibility = test.judging.visibility(item.path)
    first, second = test.output.get(False, ""), test.output.get(True, "")
    return TestResult(
        id=test.id,
        name=item.name,
        law=_sentence(item),
        problem=mark.kwargs["problem"] if mark else "",
        points=possible if outcome.verdict == "passed" else 0.0,
        possible=possible,
        visibility=visibility,
        **dataclasses.asdict(outcome),
        example=test.failure.example if failed else "",
        output=second if again else first + second,
        repeat=f"deepgrade check --test {item.name}" if visibility == "public" and not again else "",
        figures=test.recorder.figures if outcome.verdict != "blocked" else [],
        examples=_examples(item, test.judging, visibility),
        failed_on="" if outcome.verdict == "passed" or visibility == "hidden" else "secret" if again else "public",
    )


def _examples(item: pytest.Item, judging: Judging, visibility: Visibility) -> Any:
    if not hasattr(getattr(item, "function", None), "hypothesis"):
        return "fixed" if {"race", "training"}.isdisjoint(getattr(item, "fixturenames", ())) else "secret"
    if visibility == "hidden":
        return "secret"
    return "public" if judging.course_secret is None else "public and secret"


def _sentence(item: pytest.Item) -> str:
    """The test's docstring in one line; `{loss}` in it is the value of the parameter `loss` of a parametrised test."""
    text = " ".join((getattr(getattr(item, "function", None), "__doc__", None) or "").split())
    for name, value in (item.callspec.params if hasattr(item, "callspec") else {}).items():
        text = text.replace(f"{{{name}}}", str(value))
    return text or item.name
