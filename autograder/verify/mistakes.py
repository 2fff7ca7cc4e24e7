"""Which kinds of mistakes were tried in which functions, from what mutants.py says.

A law that catches a mistake in one function does not catch it in the next one. So each kind of mistake (mutants.KINDS)
and each function that students write make a field of a table, which holds

    mutants     wrong answers of that kind, each with the law that catches it
    a reason    why the mistake cannot be made there (NOT_APPLICABLE)
    nothing     nobody has looked: an empty field

A wrong helper of the reference (its name begins with _) counts for each function that uses it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from autograder.core.errors import BadCourse
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.verify import probes
from autograder.verify.mutants import ALL_KINDS, ANY_FUNCTION, Mutant, mutants, not_applicable


@dataclass(frozen=True)
class Field:
    """One kind of mistake in one function."""

    kind: str
    function: str
    mutants: tuple[Mutant, ...]
    reason: str  # why there are none

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
    names = probes.to_write(assignment.stub()[module], assignment.reference()[module], assignment.folder / module)
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def table(assignment: Assignment) -> list[Field]:
    """All fields, kind by kind. Raises BadCourse where mutants.py cannot be read, or contradicts itself."""
    names, tried = functions(assignment), mutants(assignment)
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
            found = tuple(mutant for mutant in tried if mutant.kind == kind and mutant.target in targets[function])
            reason = reasons.get((kind, function), "")
            if found and reason:
                raise BadCourse(
                    f"{_path(assignment)}: NOT_APPLICABLE says that {kind!r} cannot occur in {function}, but mutant "
                    f"{found[0].name} is of that kind"
                )
            fields.append(Field(kind, function, found, reason))
    return fields


def _targets(assignment: Assignment, names: list[str]) -> dict[str, set[str]]:
    """What a mutant may name for each function: the function, its private helpers, and theirs.

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
        found, new = {name}, {name}
        while new:
            new = {helper for each in new for helper in used.get(each, set()) & helpers} - found
            found |= new
        targets[name] = found
    return targets


def _path(assignment: Assignment) -> str:
    return f"{assignment.solution}/mutants.py"
