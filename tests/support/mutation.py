"""Mechanical mutants: small changes of a module's source, each of one place in one of its functions.

    comparison    < to <=, == to !=, is to is not, in to not in, and each the other way round
    operator      + to -, * to /, // to /, ** to *, and to or, and each the other way round; the same for +=
    constant      an integer plus one (-1 becomes 0), twice a float (0.0 becomes 1.0), True to False and back
    sign          -x to x, not x to x
    statement     a call, an assignment to an attribute or a subscript, +=, or raise is left out
    arguments     the first two arguments of a call change places

Texts, docstrings, annotations and imports stay as they are. So do the arguments of max and min, whose order changes
nothing, and strict=True of zip, which only notices faults of the reference itself.
"""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Change = Callable[[Any], None]  # of one node, in place
# Functions whose first two arguments may change places.
SYMMETRIC = {"max", "min", "maximum", "minimum"}

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutation:
    function: str  # or class, at the top of the module
    line: int  # of the module's source
    kind: str
    before: str  # the statement, in one line
    after: str
    source: str  # of the whole module

    @property
    def name(self) -> str:
        return f"{self.before}  ->  {self.after}"


def mutations(source: str) -> Iterator[Mutation]:
    """All of a module, in the order of its lines. No two have the same source."""
    tree = ast.parse(source)
    parts = [ast.unparse(node) for node in tree.body]
    for index, function in enumerate(tree.body):
        if not isinstance(function, ast.FunctionDef | ast.ClassDef):
            continue
        seen = {parts[index]}
        for statement in _statements(function):
            for kind, changed in _changed(statement):
                if (text := _with(function, statement, changed)) not in seen:
                    seen.add(text)
                    whole = "\n".join([*parts[:index], text, *parts[index + 1 :]])
                    yield Mutation(
                        function.name, statement.lineno, kind, _one_line(statement), _one_line(changed), whole
                    )


def _statements(function: ast.stmt) -> Iterator[ast.stmt]:
    """Those in the function's body, at any depth, without docstrings."""
    for node in ast.walk(function):
        for statement in getattr(node, "body", []) if isinstance(node, ast.FunctionDef | ast.ClassDef) else []:
            yield from _nested(statement)


def _nested(statement: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom) or _is_text(statement):
        return  # functions in functions are walked over by themselves
    yield statement
    for name in ("body", "orelse", "finalbody"):
        for inner in getattr(statement, name, []):
            yield from _nested(inner)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _changed(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """(kind, the statement with one change), for every change of the statement's own expressions."""
    if _can_be_left_out(statement):
        yield "statement", ast.copy_location(ast.Pass(), statement)
    for index, node in enumerate(_own_nodes(statement)):
        for kind, change in _changes(node):
            changed = copy.deepcopy(statement)
            change(list(_own_nodes(changed))[index])
            yield kind, changed


def _can_be_left_out(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Attribute | ast.Subscript) for target in statement.targets)
    return isinstance(statement, ast.Expr | ast.AugAssign | ast.Raise)


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement and its expressions, without the statements in it."""
    queue: list[ast.AST] = [statement]
    while queue:
        node = queue.pop(0)
        yield node
        if isinstance(node, ast.Raise | ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg == "strict"):
            continue  # texts of errors; guards
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            continue  # a negative number is one constant
        if isinstance(node, ast.AnnAssign):
            children = [child for child in children if child is not node.annotation]
        queue += [child for child in children if not isinstance(child, ast.stmt)]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield "comparison", _other_comparison
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield "operator", _other_operator
    elif isinstance(node, ast.BoolOp):
        yield "operator", _and_for_or
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield "constant", _other_constant
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        yield "constant", _other_negative_constant
    elif isinstance(node, ast.Call) and len(node.args) >= 2 and _order_matters(node):
        yield "arguments", _swapped_arguments
    for field, value in ast.iter_fields(node):
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.USub | ast.Not):
                yield "sign", functools.partial(_without_sign, field=field, position=position)


def _order_matters(call: ast.Call) -> bool:
    """Of the first two arguments. A starred one has no place of its own."""
    has_star = any(isinstance(argument, ast.Starred) for argument in call.args[:2])
    return not has_star and ast.unparse(call.func).rpartition(".")[2] not in SYMMETRIC


def _other_comparison(node: Any) -> None:
    node.ops = [COMPARISONS[type(node.ops[0])]()]


def _other_operator(node: Any) -> None:
    node.op = OPERATORS[type(node.op)]()


def _and_for_or(node: Any) -> None:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _other_constant(node: Any) -> None:
    if isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node.value, int):
        node.value += 1
    else:
        node.value = 2 * node.value or 1.0


def _other_negative_constant(node: Any) -> None:
    """-1 becomes 0, and not -2: numpy takes any negative length for one that is not given."""
    value = node.operand.value
    node.operand.value = value - 1 if isinstance(value, int) else 2 * value


def _swapped_arguments(node: Any) -> None:
    node.args[0], node.args[1] = node.args[1], node.args[0]


def _without_sign(node: Any, *, field: str, position: int) -> None:
    value = getattr(node, field)
    if isinstance(value, list):
        value[position] = value[position].operand
    else:
        setattr(node, field, value.operand)


def _with(function: ast.stmt, statement: ast.stmt, changed: ast.stmt) -> str:
    """The source of the function, with another statement in that place."""

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return changed if node is statement else self.generic_visit(node)

    copied = copy.deepcopy(function, {id(statement): statement})  # all but the statement: the transformer changes lists
    return ast.unparse(ast.fix_missing_locations(Replace().visit(copied)))


def _one_line(statement: ast.stmt) -> str:
    """Its first line: what belongs to an `if` or a loop itself."""
    return ast.unparse(statement).splitlines()[0]
