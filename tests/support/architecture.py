"""The rooms of both packages, what each may import, and what they do import: `make architecture` prints it.

`MAY_IMPORT` and `SERVICE_MAY_IMPORT` name, for each room, the rooms that it may import. A room that is not named there
fails, so that a new one is put in its place on purpose. tests/test_architecture.py holds the code to both tables.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
OURS = ("autograder", "grader_service", "assignments", "solutions", "tests", "scripts", "deepgrade_course")

# What the engine is made of, from the bottom up.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "datasets": {"core"},
    # Why no sandbox starts here, and what to do.
    "diagnosis": {"core"},
    # What untrusted code shares: values as bytes.
    "wire": set(),
    "student_process": {"wire"},
    # What a test passes to a student, and what became of it there.
    "arguments": {"wire"},
    "course": {"core", "datasets"},
    # Walls know limits and how a student's process is started, and nothing of tests.
    "sandbox": {"core", "course", "diagnosis", "student_process", "wire"},
    "student": {"arguments", "core", "course", "sandbox", "student_process", "wire"},
    # What test files import: nothing of those who run them.
    "testing": {"arguments", "student_process"},
    "report": {"core"},
    # Tests that students hand in. Its module `suite` runs in a sandbox, and imports the words of tests alone.
    "own_tests": {"arguments", "core", "course", "report", "sandbox", "student", "testing", "wire"},
    # Names of mistakes, as data: what a test's examples came to, the catalogue, matching.
    "mistakes": {"core", "course", "datasets", "report"},
    "judge": {
        "arguments",
        "core",
        "course",
        "mistakes",
        "own_tests",
        "report",
        "sandbox",
        "student",
        "student_process",
        "testing",
    },
    "grade": {"core", "course", "judge", "mistakes", "own_tests", "report", "sandbox", "student"},
    "doctor": {"core", "course", "diagnosis", "sandbox", "student", "student_process"},
    "local_check": {"core", "course", "judge", "report", "student"},
    # Results of an earlier grading, for `verify` and for the service.
    "reuse": {"core", "course", "datasets", "grade", "report"},
    "verify": {"core", "course", "datasets", "grade", "report", "reuse"},
    # Plays the mutants, and makes the catalogue.
    "fingerprinting": {"core", "course", "judge", "mistakes", "student", "verify"},
    "batch": {"core", "course", "grade", "mistakes", "report"},
    "otter": {"batch", "core", "course", "grade", "mistakes", "report"},
    "client": {"core"},
    "cli": {
        "batch",
        "client",
        "core",
        "course",
        "datasets",
        "doctor",
        "fingerprinting",
        "grade",
        "local_check",
        "mistakes",
        "otter",
        "own_tests",
        "report",
        "verify",
    },
    # `%check` and `%submit`; the command line runs in another process, and `cli.show` has its words.
    "notebook": {"cli", "core", "course", "report"},
}


# What the service is made of, from the bottom up. Web and workers never import each other.
CORE = {"core", "database"}
SERVICE_MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "database": {"core"},
    "accounts": CORE,
    "courses": CORE,
    "queue": CORE,
    "submissions": {*CORE, "accounts", "courses", "queue"},
    "grading": {*CORE, "accounts", "courses", "queue", "submissions"},
    "lti": {*CORE, "accounts", "courses", "grading"},
    "web": {*CORE, "accounts", "courses", "queue", "submissions", "grading", "lti"},
    "workers": {*CORE, "queue", "grading"},
    "grade_worker": {*CORE, "queue", "workers"},
    "serve": {*CORE, "accounts", "queue", "grading", "web", "workers"},
    "database_cli": CORE,
    "cli": {*CORE, "accounts", "courses", "queue", "grading", "grade_worker", "database_cli", "serve"},
}
WEB_FRAMEWORK = ("flask", "flask_login", "flask_smorest", "flask_wtf", "werkzeug", "wtforms", "marshmallow", "jinja2")


def python_files(folder: str) -> list[Path]:
    templates = REPOSITORY / "autograder" / "course" / "scaffold"
    return [
        path
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if not (path.is_relative_to(templates) and path.parent != templates)
    ]


def imports(path: Path) -> list[tuple[str, bool]]:
    """Every module imported in a file, relative imports resolved, and whether that is at the top level."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(REPOSITORY).parent.parts
                base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
            found += [(f"{base}.{alias.name}", id(node) in top) for alias in node.names]
    return found


