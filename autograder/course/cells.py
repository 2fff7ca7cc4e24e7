"""Makes a module of the cells of a notebook. The cells are parsed and never run.

    imports                    kept where kept code uses their names
    functions, classes         kept; of several with one name the last one counts
    NAME = a literal           kept
    calls, plots, loops, magics, cells for experiments       left out, and listed

A cell is for experiments if it has the tag `experiment` or `scratch`, or if its first line is a comment with that word
alone. The module has the statements in the order of the cells.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from autograder.core import sources
from autograder.course.magics import without_magics

TAGS = frozenset({"experiment", "scratch"})
MARK = re.compile(r"\s*#\s*(experiment|scratch)\s*$", re.IGNORECASE)
HEADER = "# Made by deepgrade of the cells of a notebook.\n\n"  # nothing of a student's: line 1 can name an encoding
OWN = re.compile(r"\s*%(load_ext\s+deepgrade|check|submit)\b")  # lines that a list need not name
EXPERIMENTS = 12  # cells for experiments that a list names
SHOWN = 60  # characters of a line that a list shows
LITERALS = (
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.UnaryOp,
    ast.BinOp,
    ast.operator,
    ast.unaryop,
    ast.Load,
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Cell:
    """A code cell."""

    number: int  # from 1, as the student counts them
    source: str
    tags: frozenset[str] = frozenset()

    @property
    def is_for_experiments(self) -> bool:
        return bool(TAGS & self.tags) or MARK.match(self.source.lstrip("\n").partition("\n")[0]) is not None


@dataclass(frozen=True)
class Extraction:
    """A module that was made of cells."""

    source: str
    left_out: list[str] = field(default_factory=list)  # `cell 3, line 2: plt.plot(x)`
    places: list[tuple[int, int]] = field(default_factory=list)  # of each line: cell and line; (0, 0) for lines of ours


@dataclass(frozen=True)
class _Statement:
    node: ast.stmt
    text: str
    cell: int
    line: int


def module_of(cells: Iterable[Cell], own: Collection[str] = ()) -> Extraction:
    """The module with the statements that count. It is a module that Python can parse.

    own : modules that are handed in beside it: what is imported from them stays.
    """
    statements: list[_Statement] = []
    left_out: list[str] = []
    experiments: list[int] = []
    for cell in cells:
        if cell.is_for_experiments:
            experiments.append(cell.number)
            continue
        for statement in _statements(cell, left_out):
            if _counts(statement.node):
                statements.append(statement)
            elif not _says_nothing(statement.node):
                left_out.append(_place(statement.cell, statement.line, statement.text))
    if experiments:
        numbers = ", ".join(map(str, experiments[:EXPERIMENTS])) + (" ..." if len(experiments) > EXPERIMENTS else "")
        left_out.append(f"experiments: cell{'s' if len(experiments) > 1 else ''} {numbers}")
    kept = _without_unused_imports(_without_superseded(statements), own, left_out)
    return _joined(kept, left_out)


def unwritten(source: str) -> tuple[set[str], set[str]]:
    """The names of the functions and methods of a module that do something, and of those that only raise
    NotImplementedError. Both are empty if it cannot be parsed."""
    tree = sources.parsed(source)
    written: set[str] = set()
    missing: set[str] = set()
    owners: list[ast.Module | ast.ClassDef] = [tree] if tree else []
    owners += [node for node in tree.body if isinstance(node, ast.ClassDef)] if tree else []
    for owner in owners:
        for node in owner.body:
            if isinstance(node, FUNCTIONS):
                name = f"{owner.name}.{node.name}" if isinstance(owner, ast.ClassDef) else node.name
                (missing if _is_unwritten(node) else written).add(name)
    return written - missing, missing


def _is_unwritten(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    body = [statement for statement in node.body if not _says_nothing(statement)]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _statements(cell: Cell, left_out: list[str]) -> Iterator[_Statement]:
    """The statements of a cell at its top level. A cell that is not Python has none."""
    source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    if source[:1] in (" ", "\t"):
        source = textwrap.dedent(source)  # as IPython does
    original = source.split("\n")
    source, magics = without_magics(source)
    try:
        tree = sources.tree_of(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno or 1 if isinstance(error, SyntaxError) else 1
        reason = str(getattr(error, "msg", "") or "too deep or too large")
        left_out.append(f"cell {cell.number}: Python cannot read it (line {line}: {_one_line(reason)})")
        return
    left_out += [
        _place(cell.number, number, original[number - 1]) for number in magics if not OWN.match(original[number - 1])
    ]
    lines = source.split("\n")
    for node in tree.body:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        text = _text(lines, node, first)
        if not (isinstance(node, ast.Pass) and node.lineno in magics):
            yield _Statement(node, text, cell.number, first)


def _text(lines: list[str], node: ast.stmt, first: int) -> str:
    """The lines of a statement. `ast` counts bytes of UTF-8, and several statements can be on one line."""
    last = node.end_lineno or node.lineno
    taken = [line.encode() for line in lines[first - 1 : last]]
    taken[-1] = taken[-1][: node.end_col_offset]
    taken[0] = taken[0][node.col_offset if first == node.lineno else 0 :]
    return b"\n".join(taken).decode()


def _counts(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, *FUNCTIONS, ast.ClassDef)):
        return True
    if isinstance(node, ast.Assign):
        return all(map(_is_name, node.targets)) and _is_literal(node.value)
    if isinstance(node, ast.AnnAssign):
        return _is_name(node.target) and node.value is not None and _is_literal(node.value)
    return False


def _says_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, (ast.Tuple, ast.List)) and all(map(_is_name, node.elts)))


def _is_literal(node: ast.expr) -> bool:
    return all(isinstance(part, LITERALS) for part in ast.walk(node))


def _without_superseded(statements: list[_Statement]) -> list[_Statement]:
    """Without functions and classes that are defined again below. One that is used while the module is imported stays,
    since Python needs it there."""
    last = {
        statement.node.name: index
        for index, statement in enumerate(statements)
        if isinstance(statement.node, Definition)
    }
    needed = {name for statement in statements for name in _used_at_import(statement.node)}
    return [
        statement
        for index, statement in enumerate(statements)
        if not isinstance(statement.node, Definition)
        or last[statement.node.name] == index
        or statement.node.name in needed
    ]


def _used_at_import(node: ast.stmt) -> Iterator[str]:
    """Names that Python looks up when it comes to this statement, and not later in a call."""
    if isinstance(node, FUNCTIONS):
        arguments = node.args
        values = [*node.decorator_list, *arguments.defaults, *arguments.kw_defaults, node.returns]
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        values += [argument.annotation for argument in every if argument is not None]
        for value in values:
            yield from _names(value) if value is not None else ()
    else:
        yield from _names(node)


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _without_unused_imports(
    statements: list[_Statement], own: Collection[str], left_out: list[str]
) -> list[_Statement]:
    """Without imports whose names no kept code uses. `import *` stays, because its names are not known."""
    used: set[str] = set()
    for statement in statements:
        if not isinstance(statement.node, (ast.Import, ast.ImportFrom)):
            used |= _names(statement.node)
    kept = []
    for statement in statements:
        node = statement.node
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or getattr(node, "module", "") in ("__future__", *own):
            kept.append(statement)
            continue
        names = [alias for alias in node.names if alias.name == "*" or _bound(alias) in used]
        if not names:
            left_out.append(_place(statement.cell, statement.line, statement.text))
        elif len(names) == len(node.names):
            kept.append(statement)
        else:
            unused = ", ".join(_bound(alias) for alias in node.names if alias not in names)
            left_out.append(f"cell {statement.cell}, line {statement.line}: import of {unused[:SHOWN]}")
            node.names = names
            kept.append(_Statement(node, ast.unparse(node), statement.cell, statement.line))
    return kept


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _joined(statements: list[_Statement], left_out: list[str]) -> Extraction:
    """Imports from `__future__` come first, because Python demands it."""
    ordered = sorted(statements, key=lambda statement: getattr(statement.node, "module", "") != "__future__")
    text, places = HEADER, [(0, 0)] * HEADER.count("\n")
    for statement in ordered:
        blank = "\n" if isinstance(statement.node, Definition) else ""
        text += f"{blank}{statement.text}\n{blank}"
        count = statement.text.count("\n") + 1
        places += [(0, 0)] * len(blank)
        places += [(statement.cell, statement.line + offset) for offset in range(count)]
        places += [(0, 0)] * len(blank)
    return Extraction(text, left_out, places)


def _place(cell: int, line: int, text: str) -> str:
    first = _one_line(text.strip().partition("\n")[0])
    shown = first if len(first) <= SHOWN else f"{first[:SHOWN]}..."
    return f"cell {cell}, line {line}: {shown}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
