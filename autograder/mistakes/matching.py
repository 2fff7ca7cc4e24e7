"""Which known mistakes account for the tests that a submission fails?

A mistake accounts for a failed test if the submission answered all its examples as that mistake does. It is named only

    if it fails no test that the submission passes, and accounts for most of those that both fail
    if its answers agree in telling numbers; or, where what came back is no number (a shape, a dtype, a missing error),
        if the two fail the same tests, at least WEAK_TESTS, in the same way, and at most GROUP known mistakes do so
    if all named mistakes together account for ENOUGH of the tests that were played

The smallest set of mistakes is looked for one by one: first what accounts for most. Where up to GROUP mistakes account
for the same tests, all are named as "one of". A file that switches between two mistakes of one function answers like
both: then neither is named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.mistakes.catalogue import Answers, Catalogue, Mistake
from autograder.mistakes.records import Record, all_alike

GROUP = 3  # mistakes that are named together
WEAK_TESTS = 2  # one yes or no, one shape or one kind of error is no evidence
STRENGTH = 2  # telling numbers that must agree, over all examples
# Share of the failed tests. Without it 11 of softmax's 153 mistakes, left out of the catalogue, get another name: a
# mistake in a function that others call looks like one of theirs in their tests.
ENOUGH = 0.75


@dataclass(frozen=True)
class Name:
    """One mistake, or one of a few."""

    mistakes: list[Mistake]
    tests: list[str]  # that it accounts for
    is_strong: bool = True


@dataclass
class Named:
    names: list[Name] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)  # failed tests


def match(catalogue: Catalogue, answers: Answers, failed: Collection[str], passed: Collection[str]) -> Named:
    """The mistakes of a submission.

    answers : of its failed tests that were played.   failed, passed : ids of tests; others were not judged.
    """
    candidates = _candidates(catalogue, answers, set(passed))
    names: list[Name] = []
    left = set(answers)
    while True:
        best = _best(candidates, left, answers)
        if best is None:
            break
        names.append(best)
        left -= set(best.tests)
    names = _without_switches(names)
    if sum(len(name.tests) for name in names) < ENOUGH * len(answers):
        names = []
    if not names and (weak := _weak(catalogue, answers, set(passed))):
        names = [weak]
    explained = {test for name in names for test in name.tests}
    return Named(names, [test for test in failed if test not in explained])


def _candidates(catalogue: Catalogue, answers: Answers, passed: set[str]) -> list[tuple[Mistake, set[str]]]:
    """Mistakes that the submission may have made, each with the tests that it accounts for."""
    found = []
    for mistake in catalogue.mistakes:
        own = catalogue.answers(mistake)
        if not passed.isdisjoint(own):
            continue
        both = own.keys() & answers.keys()
        covered = {test for test in both if all_alike(own[test], answers[test])}
        if covered and 2 * len(covered) > len(both):
            found.append((mistake, covered))
    return found


def _best(candidates: Sequence[tuple[Mistake, set[str]]], left: set[str], answers: Answers) -> Name | None:
    """What accounts for most of the tests that are left."""
    covering = [(mistake, covered & left) for mistake, covered in candidates]
    covering = [(mistake, tests) for mistake, tests in covering if _strength(answers, tests) >= STRENGTH]
    if not covering:
        return None
    most = max(len(tests) for _, tests in covering)
    first = next(tests for _, tests in covering if len(tests) == most)
    group = [mistake for mistake, tests in covering if tests == first]
    return Name(group, sorted(first)) if len(group) <= GROUP else None


def _strength(answers: Answers, tests: Collection[str]) -> int:
    """How many telling numbers the answers to these tests hold."""
    return sum(record.strength for test in tests for record in answers[test] if not record.held)


def _without_switches(names: list[Name]) -> list[Name]:
    counts: dict[str, int] = {}
    for name in names:
        for function in {mistake.function for mistake in name.mistakes}:
            counts[function] = counts.get(function, 0) + 1
    return [name for name in names if all(counts[mistake.function] == 1 for mistake in name.mistakes)]


def _weak(catalogue: Catalogue, answers: Answers, passed: set[str]) -> Name | None:
    """The mistake, or one of a few, that fails the same tests in the same way, where what came back is no number."""
    if len(answers) < WEAK_TESTS:
        return None
    group = []
    for mistake in catalogue.mistakes:
        own = catalogue.answers(mistake)
        if passed.isdisjoint(own) and own.keys() == answers.keys() and _same_everywhere(own, answers):
            group.append(mistake)
    return Name(group, sorted(answers), is_strong=False) if 0 < len(group) <= GROUP else None


def _same_everywhere(own: Mapping[str, Sequence[Record]], answers: Answers) -> bool:
    return all(all_alike(own[test], answers[test]) for test in answers)
