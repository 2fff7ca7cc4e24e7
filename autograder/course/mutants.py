"""Wrong answers, built from the reference: the functions of a mutants.py -> submissions that must fail.

A mutants.py is parsed and never run here. Each function or class marked `@mutant(target, killed_by=test)` is appended
to the reference's source under the target's name, so it replaces the right one in every call:

    <reference source>
    reference = SimpleNamespace(**globals())      # the right versions, for the mutant to use
    def softmax(z): ...                           # the mutant's body, renamed

Its docstring is a sentence to the student who has made this mistake, and may name a heading of the handout
(verify/sentences.py).

A mutant may name the kind of its mistake, one of KINDS. A mistake of one kind can be made in many functions, and a law
that catches it in one function misses it in another. verify/mistakes.py makes a table of kinds and functions. For a
kind that cannot occur in a function the file gives a reason:

    NOT_APPLICABLE = {
        ("a squeeze", "output_size"): "returns one int",
        (("state", "chance"), ("forward", "backward")): "draws nothing and keeps nothing",  # groups of kinds, functions
        ("epsilon in another place", "*"): "no formula here has an epsilon",  # all functions
    }
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.core.errors import BadCourse
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.course.submission import Submission, sha256_of

BRIDGE = "\n\nimport types as _types\n\nreference = _types.SimpleNamespace(**globals())\n\n\n"

Definition = ast.FunctionDef | ast.ClassDef

# Frequent mistakes of students, by groups.
KINDS = {
    "exponentials": ("no shift in exponentials", "the maximum of the whole matrix for the row's"),
    "masks": ("a mask with >= for >",),
    "shapes": (
        "a squeeze",
        "a (1, k) gradient for (k,)",
        "two dimensions taken for granted",
        "height for width, rows for columns",
        "the border cut by [p:-p]",
    ),
    "batches": (
        "each batch drawn anew",  # so that an epoch is not a partition
        "batches that share a buffer",
        "an order never or once drawn",
        "labels or order mixed up",
    ),
    "state": ("state read but never stored", "a step count that never advances"),
    "parameters": (
        "a parameter read but replaced by a constant",
        "epsilon in another place",
        "scale, shift or rescaling forgotten in one mode",
    ),
    "chance": (
        "a normal draw for a uniform one",  # or a uniform one for a normal one
        "a zero or constant draw",
    ),
    "gradients": ("an assignment for +=", "a factor of the batch, the classes or two", "another's gradient"),
}
ALL_KINDS = tuple(kind for group in KINDS.values() for kind in group)
ANY_FUNCTION = "*"


@dataclass(frozen=True)
class NotApplicable:
    """Kinds of mistakes that cannot occur in these functions, and the reason."""

    kinds: tuple[str, ...]
    functions: tuple[str, ...]  # (ANY_FUNCTION,) for all
    reason: str


@dataclass(frozen=True)
class Mutant:
    """One wrong answer: its name is its mistake."""

    name: str
    target: str
    killed_by: str
    files: dict[str, bytes]
    kind: str = ""  # one of ALL_KINDS, or none
    sentence: str = ""  # to the student who has made this mistake
    heading: str = ""  # of the handout's section that explains it, or none

    @property
    def submission(self) -> Submission:
        return Submission(self.files, sha256_of(self.files))


def mutants(assignment: Assignment) -> list[Mutant]:
    """The mutants of an assignment, in the file's order. Raises BadCourse with the place of the error."""
    if assignment.solution is None:
        return []
    return wrong_answers(assignment.solution / "mutants.py", assignment.reference(), assignment.manifest.module)


def wrong_answers(path: Path, files: dict[str, bytes], name: str) -> list[Mutant]:
    """The mutants of a file, put behind other files than the reference's. Raises BadCourse with the place of the error.

    files : as a student would hand them in.   name : of the module among them.
    """
    path, text, tree = _read(path)
    module = f"{name}.py"
    source = files[module].decode("utf-8")
    targets = {node.name for node in tree_of(source).body if isinstance(node, Definition)}
    mutants = []
    for node in tree.body:
        if not isinstance(node, Definition):
            continue
        mark = _mark(node)
        if mark is None:
            continue
        target, killed_by, kind = _arguments(mark, path)
        if target not in targets:
            raise BadCourse(f"{path}:{node.lineno}: {node.name} mutates {target!r}, which {module} does not define")
        changed = {**files, module: (source + BRIDGE + _renamed(text, node, target) + "\n").encode()}
        mutants.append(Mutant(node.name, target, killed_by, changed, kind, *_sentence(node)))
    names = [mutant.name for mutant in mutants]
    for one in names:
        if names.count(one) > 1:
            raise BadCourse(f"{path}: two mutants are named {one}")
    return mutants