def room_of(path: Path) -> str:
    """`grader_service/web/pages/grades.py` -> `web`; `autograder/wire/encoder.py` -> `wire`."""
    return path.relative_to(REPOSITORY).parts[1].removesuffix(".py")


def wrong_imports(path: Path) -> list[str]:
    """The imports of an engine's file that its part may not have."""
    part, place = room_of(path), path.relative_to(REPOSITORY / "autograder").as_posix()
    wrong = []
    for module, _ in imports(path):
        names = module.split(".")
        if names[0] not in OURS:
            continue
        other = names[1] if names[0] == "autograder" and len(names) > 1 else ""
        fine = names[0] == "autograder" and (
            other == part or other in MAY_IMPORT.get(part, set()) or other in ("__version__", "")
        )
        if not fine:
            wrong.append(f"{place} imports {module}")
    return wrong


@dataclass(frozen=True)
class Package:
    """A package as its files are today.

    arrows : (room, other room) for each pair of which the first imports the second.
    lines : of each module by its path; of functions, by path and name. Migrations are left out.
    """

    name: str
    may_import: dict[str, set[str]]
    arrows: frozenset[tuple[str, str]]
    lines: dict[str, int]
    functions: dict[str, int]

    @property
    def upward(self) -> list[tuple[str, str]]:
        """Arrows that the table does not have."""
        return sorted((room, other) for room, other in self.arrows if other not in self.may_import.get(room, set()))

    @property
    def circle(self) -> list[str]:
        """Rooms that import each other in a circle; empty where there is none."""
        return in_a_circle(self.arrows)


def in_a_circle(arrows: Iterable[tuple[str, str]]) -> list[str]:
    """All that lie between two ends of some circle of arrows."""
    arrows = set(arrows)
    left = {room for arrow in arrows for room in arrow}
    while True:
        inside = [(one, other) for one, other in arrows if {one, other} <= left]
        ends = left - ({one for one, _ in inside} & {other for _, other in inside})
        if not ends:
            return sorted(left)
        left -= ends


def module_arrows(name: str) -> set[tuple[str, str]]:
    """(module, other module) for each pair of a package of which the first imports the second, types included."""
    modules = {}
    for path in python_files(name):
        module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        modules[module] = path
    arrows = set()
    for module, path in modules.items():
        for imported, _ in imports(path):
            other = imported
            while other and other not in modules:
                other = other.rpartition(".")[0]
            if other not in ("", name, module):
                arrows.add((module, other))
    return arrows


def read(name: str) -> Package:
    """`autograder` or `grader_service`."""
    folder = REPOSITORY / name
    arrows: set[tuple[str, str]] = set()
    lines: dict[str, int] = {}
    functions: dict[str, int] = {}
    for path in python_files(name):
        place = path.relative_to(folder)
        room = room_of(path)
        for module, _ in imports(path) if room != "__init__" else []:
            names = module.split(".")
            if names[0] == name and len(names) > 1 and names[1] not in (room, "__version__"):
                arrows.add((room, names[1]))
        text = path.read_text(encoding="utf-8")
        if "migrations" in place.parts:  # frozen: as long as the tables were
            continue
        lines[place.as_posix()] = len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name_in_file = f"{place.as_posix()}:{node.name}"  # of several with one name, the longest
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                functions[name_in_file] = max(length, functions.get(name_in_file, 0))
    table = MAY_IMPORT if name == "autograder" else SERVICE_MAY_IMPORT
    return Package(name, table, frozenset(arrows), lines, functions)


def main() -> None:
    wrong = 0
    for package in (read("autograder"), read("grader_service")):
        longest_module = max(package.lines, key=package.lines.__getitem__)
        longest_function = max(package.functions, key=package.functions.__getitem__)
        print(f"{package.name}: {len(package.may_import)} rooms, {len(package.arrows)} arrows between them")
        for room in package.may_import:
            others = sorted(other for one, other in package.arrows if one == room)
            print(f"    {room:16} {' '.join(others) or '-'}")
        print(f"    against the table: {package.upward or 'none'}; in a circle: {package.circle or 'none'}")
        circle_of_modules = in_a_circle(module_arrows(package.name))
        print(f"    modules in a circle: {circle_of_modules or 'none'}")
        print(f"    modules: median {statistics.median(package.lines.values()):g} lines, most ", end="")
        print(f"{package.lines[longest_module]} ({longest_module})")
        print(f"    functions: most {package.functions[longest_function]} lines ({longest_function})")
        wrong += len(package.upward) + len(package.circle) + len(circle_of_modules)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
