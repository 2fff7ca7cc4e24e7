"""Dependency runs one way, as docs/design.md draws it: every import in the code is looked at, run or not.

`MAY_IMPORT` names, for each part, the parts of ours that it may import; a part that is not named there fails, so that
a new one is put in its place on purpose.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
OURS = ("autograder", "grader_service", "assignments", "solutions", "tests", "scripts", "deepgrade_course")

# What the engine is made of, from the bottom up.
COURSE = {"errors", "manifest", "course", "report", "submission"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "manifest": {"errors"},
    "course": {"errors", "manifest"},
    "report": set(),
    "submission": {"errors", "manifest"},
    "secrets": {"errors"},
    "numerals": set(),
    "coarse": set(),
    "environment": set(),
    "distributions": set(),
    "sources": set(),
    "servers": {"distributions", "errors", "manifest"},
    "forecast": {"manifest", "servers", "sources"},
    "written": set(),
    # What untrusted code shares: values as bytes.
    "wire": set(),
    "worker": {"wire"},
    # What a test passes to a student, and what became of it there.
    "arguments": {"wire"},
    # Walls know limits and how a worker is started, and nothing of tests.
    "sandbox": {"distributions", "errors", "manifest", "wire", "worker"},
    "student": {"arguments", "errors", "manifest", "wire", "sandbox", "worker"},
    # What test files import: nothing of those who run them.
    "testing": {"arguments", "worker"},
    "judge": {
        "arguments",
        "coarse",
        "course",
        "environment",
        "errors",
        "manifest",
        "numerals",
        "report",
        "plugin",
        "sandbox",
        "student",
        "testing",
        "worker",
    },
    "plugin": {"arguments", "course", "errors", "manifest", "report", "judge", "student", "testing"},
    "completeness": {"errors", "report"},
    "gradescope": {"feedback", "report"},
    "grade": {*COURSE, "completeness", "judge", "plugin", "sandbox", "student"},
    "doctor": {"errors", "manifest", "sandbox", "student", "worker"},
    "attacks": set(),
    "feedback": {"coarse", "report"},
    "figures": {"report", "errors", "numerals"},
    "datasets": {"errors"},
    "supervised": {"environment", "errors"},
    "selfcheck": {*COURSE, "judge", "plugin", "student", "supervised"},
    "mutants": {"course", "errors", "submission"},
    "calibrate": {*COURSE, "grade"},
    "probes": COURSE,
    "mistakes": {"course", "errors", "mutants", "probes"},
    "static_checks": {"course", "errors", "manifest"},
    "usage": {"course", "report", "submission"},
    "verify": {*COURSE, "calibrate", "grade", "mutants", "probes", "static_checks", "usage"},
    "matrices": {"verify"},
    "batch": {*COURSE, "grade", "gradescope", "written"},
    "import_results": {"batch", "errors"},
    "otter": {*COURSE, "batch", "feedback", "grade", "gradescope", "kit"},
    "kit": {"course", "servers", "submission", "errors"},
    "bundle": {"course", "datasets", "errors", "written"},
    "client": {"errors"},
    "scaffold": {"course", "errors", "manifest"},
    "cli": {
        *COURSE,
        "datasets",
        "secrets",
        "environment",
        "forecast",
        "written",
        "selfcheck",
        "supervised",
        "grade",
        "feedback",
        "figures",
        "verify",
        "probes",
        "calibrate",
        "matrices",
        "mistakes",
        "kit",
        "bundle",
        "client",
        "scaffold",
        "doctor",
        "batch",
        "otter",
        "import_results",
    },
}
# The one look upward, and only when a command runs.
EXCEPTIONS = {("cli/service.py", "grader_service")}


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
    "web": {*CORE, "accounts", "courses", "queue", "submissions", "grading"},
    "workers": {*CORE, "queue", "grading"},
    "grade_worker": {*CORE, "queue", "workers"},
    "serve": {*CORE, "accounts", "queue", "grading", "web", "workers"},
}
WEB_FRAMEWORK = ("flask", "flask_login", "flask_smorest", "flask_wtf", "werkzeug", "wtforms", "marshmallow", "jinja2")


def python_files(folder: str) -> list[Path]:
    templates = REPOSITORY / "autograder" / "scaffold"
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


def part_of(path: Path) -> str:
    """`autograder/sandbox/doctor.py` -> `sandbox`; `autograder/wire.py` -> `wire`."""
    return path.relative_to(REPOSITORY / "autograder").parts[0].removesuffix(".py")


def wrong_imports(path: Path) -> list[str]:
    """The imports of an engine's file that its part may not have."""
    part, place = part_of(path), path.relative_to(REPOSITORY / "autograder").as_posix()
    wrong = []
    for module, _ in imports(path):
        names = module.split(".")
        if names[0] not in OURS or any(module.startswith(known) and place == where for where, known in EXCEPTIONS):
            continue
        other = names[1] if names[0] == "autograder" and len(names) > 1 else ""
        fine = names[0] == "autograder" and (
            other == part or other in MAY_IMPORT.get(part, set()) or other in ("__version__", "")
        )
        if not fine:
            wrong.append(f"{place} imports {module}")
    return wrong


