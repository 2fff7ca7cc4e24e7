"""Checks the sentences of mutants: what a student who has made a mutant's mistake is told.

    def divided_twice(z, y):
        \"\"\"You divide by the batch size twice.

        Handout: A heading
        \"\"\"

A sentence begins with "You" or "Your", ends with a full stop, and differs from those of all other mutants of the same
function. The heading is optional, and is one of the handout's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autograder.course.course import Assignment
from autograder.course.mutants import Mutant

LONGEST = 160  # characters
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def problems(assignment: Assignment, mutants: Sequence[Mutant]) -> list[str]:
    """A text for each sentence that is missing or has not this form."""
    handout = assignment.folder / "README.md"
    text = handout.read_text(encoding="utf-8", errors="replace") if handout.is_file() else ""
    headings = set(HEADING.findall(text))
    first: dict[tuple[str, str], str] = {}  # target and sentence -> the mutant that has it
    found = []
    for mutant in mutants:
        other = first.setdefault((mutant.target, mutant.sentence), mutant.name)
        found += [f"mutant {mutant.name}: {problem}" for problem in _problems(mutant, headings, other)]
    return found


def _problems(mutant: Mutant, headings: set[str], first: str) -> Iterator[str]:
    """first : the first mutant of the same function with the same sentence."""
    if not mutant.sentence:
        yield "has no docstring, which is the sentence to a student who has made this mistake"
        return
    if not mutant.sentence.startswith(("You ", "Your ")) or not mutant.sentence.endswith("."):
        yield f'the sentence must begin with "You" or "Your" and end with a full stop: {mutant.sentence[:60]!r}'
    if len(mutant.sentence) > LONGEST:
        yield f"the sentence has {len(mutant.sentence)} characters; {LONGEST} are allowed"
    if first != mutant.name:
        yield f"has the same sentence as mutant {first} of the same function"
    if mutant.heading and mutant.heading not in headings:
        yield f"the handout has no heading {mutant.heading!r}"
