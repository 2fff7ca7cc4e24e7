"""A table of the kinds of mistakes that mutants.py tries in each function.

A law that catches a mistake in one function does not catch it in the next one. So each kind of mistake (mutants.KINDS)
and each function that students write form a field of a table. A field holds

    mutants     wrong answers of that kind, each with the law that catches it
    a reason    why the mistake cannot be made there (NOT_APPLICABLE)
    nothing     the author has not considered it: an empty field

A wrong helper of the reference (its name begins with _) counts for each function that uses it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from autograder.core.errors import BadCourse
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.course.mutants import ALL_KINDS, ANY_FUNCTION, Mutant, mutants, not_applicable
from autograder.verify import probes


@dataclass(frozen=True)
class Field:
    """One kind of mistake in one function."""

    kind: str
    function: str
    mutants: tuple[Mutant, ...]
    reason: str  # why it has no mutants

    @property
    def empty(self) -> bool:
        return not self.mutants and not self.reason

    @property
    def laws(self) -> list[str]:
        """The tests that catch it, each once."""
        return list(dict.fromkeys(mutant.killed_by for mutant in self.mutants))


def functions(assignment: Assignment) -> list[str]:
    """The functions and classes that students write, in the stub's order."""
    module = f"{assignment.manifest.module}.py"
    names = probes.functions_to_write(
        assignment.stub()[module], assignment.reference()[module], assignment.folder / module
    )
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def table(assignment: Assignment) -> list[Field]:
    """All fields, kind by kind. Raises BadCourse if mutants.py cannot be read, or contradicts itself."""
    names, wrong_answers = functions(assignment), mutants(assignment)
    targets = _targets(assignment, names)
    reasons: dict[tuple[str, str], str] = {}
    for entry in not_applicable(assignment):
        for function in names if entry.functions == (ANY_FUNCTION,) else entry.functions:
            if function not in names:
                raise BadCourse(f"{_path(assignment)}: NOT_APPLICABLE names {function!r}, which students do not write")
            reasons |= {(kind, function): entry.reason for kind in entry.kinds}
    fields = []
    for kind in ALL_KINDS:
        for function in names:
            matching = tuple(
                mutant for mutant in wrong_answers if mutant.kind == kind and mutant.target in targets[function]
            )
            reason = reasons.get((kind, function), "")
            if matching and reason:
                raise BadCourse(
                    f"{_path(assignment)}: NOT_APPLICABLE says that {kind!r} cannot occur in {function}, but mutant "
                    f"{matching[0].name} is of that kind"
                )
            fields.append(Field(kind, function, matching, reason))
    return fields


def _targets(assignment: Assignment, names: list[str]) -> dict[str, set[str]]:
    """The targets of mutants that count for each function: the function, its private helpers, and their helpers.

    A helper of `forward` does not count for `train`, which calls `forward`.
    """
    module = f"{assignment.manifest.module}.py"
    tree = tree_of(assignment.reference()[module])
    used = {
        node.name: {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    helpers = {name for name in used if name.startswith("_")}
    targets = {}
    for name in names:
        reachable, frontier = {name}, {name}
        while frontier:
            frontier = {helper for target in frontier for helper in used.get(target, set()) & helpers} - reachable
            reachable |= frontier
        targets[name] = reachable
    return targets


def _path(assignment: Assignment) -> str:
    return f"{assignment.solution}/mutants.py"
