"""How well known mistakes are named, from the catalogues alone: no submission is graded.

    own          each mutant's answers are looked up in the catalogue that holds it: is it named, alone or in a group?
    leave one out    the same without the mutant and those that answer all tests as it does: any name is a wrong one

Catalogues that this machine has under the secret of the benchmark are used; others are made, which takes minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from autograder.course.course import Course
from autograder.course.mutants import mutants
from autograder.fingerprinting.build import build
from autograder.mistakes import catalogue, store
from autograder.mistakes.catalogue import Answers, Catalogue, Mistake
from autograder.mistakes.matching import match
from autograder.mistakes.records import all_alike
from bench.page import REPOSITORY, Section

SECRET = b"deepgrade bench"
ASSIGNMENTS = ("softmax", "backprop")


@dataclass
class Counts:
    named: int = 0
    by_numbers: int = 0  # of those that are named
    other: int = 0  # another mistake was named, alone or as well
    without_itself: int = 0  # named although the catalogue does not have it


def measure(rounds: int) -> Section:
    rows = []
    for name in ASSIGNMENTS:
        assignment = Course(REPOSITORY)[name]
        known = store.find(assignment, SECRET)
        if known is None:
            known = build(assignment, SECRET)
            store.keep(assignment, known)
        counts, total = counts_of(known), len(mutants(assignment))
        rows.append(
            (
                name,
                str(total),
                f"{counts.named} ({100 * counts.named / total:.1f} %)",
                str(counts.by_numbers),
                str(counts.other),
                f"{counts.without_itself} ({100 * counts.without_itself / total:.1f} %)",
                f"{len(catalogue.packed(known)) / 1024:.0f} kB",
            )
        )
    columns = ("assignment", "mutants", "named right", "of these by numbers", "wrong", "leave one out", "catalogue")
    return Section("make bench ARGS=mistakes", columns, rows)


def counts_of(known: Catalogue) -> Counts:
    counts = Counts()
    for mistake in known.mistakes:
        answers = known.answers(mistake)
        named = match(known, answers, list(answers), _passed(known, answers)).names
        right = [name for name in named if mistake in name.mistakes]
        counts.named += bool(right)
        counts.by_numbers += any(name.is_strong for name in right)
        counts.other += len(right) < len(named)
        counts.without_itself += bool(match(_without(known, mistake), answers, [], _passed(known, answers)).names)
    return counts


def _passed(known: Catalogue, answers: Answers) -> set[str]:
    return set(known.tests) - answers.keys()


def _without(known: Catalogue, mistake: Mistake) -> Catalogue:
    """Without those that cannot be told from it."""
    own = known.answers(mistake)
    others = [
        other
        for other in known.mistakes
        if (answers := known.answers(other)).keys() != own.keys()
        or not all(all_alike(answers[test], own[test]) for test in own)
    ]
    return msgspec.structs.replace(known, mistakes=others)
