"""Thirty submissions get the same points, problem by problem, in each of the four ways to grade.

The web service over HTTP, `deepgrade batch`, `otter run`, and `otter.api.grade_submission` in warm processes. Two of
softmax's mutants are among them, and `otter run`, whose start alone takes seconds, has each fourth. With
DEEPGRADE_EVERY_MUTANT=1 all mutants are among them, and `otter run` has all.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loading import load

from autograder.course import scaffold
from autograder.course.course import Course
from autograder.course.mutants import mutants
from autograder.course.submission import zipped
from grader_service.core.settings import Settings

from ..support import processes
from ..support.processes import Client, serving

pytest.importorskip("otter", reason="otter-grader is not installed: it is in the extra `otter` of staff/pyproject.toml")

TESTS = Path(__file__).resolve().parent.parent.parent
HOSTILE = ["exits_in_a_call", "returns_nan", "writes_verdicts_on_the_data_socket", "memory_by_children"]
PROCESSES = 2  # at a time, in each way
EVERYTHING = bool(os.environ.get("DEEPGRADE_EVERY_MUTANT"))

LINES = {  # behind right answers
    "leaves_at_import": "raise SystemExit(0)",
    "raises_at_import": "raise ValueError('no')",
    "returns_nothing": "def mean_squared_error(p, y): pass",
    "returns_text": "def mean_squared_error(p, y): return '2.5'",
    "returns_single_precision": "def mean_squared_error_grad(p, y): return (2 * (p - y) / len(p)).astype(np.float32)",
    "takes_one_argument_more": "def mean_squared_error(p, y, z): return 0.0",
    "lacks_a_function": "del mean_squared_error_grad",
    "right_in_another_way": "def mean_squared_error(p, y): return float(np.dot(p - y, p - y) / len(p))",
}

Points = dict[str, float]  # by problem
Handed = tuple[str, str]  # assignment, and name of the submission

API = """
import json, sys
from otter.api import grade_submission

for line in sys.stdin:
    autograder, submission = json.loads(line)
    told = grade_submission(submission, autograder, quiet=True)
    points = {name: file.score for name, file in told.results.items()}
    sys.stdout.write(json.dumps({"points": points, "error": str(told.catastrophic_error or "")}) + "\\n")
    sys.stdout.flush()
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """A tiny assignment with mutants, the one that hostile submissions shoot at, and a real one."""
    root = tmp_path_factory.mktemp("course")
    (root / "assignments").mkdir()
    scaffold.create(Course(root), "tiny")
    for half in ("assignments", "solutions"):
        shutil.copytree(TESTS / "hostile_course" / half / "target", root / half / "target")
        shutil.copytree(TESTS.parent / half / "softmax", root / half / "softmax")
    for path in (root / "assignments").glob("*/assignment.toml"):
        # On a busy machine no way may run out of time where another does not.
        text = re.sub(r"^(test_)?seconds = .*\n", "", path.read_text(), flags=re.M)
        limits = "[limits]\nseconds = 60\ntest_seconds = 240"
        path.write_text(text.replace("[limits]", limits) if "[limits]" in text else f"{text}\n{limits}\n")
    return Course(root)


