"""Wrong answers, built from the reference: what a mutants.py says -> submissions that must fail.

A mutants.py is read, never run here. Each of its functions (or classes) marked `@mutant(target, killed_by=test)` is put
behind the reference's source under the target's name, so it stands in for the right one wherever that is called:

    <reference source>
    reference = SimpleNamespace(**globals())      # the right versions, for the mutant to use
    def softmax(z): ...                           # the mutant's body, renamed
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import BadCourse
from autograder.submission import Submission, sha256_of

BRIDGE = "\n\nimport types as _types\n\nreference = _types.SimpleNamespace(**globals())\n\n\n"

Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Mutant:
    """One wrong answer: its name is its mistake."""

    name: str
    target: str
    killed_by: str
    files: dict[str, bytes]

    @property
    def submission(self) -> Submission:
        return Submission(self.files, sha256_of(self.files))


def mutants(assignment: Assignment) -> list[Mutant]:
    """The mutants of an assignment, in the file's order. Raises BadCourse with the place of what is wrong."""
    if assignment.solution is None:
        return []
    path = assignment.solution / "mutants.py"
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except OSError as error:
        raise BadCourse(f"{path}: cannot be read ({error.strerror}); an assignment proves its tests with it") from error
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error
    files = assignment.reference()
    module = f"{assignment.manifest.module}.py"
    right = files[module].decode("utf-8")
    targets = {node.name for node in ast.parse(right).body if isinstance(node, Definition)}
    found = []
    for node in tree.body:
        if not isinstance(node, Definition):
            continue
        mark = _mark(node)
        if mark is None:
            continue
        target, killed_by = _arguments(mark, path)
        if target not in targets:
            raise BadCourse(f"{path}:{node.lineno}: {node.name} mutates {target!r}, which {module} does not define")
        wrong = right + BRIDGE + _renamed(text, node, target) + "\n"
        found.append(Mutant(node.name, target, killed_by, {**files, module: wrong.encode()}))
    names = [mutant.name for mutant in found]
    for name in names:
        if names.count(name) > 1:
            raise BadCourse(f"{path}: two mutants are named {name}")
    return found


def _mark(node: Definition) -> ast.Call | None:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "mutant":
            return decorator
    return None


def _arguments(mark: ast.Call, path: Path) -> tuple[str, str]:
    try:
        (target,) = [ast.literal_eval(argument) for argument in mark.args]
        (killed_by,) = [ast.literal_eval(word.value) for word in mark.keywords if word.arg == "killed_by"]
    except ValueError:
        raise BadCourse(f'{path}:{mark.lineno}: expected @mutant("target", killed_by="test_name")') from None
    return str(target), str(killed_by)


def _renamed(text: str, node: Definition, target: str) -> str:
    """The definition's own lines, without the mark, under the target's name."""
    lines = ast.get_source_segment(text, node)
    assert lines is not None  # it was parsed from this text
    head, _, rest = lines.partition(node.name)
    return head + target + rest