def not_applicable(assignment: Assignment) -> list[NotApplicable]:
    """The entries of NOT_APPLICABLE in mutants.py, in order. Raises BadCourse with the place of the error."""
    if assignment.solution is None:
        return []
    path, _, tree = _read(assignment.solution / "mutants.py")
    constants: dict[str, Any] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name == "NOT_APPLICABLE":
            return list(_reasons(node, constants, path))
        with contextlib.suppress(ValueError):
            constants[name] = _literal(node.value, constants)
    return []


def without_docstrings(text: str) -> str:
    """The lines of a mutants.py, without the mutants' docstrings and empty lines: all that a proof depends on."""
    marked = [node for node in tree_of(text).body if isinstance(node, Definition) and _mark(node) is not None]
    left_out = {number for node in marked for number in _lines_of_docstring(node)}
    lines = enumerate(text.splitlines(), 1)
    return "\n".join(line for number, line in lines if number not in left_out and line.strip())


def _lines_of_docstring(node: Definition) -> range:
    """The numbers of its lines. Empty if it shares one with code, or if there is nothing else in the body."""
    docstring = node.body[0]
    if ast.get_docstring(node) is None or len(node.body) == 1 or docstring.lineno == node.lineno:
        return range(0)
    return range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1)


def _sentence(node: Definition) -> tuple[str, str]:
    """(sentence, heading) of a mutant's docstring."""
    sentence, _, heading = (ast.get_docstring(node) or "").partition("\n\nHandout: ")
    return " ".join(sentence.split()), heading.strip()


def _reasons(node: ast.Assign, constants: dict[str, Any], path: Path) -> Iterator[NotApplicable]:
    form = f'{path}:{node.lineno}: expected NOT_APPLICABLE = {{("kind", "function"): "reason"}}'
    try:
        reasons = _literal(node.value, constants)
        entries = [(*map(_as_tuple, key), reason) for key, reason in reasons.items()]
    except (ValueError, TypeError, AttributeError):
        raise BadCourse(form) from None
    for entry in entries:
        if len(entry) != 3 or not isinstance(entry[2], str):
            raise BadCourse(form)
        kind_names, functions, reason = entry
        kinds = [kind for name in kind_names for kind in KINDS.get(name, (name,))]
        for kind in kinds:
            _check_kind(kind, f"{path}:{node.lineno}")
        yield NotApplicable(tuple(kinds), functions, reason)


def _literal(node: ast.expr, constants: dict[str, Any]) -> Any:
    """The value of a literal that may contain names of earlier literals. Raises ValueError for anything else."""
    if isinstance(node, ast.Name) and node.id in constants:
        return constants[node.id]
    if isinstance(node, ast.Tuple):
        items: list[Any] = []
        for item in node.elts:
            value = _literal(item.value if isinstance(item, ast.Starred) else item, constants)
            items += value if isinstance(item, ast.Starred) else [value]
        return tuple(items)
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [_literal(key, constants) for key in node.keys if key is not None]
        return dict(zip(keys, [_literal(value, constants) for value in node.values], strict=True))
    return ast.literal_eval(node)


def _as_tuple(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check_kind(kind: str, location: str) -> None:
    if kind not in ALL_KINDS:
        raise BadCourse(f"{location}: {kind!r} is not a kind of mistake; the kinds are {'; '.join(ALL_KINDS)}")


def _read(path: Path) -> tuple[Path, str, ast.Module]:
    try:
        text = path.read_text(encoding="utf-8")
        return path, text, tree_of(text)
    except OSError as error:
        raise BadCourse(f"{path}: cannot be read ({error.strerror}); an assignment proves its tests with it") from error
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error


def _mark(node: Definition) -> ast.Call | None:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "mutant":
            return decorator
    return None


def _arguments(mark: ast.Call, path: Path) -> tuple[str, str, str]:
    """Target, the test that kills it, and its kind."""
    try:
        (target,) = [ast.literal_eval(argument) for argument in mark.args]
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in mark.keywords}
        killed_by = keywords["killed_by"]
    except (ValueError, KeyError):
        raise BadCourse(f'{path}:{mark.lineno}: expected @mutant("target", killed_by="test_name")') from None
    kind = str(keywords.get("kind", ""))
    if kind:
        _check_kind(kind, f"{path}:{mark.lineno}")
    return str(target), str(killed_by), kind


def _renamed(text: str, node: Definition, target: str) -> str:
    """The lines of the definition, without the mark and the docstring, under the target's name."""
    left_out = _lines_of_docstring(node)
    lines = enumerate(text.splitlines()[node.lineno - 1 : node.end_lineno], node.lineno)
    head, _, rest = "\n".join(line for number, line in lines if number not in left_out).partition(node.name)
    return head + target + rest
