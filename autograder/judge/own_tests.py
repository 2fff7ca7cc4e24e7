"""Tests of a student's own, as one more test of the job, behind all others."""

from __future__ import annotations

import time
from collections.abc import Callable

from autograder.course import own_tests as own
from autograder.course.manifest import Limits, Manifest
from autograder.judge.budget import Meter
from autograder.judge.job import Finished, Job
from autograder.judge.session import Event
from autograder.judge.verdicts import SENTENCES
from autograder.own_tests import judging, scoring
from autograder.own_tests.judging import Judged
from autograder.report.schema import JudgeCost, TestResult

MEMORY_MB = 2048  # of the judge's own work


def announced(event: Event, job: Job) -> Event:
    """The event that lists the tests of a job, with this one."""
    if job.suite is None or event["event"] != "collected" or own.ID in [done.result.id for done in job.finished]:
        return event
    return {**event, "tests": [*event["tests"], own.ID], "needs": {**event["needs"], own.ID: []}}


def judge(job: Job, manifest: Manifest, meter: Meter, on_event: Callable[[Event], None]) -> Finished | None:
    """The result; None where there is nothing to judge. Raises GraderError and its kinds for a fault of ours."""
    if job.suite is None or own.ID in [finished.result.id for finished in job.finished]:
        return None
    # Every call between the two sandboxes is the judge's work as well, and the wall time of all of them is limited.
    limits = Limits(judge_seconds=2 * job.suite.declared.total_seconds, judge_memory_mb=MEMORY_MB)
    on_event({"event": "started", "test": own.ID, "judge_seconds": limits.judge_seconds})
    meter.start(limits.judge_memory_mb)
    began = time.perf_counter()
    result = _result(job, manifest)
    spent, held = meter.read()
    # Its budget is that of a whole assignment's tests, so it is no measure for one: right suites stay far below.
    cost = JudgeCost(round(spent, 3), round(held, 1), limits.judge_seconds, limits.judge_memory_mb)
    return Finished(result, time.perf_counter() - began, cost)


def _result(job: Job, manifest: Manifest) -> TestResult:
    assert job.suite is not None
    why = job.too_costly.get(own.ID)
    if why is not None:
        return scoring.result(job.suite, Judged(tests=["?"], stopped=SENTENCES["too_costly"]))
    return scoring.result(job.suite, judging.judge(job.suite, manifest, job.secret, container=job.container))
