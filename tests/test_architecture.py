"""Dependency runs one way, as docs/design.md draws it: every import in the code is looked at, run or not.

The tables are in tests/support/architecture.py.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from architecture import (
    MAY_IMPORT,
    OURS,
    REPOSITORY,
    SERVICE_MAY_IMPORT,
    WEB_FRAMEWORK,
    Package,
    imports,
    in_a_circle,
    module_arrows,
    python_files,
    read,
    room_of,
    wrong_imports,
)

ENGINE = [path for path in python_files("autograder") if path.parent.name != "autograder" or path.name != "__init__.py"]


@pytest.fixture(scope="module", params=["autograder", "grader_service"])
def package(request) -> Package:
    return read(request.param)


def test_no_import_is_against_the_table_and_none_in_a_circle(package):
    assert (package.upward, package.circle) == ([], [])


def test_no_modules_import_each_other_in_a_circle(package):
    assert in_a_circle(module_arrows(package.name)) == []


def test_a_circle_would_be_found():
    arrows = frozenset({("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")})
    circle = Package("one", {"a": {"b"}, "b": {"c"}, "c": {"b"}}, arrows, {}, {})
    assert (circle.upward, circle.circle) == ([("c", "d")], ["b", "c"])


def test_a_room_that_is_only_imported_may_be_in_no_circle():
    chain = Package("one", {}, frozenset({("a", "b"), ("b", "c")}), {}, {})
    assert chain.circle == []


def test_the_service_has_few_rooms_and_few_arrows():
    service = read("grader_service")
    assert len(service.may_import) <= 14
    assert len(service.arrows) <= 60


MODULE_MOST, FUNCTION_MOST = 350, 60  # lines


def test_no_module_and_no_function_is_long(package):
    """Migrations are left out: they are as long as the tables were."""
    assert {place: lines for place, lines in package.lines.items() if lines > MODULE_MOST} == {}
    assert {place: lines for place, lines in package.functions.items() if lines > FUNCTION_MOST} == {}


def test_every_part_of_the_engine_has_its_place():
    assert {room_of(path) for path in ENGINE} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.relative_to(REPOSITORY / "autograder").as_posix())
def test_the_engine_imports_nothing_upward(path):
    assert wrong_imports(path) == []


SERVICE = [path for path in python_files("grader_service") if path.parent.name != "grader_service"]
SERVICE += [path for path in python_files("grader_service") if path.parent == REPOSITORY / "grader_service"]
SERVICE = [path for path in SERVICE if path != REPOSITORY / "grader_service" / "__init__.py"]


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
    looked_for = {"cli": ["flask"]}  # `deepgrade serve` says that it is missing; nothing of it is used
    assert room_of(path) == "web" or found == looked_for.get(room_of(path), [])


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


def test_no_test_module_imports_another():
    """What two of them need is in a folder `support`. On PostgreSQL alone, the tests of a room are repeated."""
    found = [
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in sorted((REPOSITORY / "tests").rglob("test_*.py"))
        if "hostile" not in path.parts and not path.stem.endswith("_on_postgresql")
        for module, _ in imports(path)
        if any(part.startswith("test_") for part in module.split(".")[:-1])
    ]
    assert found == []


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
    """Values cross as data. (A worker's own code may do as it likes; ours never loads a pickle.)

    Recorded examples are pickles, which a judge is given by a fork of its own parent, in which the reference answers.
    """
    banned = ("pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib")
    found = [module for module, _ in imports(path) if module.split(".")[0] in banned]
    if path.relative_to(REPOSITORY).as_posix() == "autograder/judge/recording.py":
        found.remove("pickle")
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


def test_one_module_decides_what_somebody_is_shown():
    """`submission_view` asks `visibility`, and everything that shows a submission shows its view."""
    asking = [
        path.relative_to(REPOSITORY).as_posix()
        for path in python_files("grader_service")
        for module, _ in imports(path)
        if module.startswith("grader_service.grading.visibility")
    ]
    assert set(asking) == {"grader_service/grading/submission_view.py"}


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
            secrets = ("grader_service/accounts/invitations.py", "grader_service/lti/launches.py")
            of_links = place in secrets and sides == ["expires_at"]  # nobody is shown that minute
            if DATES & set(sides) and not of_links:
                found.append(f"{place}:{node.lineno}")
    dates = "|".join(DATES)
    compared = re.compile(rf"(?:{dates})\b *[<>]|[<>]=? *[\w.]*(?:{dates})\b")
    for path in sorted((REPOSITORY / "grader_service/web/templates").rglob("*.html")):
        for statement in re.findall(r"{[{%].*?[%}]}", path.read_text(encoding="utf-8")):
            if compared.search(statement):
                found.append(f"{path.relative_to(REPOSITORY)}: {statement}")
    assert found == []


WHERE = re.findall(
    r"`(grader_service\.[\w.]+)`",
    (REPOSITORY / "docs/design.md").read_text(encoding="utf-8").partition("## Where is it?")[2].partition("\n## ")[0],
)


def test_design_says_where_things_are():
    assert len(WHERE) >= 7


@pytest.mark.parametrize("name", WHERE)
def test_what_design_names_is_there_and_nowhere_else_in_the_service(name):
    """A second module that defines the same function would be a second home of the fact."""
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)
    definition = re.compile(rf"^(?:def|class) {attribute}\b|^{attribute}\b.* = ", re.MULTILINE)
    homes = [path for path in python_files("grader_service") if definition.search(path.read_text(encoding="utf-8"))]
    assert len(homes) == 1