ENGINE = [path for path in python_files("autograder") if path.parent.name != "autograder" or path.name != "__init__.py"]


def test_every_part_of_the_engine_has_its_place():
    assert {part_of(path) for path in ENGINE} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.relative_to(REPOSITORY / "autograder").as_posix())
def test_the_engine_imports_nothing_upward(path):
    assert wrong_imports(path) == []


SERVICE = [path for path in python_files("grader_service") if path.parent.name != "grader_service"]
SERVICE += [path for path in python_files("grader_service") if path.parent == REPOSITORY / "grader_service"]
SERVICE = [path for path in SERVICE if path != REPOSITORY / "grader_service" / "__init__.py"]


def room_of(path: Path) -> str:
    """`grader_service/web/pages/grades.py` -> `web`; `grader_service/serve.py` -> `serve`."""
    return path.relative_to(REPOSITORY / "grader_service").parts[0].removesuffix(".py")


def test_every_room_of_the_service_has_its_rule():
    assert {room_of(path) for path in SERVICE} == set(SERVICE_MAY_IMPORT)


@pytest.mark.parametrize("path", SERVICE, ids=lambda path: path.relative_to(REPOSITORY / "grader_service").as_posix())
def test_the_service_imports_what_its_room_may(path):
    room = room_of(path)
    allowed = {room, *SERVICE_MAY_IMPORT[room]}
    rooms = {module: module.split(".")[1] for module, _ in imports(path) if module.startswith("grader_service.")}
    assert [module for module, other in rooms.items() if other not in allowed] == []


@pytest.mark.parametrize("path", SERVICE, ids=lambda path: path.relative_to(REPOSITORY / "grader_service").as_posix())
def test_only_the_web_room_knows_the_web_framework(path):
    found = [module for module, _ in imports(path) if module.split(".")[0] in WEB_FRAMEWORK]
    found = [module for module in found if not module.startswith("werkzeug.security.")]  # hashes of passwords
    assert room_of(path) == "web" or found == []


@pytest.mark.parametrize("folder", ["autograder", "grader_service", "scripts"])
def test_nobody_imports_a_course_or_the_tests(folder):
    forbidden = {"assignments", "solutions", "deepgrade_course", "tests"}
    found = [
        f"{path.name} imports {module}"
        for path in python_files(folder)
        for module, _ in imports(path)
        if module.split(".")[0] in forbidden
    ]
    assert found == []


def test_the_engine_meets_the_service_only_when_serve_runs():
    at_the_top = [
        path.name
        for path in python_files("autograder")
        for module, top in imports(path)
        if module.startswith("grader_service") and top
    ]
    assert at_the_top == []


@pytest.mark.parametrize("half", ["assignments", "solutions"])
def test_a_course_imports_the_vocabulary_of_tests_alone(half):
    """Files that students hand in import nothing of ours; tests, mutants and experiments the vocabulary and data."""
    allowed = ("autograder.testing", "autograder.datasets")
    found = []
    for path in python_files(half):
        handed_in = path.stem == path.parent.name or "variants" in path.parts
        for module, _ in imports(path):
            if module.split(".")[0] in OURS and (handed_in or not module.startswith(allowed)):
                found.append(f"{path.relative_to(REPOSITORY)} imports {module}")
    assert found == []