@pytest.fixture(scope="module")
def submissions(course) -> dict[Handed, bytes]:
    """The zips."""
    made: dict[Handed, bytes] = {}
    tiny, target, softmax = course["tiny"], course["target"], course["softmax"]
    for assignment in (tiny, softmax):
        made[assignment.name, "reference"] = zipped(assignment.reference())
        made[assignment.name, "stub"] = zipped(assignment.stub())
        wrong = mutants(assignment)
        for mutant in wrong if EVERYTHING or assignment is tiny else (wrong[0], wrong[-1]):
            made[assignment.name, mutant.name] = zipped(mutant.files)
    right, stub = tiny.reference()["tiny.py"].decode(), tiny.stub()["tiny.py"].decode()
    partial = right.replace("return 2 * (p - y) / len(p)", "raise NotImplementedError")
    assert partial != right
    made["tiny", "partial"] = zipped({"tiny.py": partial.encode()})
    made["tiny", "syntax_error"] = zipped({"tiny.py": (right + "\ndef f(:\n").encode()})
    made["tiny", "wrapped"] = zipped({"me/tiny.py": right.encode(), "__MACOSX/._tiny.py": b"x"})
    made["tiny", "says_what_it_wants"] = zipped({"tiny.py": f"print('score: 100')\n{stub}".encode()})
    for name, line in LINES.items():
        made["tiny", name] = zipped({"tiny.py": f"{right}\n{line}\n".encode()})
    honest = target.reference()
    made["target", "reference"] = zipped(honest)
    made["target", "partial"] = zipped({**honest, "target.py": b"from honest import double, fill, total\n"})
    for name in HOSTILE:
        made["target", name] = zipped({**honest, "target.py": (TESTS / "hostile" / name / "target.py").read_bytes()})
    made["target", "brings_files_of_its_own"] = _made("brings_files_of_its_own", honest)
    return made


def _made(name: str, honest: dict[str, bytes]) -> bytes:
    return next(load(TESTS / "hostile" / name / "make.py").make(honest))


@pytest.fixture(scope="module")
def files(submissions, tmp_path_factory) -> dict[Handed, Path]:
    root = tmp_path_factory.mktemp("submissions")
    found = {}
    for (assignment, name), data in submissions.items():
        found[assignment, name] = root / assignment / f"{name}.zip"
        found[assignment, name].parent.mkdir(exist_ok=True)
        found[assignment, name].write_bytes(data)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Where the course's secret is, the same for all ways."""
    return tmp_path_factory.mktemp("four") / "home"


