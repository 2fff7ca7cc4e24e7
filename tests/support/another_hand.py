"""Wrong answers that another hand wrote from the sentences of mistakes alone, as whole modules.

tests/assignments/another_hand/base/ASSIGNMENT.py is a right answer. another_hand/SET/ASSIGNMENT/MISTAKE.py holds the
sentence of a mistake (its docstring), one function or class of that right answer written anew with this mistake, and
the helpers of it. A whole module is the right answer with this function in place of its own. A SET is a folder of
about fifty: `first`, `second`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "assignments" / "another_hand"
BASES = FOLDER / "base"


@dataclass(frozen=True)
class WrongAnswer:
    """One wrong answer: `identifier` is the name of its mistake, `function` the only function that it changes."""

    set: str
    assignment: str
    identifier: str
    function: str
    sentence: str
    source: str  # of the whole module


def base_source(assignment: str) -> str:
    return (BASES / f"{assignment}.py").read_text(encoding="utf-8")


def definitions(source: str) -> dict[str, ast.stmt]:
    """What a source defines at its top: functions and classes by name, and constants."""
    found: dict[str, ast.stmt] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = statement
    return found


def imports(source: str) -> list[str]:
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [ast.unparse(statement) for statement in statements]


def replaced_function(base: str, overlay: str) -> str:
    """The one function of the base that an overlay defines too. Raises ValueError if it is not one."""
    both = [name for name in definitions(overlay) if name in definitions(base)]
    if len(both) != 1:
        raise ValueError(f"a wrong answer changes one function, this one changes {both}")
    return both[0]


def completed(base: str, overlay: str) -> str:
    """The base with the overlay's function in place of its own, and the overlay's helpers before it."""
    function = replaced_function(base, overlay)
    old, new = definitions(base), definitions(overlay)
    parts = [ast.get_source_segment(overlay, node) for name, node in new.items() if name != function]
    parts.append(ast.get_source_segment(overlay, new[function]))
    lines = base.splitlines()
    start, end = old[function].lineno - 1, old[function].end_lineno
    body = [*lines[:start], "\n\n\n".join(str(part) for part in parts), *lines[end:]]
    more = [line for line in imports(overlay) if line not in imports(base)]
    after = max(node.end_lineno or 0 for node in ast.parse(base).body if isinstance(node, ast.Import | ast.ImportFrom))
    return "\n".join([*body[:after], *more, *body[after:]]) + "\n"


def wrong_answers(name: str | None = None) -> Iterator[WrongAnswer]:
    """The wrong answers of one set, or of all sets."""
    for path in sorted(FOLDER.glob(f"{name or '*'}/*/*.py")):
        overlay = path.read_text(encoding="utf-8")
        base = base_source(path.parent.name)
        yield WrongAnswer(
            set=path.parent.parent.name,
            assignment=path.parent.name,
            identifier=path.stem,
            function=replaced_function(base, overlay),
            sentence=" ".join((ast.get_docstring(ast.parse(overlay)) or "").split()),
            source=completed(base, overlay),
        )


def write(folder: Path) -> None:
    """All of them as submissions, FOLDER/SET/ASSIGNMENT/MISTAKE/ASSIGNMENT.py, for `deepgrade grade`."""
    for answer in wrong_answers():
        home = folder / answer.set / answer.assignment / answer.identifier
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{answer.assignment}.py").write_text(answer.source, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
