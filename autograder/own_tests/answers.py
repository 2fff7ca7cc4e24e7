"""The functions under test of an assignment: the wrong answers of mutants.py, and the right ones."""

from __future__ import annotations

import msgspec

from autograder.core.errors import BadCourse
from autograder.course import mutants as wrong
from autograder.course import own_tests as own
from autograder.course.course import Assignment
from autograder.course.own_tests import OwnTests


class UnderTest(msgspec.Struct, frozen=True):
    """One answer. Its name and its sentence never leave the judge while a suite runs."""

    name: str
    files: dict[str, bytes]
    is_right: bool
    target: str = ""  # the function that is wrong
    sentence: str = ""  # to a student who has made this mistake


class SuiteJob(msgspec.Struct, frozen=True):
    """What a judge needs to judge a suite."""

    suite: bytes
    declared: OwnTests
    module: str
    answers: list[UnderTest]


def job(assignment: Assignment, suite: bytes) -> SuiteJob:
    """Raises BadCourse where the assignment has no such problem, or names an answer that is not there."""
    declared = assignment.manifest.own_tests
    if declared is None or assignment.solution is None:
        missing = own.FILE if declared is None else f"solutions/{assignment.name}"
        raise BadCourse(f"{assignment.name}: has no {missing}, so tests of one's own cannot be judged")
    return SuiteJob(suite, declared, assignment.manifest.module, under_test(assignment, declared))


def under_test(assignment: Assignment, declared: OwnTests) -> list[UnderTest]:
    """All answers that a suite meets: right ones first."""
    assert assignment.solution is not None
    chosen, place = own.chosen(assignment.solution), assignment.solution / own.FILE
    right = {"reference": assignment.reference(), **assignment.answers("variants")}
    names = chosen.right if chosen.right is not None else list(right)
    for name in names:
        if name not in right:
            raise BadCourse(f"{place}: right: {name!r} is neither the reference nor a variant")
    if not names:
        raise BadCourse(f"{place}: right: names no right answer, so a suite that refuses everything would earn points")
    mutants = {mutant.name: mutant for mutant in wrong.mutants(assignment)}
    targeted = [mutant.name for mutant in mutants.values() if mutant.target in declared.functions]
    selected = chosen.mutants if chosen.mutants is not None else targeted
    for name in selected:
        if name not in targeted:
            raise BadCourse(f"{place}: mutants: {name!r} is no wrong answer to one of {', '.join(declared.functions)}")
    if not selected:
        raise BadCourse(f"{place}: mutants: there is no wrong answer to catch")
    return [
        *(UnderTest(name, right[name], True) for name in names),
        *(UnderTest(name, (m := mutants[name]).files, False, m.target, m.sentence) for name in selected),
    ]