@pytest.fixture(scope="module")
def run(course, home) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`deepgrade ARGS...`, on that course."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPGRADE_")}
    environment |= {"DEEPGRADE_COURSE": str(course.root), "DEEPGRADE_HOME": str(home)}

    def go(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "autograder.cli", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return go


@pytest.fixture(scope="module")
def autograders(course, run, tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("autograders")
    for assignment in course:
        run("otter", assignment.name, "-o", root / f"{assignment.name}.zip")
    return {assignment.name: root / f"{assignment.name}.zip" for assignment in course}


@pytest.fixture(scope="module")
def by_batch(course, files, run, tmp_path_factory) -> dict[Handed, Points]:
    root = tmp_path_factory.mktemp("batch")
    found: dict[Handed, Points] = {}
    for assignment in course:
        name = assignment.name
        run("batch", name, files[name, "reference"].parent, "-o", root / name, "--jobs", PROCESSES)
        text = (root / name / "final_grades.csv").read_text(encoding="utf-8")
        for row in csv.DictReader(io.StringIO(text)):
            problems = {problem.name: float(row[problem.name]) for problem in assignment.manifest.problems}
            found[name, row["file"].removesuffix(".zip")] = problems
            assert row["grading_status"] in ("Completed", "--")
    return {handed: found[handed] for handed in files}


@pytest.fixture(scope="module")
def by_web(course, submissions, home) -> dict[Handed, Points]:
    settings = Settings(home=home, course=course.root, workers=PROCESSES)
    people = [f"student{number}" for number in range(6)]
    for login in people:
        processes.add(settings, login)
    with serving(settings) as service:
        clients = [Client(service.url, login) for login in people]
        numbers: dict[Handed, tuple[Client, int]] = {}
        for place, ((assignment, name), data) in enumerate(submissions.items()):
            client = clients[place % len(clients)]
            address = client.send(f"/courses/course/assignments/{assignment}", {}, data)
            numbers[assignment, name] = client, int(address.rsplit("/", 1)[1])
        told = {handed: client.report(number) for handed, (client, number) in numbers.items()}
    assert {report["state"] for report in told.values()} == {"graded"}
    return {
        handed: {problem["name"]: problem["points"] for problem in report["problems"]}
        for handed, report in told.items()
    }


@pytest.fixture(scope="module")
def by_otter_run(files, autograders, tmp_path_factory) -> dict[Handed, Points]:
    root = tmp_path_factory.mktemp("otter")
    otter = Path(sys.executable).with_name("otter")

    def one(handed: Handed) -> Points:
        output = root / "-".join(handed)
        output.mkdir()
        command = [otter, "run", "-a", autograders[handed[0]], "-o", output, "--no-logo", files[handed]]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads((output / "results.json").read_text())
        return {test["name"]: test["score"] for test in told["tests"] if "score" in test}

    some = for_otter_run(files)
    with ThreadPoolExecutor(PROCESSES) as pool:
        return dict(zip(some, pool.map(one, some), strict=True))


def for_otter_run(files: dict[Handed, Path]) -> list[Handed]:
    return [handed for place, handed in enumerate(files) if EVERYTHING or place % 4 == 0]


@pytest.fixture(scope="module")
def by_otter_api(files, autograders, tmp_path_factory) -> dict[Handed, Points]:
    script = tmp_path_factory.mktemp("api") / "grade.py"
    script.write_text(API)

    def several(share: list[Handed]) -> dict[Handed, Points]:
        lines = "".join(json.dumps([str(autograders[one[0]]), str(files[one])]) + "\n" for one in share)
        command = [sys.executable, str(script)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=3600, check=False)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(share), done.stderr
        assert [answer["error"] for answer in answers if answer["error"]] == []
        return {handed: answer["points"] for handed, answer in zip(share, answers, strict=True)}

    shares = [list(files)[number::PROCESSES] for number in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as pool:
        parts = list(pool.map(several, shares))
    return {handed: points for part in parts for handed, points in part.items()}


def test_there_are_thirty_of_them_and_they_differ(submissions, by_batch, course):
    assert len(submissions) >= 30
    for assignment in course:
        totals = {sum(points.values()) for handed, points in by_batch.items() if handed[0] == assignment.name}
        assert len(totals) >= 3
        assert assignment.manifest.points in totals


@pytest.mark.some_cases(1)
@pytest.mark.parametrize("way", ["by_web", "by_otter_run", "by_otter_api"])
def test_the_scores_are_those_of_a_batch(way, request, files, by_batch):
    found = request.getfixturevalue(way)
    assert {handed: points for handed, points in found.items() if points != by_batch[handed]} == {}
    assert found.keys() == (set(for_otter_run(files)) if way == "by_otter_run" else by_batch.keys())


def test_what_the_page_refuses_has_no_points_anywhere(course, autograders, run, tmp_path):
    """No tiny.py in it: the page answers with the reason, the others with none of the points, and with it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada.zip").write_bytes(zipped({"other.py": b"x"}))
    why = "the zip holds no tiny.py"
    settings = Settings(home=tmp_path / "home", course=course.root)
    processes.add(settings, "ada")
    with serving(settings) as service:
        client = Client(service.url, "ada")
        with pytest.raises(urllib.error.HTTPError) as refused:
            client.send("/courses/course/assignments/tiny", {}, (tmp_path / "in" / "ada.zip").read_bytes())
        assert why in refused.value.read().decode()
    run("batch", "tiny", tmp_path / "in", "-o", tmp_path / "out")
    last = (tmp_path / "out" / "final_grades.csv").read_text().splitlines()[-1]
    assert last.startswith(f"ada.zip,0.0,0.0,0.0,0.0,Refused: {why}")
    otter = Path(sys.executable).with_name("otter")
    command = [otter, "run", "-a", autograders["tiny"], "-o", tmp_path, "--no-logo", tmp_path / "in" / "ada.zip"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, check=False)
    told = json.loads((tmp_path / "results.json").read_text())
    assert told["score"] == 0, done.stderr
    assert why in json.dumps(told)
