"""From what a suite said to points and words.

    points = P K / N, rounded down to a tenth      P: of the problem, N: wrong answers, K: of these, refused
    nothing                                        where a right answer was refused, where two runs with one answer
                                                   disagree, and where the suite was stopped

What a student reads: how many wrong answers were caught, which mistakes these make (where the course allows it), and
how many right answers were refused, by which test and with which kind of failure. The suite's own words are for staff,
since the answers of the functions under test may be in them.
"""

from __future__ import annotations

import math
from collections import Counter

import msgspec

from autograder.course import own_tests as own
from autograder.own_tests.answers import SuiteJob
from autograder.own_tests.judging import Judged, Run
from autograder.report.schema import TestResult, Verdict

SHOWN_REFUSALS = 5
SENTENCE = 200  # characters of one mistake's sentence


class Score(msgspec.Struct, frozen=True):
    """killed : names of the wrong answers that were refused.   missed : of those that were accepted.
    refused : the first refusal of each right answer, by its name.   void : why nothing counts; "" where it does."""

    points: float
    possible: float
    killed: list[str]
    missed: list[str]
    refused: dict[str, Run]
    void: str = ""


def score(job: SuiteJob, judged: Judged) -> Score:
    wrong = [answer.name for answer in job.answers if not answer.is_right]
    refusing = {run.answer for run in judged.runs if run.refused_by and not run.is_right}
    refused: dict[str, Run] = {}
    for run in judged.runs:
        if run.is_right and (run.refused_by or run.silent):
            refused.setdefault(run.answer, run)
    killed = [name for name in wrong if name in refusing]
    void = _void(job, judged, refused)
    points = 0.0 if void else points_for(job.declared.points, len(killed), len(wrong))
    return Score(points, job.declared.points, killed, [name for name in wrong if name not in refusing], refused, void)


def points_for(points: float, killed: int, wrong: int) -> float:
    """P K / N, rounded down to a tenth; all P for all N."""
    return points if killed == wrong else math.floor(10 * points * killed / wrong + 1e-9) / 10


def _void(job: SuiteJob, judged: Judged, refused: dict[str, Run]) -> str:
    if judged.broken:
        return f"{own.SUITE} cannot be imported: {judged.broken}"
    if judged.stopped:
        return f"your tests were stopped, so nothing counts: a run {judged.stopped}"
    if refused:
        right = sum(answer.is_right for answer in job.answers)
        return f"your tests refuse {len(refused)} of {right} right answers, so nothing that they catch counts"
    if judged.unstable:
        return (
            "your tests refused an answer once and accepted it another time, so nothing counts: draw with a fixed seed"
        )
    return ""


def result(job: SuiteJob, judged: Judged) -> TestResult:
    """The one result of the problem. Its points are a bonus: none of them is among the possible ones."""
    found = score(job, judged)
    wrong = len(found.killed) + len(found.missed)
    caught = f"your tests catch {len(found.killed)} of {wrong} wrong answers"
    failure = found.void or ("" if not found.missed else f"{caught}, and accept every right one")
    if not judged.tests and not judged.broken:
        failure = f"{own.SUITE} holds no test of a function under test, so it catches nothing"
    return TestResult(
        id=own.ID,
        name=own.PROBLEM,
        law="Tests of your own refuse wrong answers, and accept every right one.",
        problem=own.PROBLEM,
        points=found.points,
        possible=0.0,
        visibility="hidden",
        verdict=_verdict(judged, found),
        failure=failure[:480],
        advice=_advice(job, judged, found),
        detail=_detail(found),
        output=judged.output,
        examples="fixed",
    )


def _verdict(judged: Judged, found: Score) -> Verdict:
    if not judged.tests and not judged.broken and not judged.problems:
        return "not_implemented"
    return "passed" if found.points == found.possible else "failed"


def _advice(job: SuiteJob, judged: Judged, found: Score) -> str:
    """For students: lines."""
    lines = [f"{run.refused_by or 'A run'} refuses a right answer: {_way(run)}." for run in found.refused.values()]
    lines = list(dict.fromkeys(lines))[:SHOWN_REFUSALS]
    lines += judged.problems[:SHOWN_REFUSALS]
    answers = {answer.name: answer for answer in job.answers}
    if found.killed and not judged.stopped:
        lines.append(f"Caught {len(found.killed)} of {len(found.killed) + len(found.missed)}:")
        if job.declared.sentences:
            lines += [f"- {answers[name].target}: {answers[name].sentence[:SENTENCE]}" for name in found.killed]
        else:
            lines += _by_function([answers[name].target for name in found.killed])
    if found.missed and judged.runs and not judged.stopped:
        lines.append("Wrong answers that your tests accept, by function:")
        lines += _by_function([answers[name].target for name in found.missed])
    return "\n".join(lines)


def _by_function(targets: list[str]) -> list[str]:
    return [f"- {target}: {count}" for target, count in Counter(targets).items()]


def _way(run: Run) -> str:
    """In what way a right answer was refused."""
    if run.silent:
        return f"the run {run.silent}"
    return WAYS.get(run.kind, f"the test raises {run.kind}")


WAYS = {
    "wrong_value": "the test takes its value for a wrong one",
    "wrong_shape": "the test expects another shape",
    "wrong_dtype": "the test expects another dtype",
    "wrong_type": "the test expects another type",
    "not_finite": "the test expects a finite number",
    "changed_input": "the test says that an argument was changed",
    "no_error": "the test expects an error",
    "AssertionError": "an assertion of the test fails",
    "ended": "the test asks for what takes too long or too much memory",
}


def _detail(found: Score) -> str:
    """For staff: names, and the suite's own words."""
    lines = [f"caught: {', '.join(found.killed) or 'none'}", f"missed: {', '.join(found.missed) or 'none'}"]
    lines += [
        f"refused the right answer {name}: {run.refused_by} {run.kind} {run.text}{run.silent}".rstrip()
        for name, run in found.refused.items()
    ]
    return "\n".join(lines)