@pytest.mark.parametrize("path", python_files("autograder"), ids=lambda path: path.name)
def test_nothing_unpickles(path):
    """Values cross as data. (A worker's own code may do as it likes; ours never loads a pickle.)"""
    banned = ("pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib")
    found = [module for module, _ in imports(path) if module.split(".")[0] in banned]
    if path.relative_to(REPOSITORY).as_posix() == "autograder/otter/container.py":  # writes one for otter, reads none
        text = path.read_text(encoding="utf-8")
        assert text.count("dill") == text.count("dill.dumps(") + text.count("import dill")
        found.remove("dill")
    assert found == []


def test_the_engine_names_no_assignment():
    """It knows the manifest format, and no assignment by name."""
    names = {path.parent.name for path in (REPOSITORY / "assignments").glob("*/assignment.toml")}
    found = []
    for folder in ("autograder", "grader_service"):
        for path in python_files(folder):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and node.value in names:
                    found.append(f"{path.relative_to(REPOSITORY)}:{node.lineno} says {node.value!r}")
    assert found == []


@pytest.mark.parametrize(
    "module", ["grader_service.web.process", "grader_service.workers.worker", "autograder.cli", "autograder.grade"]
)
def test_what_starts_often_starts_without_what_draws_or_judges(module):
    """The judge is a process of its own, and figures are drawn when there are some: each costs a start a third of a
    second."""
    code = f"import sys, {module}; print(*{{'matplotlib', 'pytest', 'hypothesis'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# Who may touch rows of results, beside `results`, which reads them: and which columns. None of these holds a point.
OF_RESULTS = {
    "grader_service/queue/leases.py": {"id", "submission_id", "batch", "token"},  # writes them
    "grader_service/accounts/deletion.py": {"id", "submission_id"},  # deletes them
}


def results_read(path: Path) -> list[str]:
    """What a file of the service has of `models.Result` that it may not have."""
    place = path.relative_to(REPOSITORY).as_posix()
    if place == "grader_service/grading/results.py" or place.startswith(
        ("grader_service/database/models/", "grader_service/database/migrations/")
    ):
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grader_service.database.models"):
            renamed = [alias for alias in node.names if alias.name in ("Result", "*") and alias.asname]
            if renamed or (place not in OF_RESULTS and any(alias.name == "Result" for alias in node.names)):
                wrong.append(f"{place}:{node.lineno} imports Result")
        if isinstance(node, ast.Attribute):
            of = node.value
            if node.attr == "Result" and isinstance(of, ast.Name) and of.id in ("models", "work"):
                wrong.append(f"{place}:{node.lineno} has {of.id}.Result")
            if isinstance(of, ast.Name) and of.id == "Result" and node.attr not in OF_RESULTS.get(place, set()):
                wrong.append(f"{place}:{node.lineno} has Result.{node.attr}")
    return wrong


def test_one_module_reads_results():
    """Which of a submission's results counts is said by `grading/results.py`; coded twice, it differed."""
    assert [line for path in python_files("grader_service") for line in results_read(path)] == []


def test_no_row_leads_to_a_result():
    """So that no page and no template comes across one that does not count."""
    from grader_service.database.models import Base, Result

    leading = [
        f"{mapper.class_.__name__}.{one.key}"
        for mapper in Base.registry.mappers
        for one in mapper.relationships
        if one.mapper.class_ is Result
    ]
    assert leading == []


DATES = {"release_at", "due_at", "hard_end_at", "expires_at"}
ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def test_one_module_compares_dates_with_the_clock():
    """`minutes` says that a moment typed in minutes lasts through that minute; a comparison elsewhere would not."""
    found = []
    for path in python_files("grader_service"):
        place = path.relative_to(REPOSITORY).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Compare) and any(isinstance(op, ORDERED) for op in node.ops)):
                continue
            sides = [one.attr for one in (node.left, *node.comparators) if isinstance(one, ast.Attribute)]
            of_links = place == "grader_service/accounts/invitations.py" and sides == [
                "expires_at"
            ]  # nobody is shown that minute
            if DATES & set(sides) and not of_links:
                found.append(f"{place}:{node.lineno}")
    dates = "|".join(DATES)
    compared = re.compile(rf"(?:{dates})\b *[<>]|[<>]=? *[\w.]*(?:{dates})\b")
    for path in sorted((REPOSITORY / "grader_service/web/templates").rglob("*.html")):
        for statement in re.findall(r"{[{%].*?[%}]}", path.read_text(encoding="utf-8")):
            if compared.search(statement):
                found.append(f"{path.relative_to(REPOSITORY)}: {statement}")
    assert found == []
