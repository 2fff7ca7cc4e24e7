"""The wrong answers of another hand are what they claim to be: each changes one function, and copies nothing.

That each of them loses points, and that the right answers have full marks, was seen with `deepgrade grade`; here the
right answers pass the public tests.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import another_hand
import pytest

from autograder.course.course import Course
from autograder.local_check import public_tests

COURSE = Course(Path(__file__).resolve().parents[2])
BASES = sorted(path.stem for path in another_hand.BASES.glob("*.py"))
ANSWERS = list(another_hand.wrong_answers())
IDS = [f"{answer.set}-{answer.assignment}-{answer.identifier}" for answer in ANSWERS]
FEWEST_NODES = 40  # two functions of fewer nodes are alike by chance: `return lam * w`

each_answer = pytest.mark.parametrize("answer", ANSWERS, ids=IDS)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


class WithoutNames(ast.NodeTransformer):
    """Variables, arguments and functions are numbered in the order in which they appear; docstrings go."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def number(self, name: str) -> str:
        return self.numbers.setdefault(name, f"name{len(self.numbers)}")

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.number(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.number(node.arg))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self.number(node.name)
        node.body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        node.decorator_list, node.returns = [], None
        self.generic_visit(node)
        return node


def functions(tree: ast.AST) -> set[str]:
    """All functions of a tree, methods and nested ones too, without names and docstrings."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    sources = [ast.unparse(node) for node in found if sum(1 for _ in ast.walk(node)) >= FEWEST_NODES]
    return {ast.dump(WithoutNames().visit(ast.parse(source))) for source in sources}


def ours(assignment: str) -> set[str]:
    """The functions of the reference and of the mutants. What the stub gives to students is everybody's."""
    solution = COURSE[assignment].solution
    assert solution is not None
    known = {function for name in ("mutants.py", f"{assignment}.py") for function in functions(parsed(solution / name))}
    return known - functions(parsed(COURSE[assignment].folder / f"{assignment}.py"))


def imported(source: str) -> set[str]:
    """The names of the packages that a source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    return names


@pytest.mark.parametrize("assignment", BASES)
def test_a_right_answer_passes_the_public_tests(assignment, tmp_path):
    (tmp_path / f"{assignment}.py").write_text(another_hand.base_source(assignment), encoding="utf-8")
    tests = public_tests.check(tmp_path, COURSE[assignment]).tests
    assert tests
    assert [test.name for test in tests if test.verdict != "passed"] == []


@pytest.mark.parametrize("assignment", BASES)
def test_a_right_answer_copies_no_function(assignment):
    assert not functions(ast.parse(another_hand.base_source(assignment))) & ours(assignment)


def test_a_set_holds_fifty_wrong_answers():
    for name in {answer.set for answer in ANSWERS}:
        assert sum(answer.set == name for answer in ANSWERS) == 50


@each_answer
def test_a_wrong_answer_changes_one_function(answer):
    base = another_hand.definitions(another_hand.base_source(answer.assignment))
    changed = another_hand.definitions(answer.source)
    assert set(base) <= set(changed)
    differing = {name for name in base if ast.dump(base[name]) != ast.dump(changed[name])}
    assert differing == {answer.function}
    assert answer.sentence.startswith("You")


@each_answer
def test_a_wrong_answer_imports_what_its_assignment_allows(answer):
    packages = {name.replace("scikit-image", "skimage") for name in COURSE[answer.assignment].manifest.packages}
    assert imported(answer.source) <= packages | sys.stdlib_module_names


@each_answer
def test_a_wrong_answer_copies_no_mutant(answer):
    assert not functions(ast.parse(answer.source)) & ours(answer.assignment)


def test_copies_are_found_under_other_names():
    original = (
        "def f(a, b):\n    'Text.'\n    c = a * b + 1\n    for i in range(c):\n        a = a + i * c - b\n    return a"
    )
    copy = "def g(x, y):\n    z = x * y + 1\n    for k in range(z):\n        x = x + k * z - y\n    return x"
    other = copy.replace("x * y + 1", "x * y + 2")
    assert functions(ast.parse(original)) == functions(ast.parse(copy)) != functions(ast.parse(other))
