"""Probes: files that know nothing of an assignment, or only how its tests judge. None may earn points.

    overwrite            constants in place of every argument, and the right answer to those, against
    overwrite-copies     the same on copies: a test that the first passes and the second fails judges by what a student
                         can write
    raise                ValueError in every function
    argument, -2, -last  an argument as the answer
    zeros, ones, nan     of the reference's shape and dtype; an array where the reference raises or answers an object
    none, empty          None, or []
    float16, complex     the reference's answer in another dtype
    first-answer         the first answer of each function, for ever
    table                the answers of the public examples: no submission, see `earnings`
    own NAME             solutions/<assignment>/probes/NAME.py: a probe that must know the interface

They attack the functions and methods that students write: those whose bodies differ between stub and reference.

**What counts.** One probe may earn at most LIMIT, 2 of 100 points. All tests that it passes count, except those that it
passes rightly. A probe that starts from right answers (float16, complex, first-answer, an author's own) passes a test
rightly if each answer in it was the reference's; a refusal of the reference is such an answer, too. Such a probe prints
a line at its first other answer. Reports for staff contain printed text, so only tests with that line count. All other
probes answer blindly and pass nothing rightly: a file in which every function raises ValueError does not know which
arguments it must refuse. So a law about refusals must also ask for the answer to a valid argument.

**An author's own probes** are found like variants: a file for the module, or a folder with all files. Each function
that the file defines counts as wrong. Functions that it does not define are the reference's, which it may also import:
`import reference`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.core.errors import BadCourse
from autograder.core.sources import tree_of
from autograder.course.course import Assignment
from autograder.course.submission import Submission, sha256_of

LIMIT = 0.02  # share of an assignment's points that one probe may earn
OVERWRITE, COPIES = "overwrite", "overwrite-copies"
FOLDER = "probes"  # below solutions/<assignment>
OWN = "own "  # begins the name of an author's own

INSIDE = Path(__file__).with_name("inside")  # files that run in the sandbox, beside the module
REFERENCE_FILE = "reference.py"  # beside an author's own probe
COMPLETED = "\n\nimport reference as _reference\n\nglobals().update({**vars(_reference), **globals()})\n"
MARKER = "[probe] this answer is not that of the reference"

# Which of the tests that a probe passes count.
Counts = Literal["everything", "wrong answers", "more than on copies", "nothing"]
BLIND = ("raise", "argument", "argument-2", "argument-last", "zeros", "ones", "nan", "none", "empty")
FROM_RIGHT_ANSWERS = ("float16", "complex", "first-answer")
BUILT_IN: dict[str, Counts] = {
    OVERWRITE: "more than on copies",
    COPIES: "nothing",
    **dict.fromkeys(BLIND, "everything"),
    **dict.fromkeys(FROM_RIGHT_ANSWERS, "wrong answers"),
}


@dataclass(frozen=True)
class Probe:
    name: str
    counts: Counts
    files: dict[str, bytes]

    @property
    def is_own(self) -> bool:
        return self.name.startswith(OWN)

    @property
    def submission(self) -> Submission:
        return Submission(self.files, sha256_of(self.files))


def probes(assignment: Assignment) -> list[Probe]:
    """All probes of an assignment that are submissions. Raises BadCourse for a file that cannot be read as Python."""
    return [*_built_in(assignment), *_own(assignment)]


def every_third(probes: list[Probe], number: int) -> list[Probe]:
    """Every third probe; the number chooses the first one. `overwrite` and its copies count as one probe."""
    names = [probe.name for probe in probes if probe.name != COPIES][number % 3 :: 3]
    return [probe for probe in probes if (OVERWRITE if probe.name == COPIES else probe.name) in names]


def _built_in(assignment: Assignment) -> list[Probe]:
    module, reference = f"{assignment.manifest.module}.py", assignment.reference()
    names = functions_to_write(assignment.stub()[module], reference[module], assignment.folder / module)
    return [
        Probe(name, counts, {**reference, **_attacked(module, reference[module], name, names)})
        for name, counts in BUILT_IN.items()
    ]


def _own(assignment: Assignment) -> list[Probe]:
    module, reference = f"{assignment.manifest.module}.py", assignment.reference()
    own_probes = []
    for name, files in assignment.answers(FOLDER).items():
        text = files[module]
        functions = [*_functions(_parsed(text, Path(FOLDER) / name))]
        attacked = _attacked(module, text + COMPLETED.encode(), "own", functions)
        own_probes.append(
            Probe(f"{OWN}{name}", "wrong answers", {**files, REFERENCE_FILE: reference[module], **attacked})
        )
    return own_probes


def _attacked(module: str, text: bytes, probe: str, names: list[str]) -> dict[str, bytes]:
    last = f"\n\nimport _probe\n\n_probe.attack(globals(), {probe!r}, {names!r}, {MARKER!r})\n"
    return {module: text + last.encode(), **{path.name: path.read_bytes() for path in sorted(INSIDE.glob("*.py"))}}


def functions_to_write(stub: bytes, reference: bytes, path: Path) -> list[str]:
    """The functions ("f") and methods ("C.f") that students write: their bodies differ between stub and reference."""
    stub_functions, reference_functions = _functions(_parsed(stub, path)), _functions(_parsed(reference, path))
    return [name for name, body in stub_functions.items() if reference_functions.get(name) != body]


def _parsed(text: bytes, path: Path) -> ast.Module:
    try:
        return tree_of(text)
    except SyntaxError as error:
        raise BadCourse(f"{path}:{error.lineno}: {error.msg}") from error


def _functions(tree: ast.Module | ast.ClassDef, prefix: str = "") -> dict[str, str]:
    """The source of each function and method, by name."""
    functions: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            functions |= _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions[prefix + node.name] = ast.unparse(node)
    return functions
