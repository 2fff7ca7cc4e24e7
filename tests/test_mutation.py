"""Mechanical mutants are small changes, each of one place; `make mutants` tries them."""

from __future__ import annotations

import ast

import mechanical_mutants
import pytest
from mutation import mutations

from autograder.course.course import Course

COURSE = Course(mechanical_mutants.REPOSITORY)
SOURCES = {
    assignment.name: assignment.reference()[f"{assignment.manifest.module}.py"].decode() for assignment in COURSE
}


def changes(body: str) -> set[str]:
    """What is made of one function's body."""
    source = "def f(a, b, c=1):\n" + "\n".join(f"    {line}" for line in body.splitlines())
    return {mutation.name for mutation in mutations(source)}


@pytest.mark.parametrize(
    "statement, after",
    [
        ("return a < b", {"return a <= b"}),
        ("return a is not b", {"return a is b"}),
        ("return a + b", {"return a - b"}),
        ("return a ** b", {"return a * b"}),
        ("return a and b", {"return a or b"}),
        ("return 3", {"return 4"}),
        ("return 0.5", {"return 1.0"}),
        ("return 0.0", {"return 1.0"}),
        ("return True", {"return False"}),
        ("return -a", {"return a"}),
        ("return -1", {"return 1", "return -0"}),
        ("return -0.5", {"return 0.5", "return -1.0"}),
        ("return np.maximum(a, b)", set()),
        ("return zip(a, b, strict=True)", {"return zip(b, a, strict=True)"}),
        ("return not a", {"return a"}),
        ("return g(a, b)", {"return g(b, a)"}),
        ("return g(*a, b)", set()),
        ("return g(a, a)", set()),
        ("return 'text'", set()),
        ("a.b = c", {"pass"}),
        ("a = b", set()),
        ("a += b", {"pass", "a -= b"}),
        ("g(a)", {"pass"}),
        ("raise ValueError(f'{a + 1} is less than {2}')", {"pass"}),
        ("'''A docstring with 1.'''", set()),
        ("a: list[int, 3] = b", set()),
    ],
)
def test_each_kind_of_change(statement, after):
    assert changes(statement) == {f"{ast.unparse(ast.parse(statement))}  ->  {changed}" for changed in after}


def test_statements_within_others_are_changed_too():
    body = "if a < b:\n    a -= 1\nelse:\n    for i in range(2):\n        def g():\n            return i + 1\nreturn a"
    assert changes(body) == {
        "if a < b:  ->  if a <= b:",
        "a -= 1  ->  pass",
        "a -= 1  ->  a += 1",
        "a -= 1  ->  a -= 2",
        "for i in range(2):  ->  for i in range(3):",
        "return i + 1  ->  return i - 1",
        "return i + 1  ->  return i + 2",
    }


@pytest.mark.parametrize("name", SOURCES)
def test_mutants_of_a_reference_differ_from_it_in_one_line_and_from_each_other(name):
    original = "\n".join(map(ast.unparse, ast.parse(SOURCES[name]).body)).splitlines()
    found = list(mutations(SOURCES[name]))
    assert found == list(mutations(SOURCES[name]))
    assert len({mutation.source for mutation in found}) == len(found) > 50
    for mutation in found:
        changed = mutation.source.splitlines()
        assert sum(line != other for line, other in zip(original, changed, strict=True)) == 1, mutation.name


@pytest.mark.parametrize("name", SOURCES)
def test_the_table_of_equivalent_mutants_names_mutants_that_exist(name):
    existing = {(mutation.function, mutation.name) for mutation in mechanical_mutants.mutants_of(COURSE[name])}
    entries = mechanical_mutants.equivalent().get(name, [])
    assert [entry for entry in entries if (entry.function, entry.mutant) not in existing] == []
    assert all(entry.reason for entry in entries)


def test_what_students_are_given_has_no_mutants():
    functions = {mutation.function for mutation in mechanical_mutants.mutants_of(COURSE["optimizers"])}
    assert "SGD" in functions
    assert functions.isdisjoint({"initialize", "parameters", "copied", "forward", "backward", "cross_entropy"})
