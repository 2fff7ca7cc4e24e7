"""The notebook of a kit, made of the handout, the stub and the experiment. It needs jupytext, and runs nothing.

    the handout                one text cell for each of its sections
    %load_ext deepgrade
    the stub                   a cell for the imports, then one for each function or class, each with its `%check`
    %submit                    as a comment, so that "Run all" hands nothing in
    the experiment             its cells, with the notebook's own functions in place of `import softmax`

Cells of the experiment have the tag `experiment` and begin with `# experiment`: they are not handed in.
"""

from __future__ import annotations

import ast
import importlib
import re
from typing import Any

from autograder.core.errors import DeepgradeError
from autograder.core.sources import tree_of
from autograder.course import usage
from autograder.course.course import Assignment
from autograder.course.usage import PublicTest

LOAD = "%load_ext deepgrade"
START = """Run the next cell first. `%check NAME` checks one function, and `%check` all of them. Cells that begin with
`# experiment` or `# scratch`, and all calls, plots and magics, are left out of what is handed in.

In Colab, upload the kit's zip (the folder at the left), and run this in a cell before the next one:

    !unzip -oq "{name}*.zip" && pip install -q {name}/deepgrade-*.whl
    %cd {name}
"""
HAND_IN = """## Hand in

`%submit` hands in the functions that ran in this notebook. It needs `deepgrade login ADDRESS` once, in a terminal. Or
save the notebook and upload it on the course's page; `deepgrade pack {module}.ipynb` makes a small zip of it."""
SUBMIT = "# Remove the # to hand in.\n# %submit"
MARK = "# experiment\n"


def build(assignment: Assignment) -> bytes:
    """The notebook. The same inputs give the same bytes. Raises DeepgradeError without jupytext."""
    try:
        jupytext: Any = importlib.import_module("jupytext")  # without types
        v4: Any = importlib.import_module("nbformat.v4")
    except ModuleNotFoundError as error:
        raise DeepgradeError(
            f"a kit holds a notebook, which jupytext makes, and {error.name} is not installed: pip install jupytext"
        ) from error
    module = assignment.manifest.module
    stub = (assignment.folder / f"{module}.py").read_text(encoding="utf-8")
    experiment = (assignment.folder / "experiment.py").read_text(encoding="utf-8")
    cells = [v4.new_markdown_cell(text) for text in _sections(assignment)]
    cells[1:1] = [v4.new_markdown_cell(START.format(name=assignment.name)), v4.new_code_cell(LOAD)]
    cells += [_cell(v4, text) for text in _stub_cells(stub, usage.public_tests(assignment.public_tests))]
    cells += [v4.new_markdown_cell(HAND_IN.format(module=module)), v4.new_code_cell(SUBMIT)]
    for cell in jupytext.reads(_in_a_notebook(experiment, stub, module), fmt="py:percent").cells:
        if cell.cell_type == "code":
            cell.source = MARK + cell.source
            cell.metadata["tags"] = ["experiment"]
        cells.append(cell)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # else a random one
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    text: str = jupytext.writes(notebook, fmt="ipynb")
    return text.encode()


def _cell(v4: Any, text: str) -> Any:
    return v4.new_markdown_cell(text) if text.startswith("## ") else v4.new_code_cell(text)


def _sections(assignment: Assignment) -> list[str]:
    """The handout, cut before each heading of the second level."""
    handout = (assignment.folder / "README.md").read_text(encoding="utf-8")
    return [section.strip() for section in re.split(r"^(?=## )", handout, flags=re.MULTILINE) if section.strip()]


def _stub_cells(stub: str, tests: list[PublicTest]) -> list[str]:
    """The stub's docstring, its imports, and each function or class, with its check if a public test calls it."""
    tree, lines = tree_of(stub), stub.split("\n")
    checked = {function for test in tests for function in test.functions}
    docstring = ast.get_docstring(tree) or ""
    cells, plain = [f"## Your functions\n\n{docstring}"], list[str]()
    for node in tree.body[1 if docstring else 0 :]:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        text = "\n".join(lines[first - 1 : node.end_lineno])
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            plain.append(re.sub(r"\s+# noqa.*", "", text))
            continue
        if plain:
            cells.append("\n".join(plain))
            plain = []
        cells.append(text)
        if node.name in checked:
            cells.append(f"%check {node.name}")
    return [*cells, "\n".join(plain)] if plain else cells


def _in_a_notebook(experiment: str, stub: str, module: str) -> str:
    """The experiment with the notebook's own functions where it imports the module."""
    lines = experiment.split("\n")
    for node in reversed(tree_of(experiment).body):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            lines[node.lineno - 1 : node.end_lineno] = []
        elif isinstance(node, ast.Import) and node.names[0].name == module:
            names = [part.name for part in tree_of(stub).body if isinstance(part, ast.FunctionDef | ast.ClassDef)]
            bound = node.names[0].asname or module
            lines[node.lineno - 1 : node.end_lineno] = [
                "import types",
                "",
                f"names = {' '.join(names)!r}.split()",
                "# Your functions above.",
                f"{bound} = types.SimpleNamespace(**{{name: globals()[name] for name in names}})",
            ]
    return re.sub(r"[ ]+# noqa: E402$", "", "\n".join(lines), flags=re.MULTILINE)
