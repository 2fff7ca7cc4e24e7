"""A hundred submissions of softmax: `deepgrade batch --jobs 2`, and otter's own engine in two warm processes.

    ours      one `deepgrade batch`, from its start to its last file: every submission in a sandbox of its own
    otter's   a pool of two processes of `otter.api.grade_submission`, each with a Jupyter kernel for each submission.
              Its tests are the same ones with the same examples, as plain otter test cases: the first case runs them
              all in the kernel, where the student's code is too (otter_kernel.py), and each case looks up its verdict

The submissions are the reference, the stub, the other right answers and the wrong ones, each handed in as a zip; in
both ways hypothesis makes failing inputs small. Memory is the greatest PSS of all processes (as in `grading`).
"""

from __future__ import annotations

import csv
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autograder.course.course import Assignment, Course
from autograder.course.mutants import mutants
from autograder.course.submission import zipped
from autograder.verify.answers import right_answers
from bench.grading import Peak
from bench.otter_kernel import ASSIGNMENT, SECRET
from bench.page import REPOSITORY, Section

SUBMISSIONS = 100
PROCESSES = 2
GOAL = 5.0

CASE = """
@test_case(name={name!r}, points={possible!r}, hidden={hidden!r})
def case_{number}(env):
    assert verdict(env, {name!r}) == "passed"

"""
HEAD = """\
OK_FORMAT = False

from bench.otter_kernel import verdict
from otter.test_files import test_case

name = {problem!r}
points = None

"""


def submissions(assignment: Assignment, count: int) -> dict[str, bytes]:
    """The zips by name: right answers first, then the stub and the wrong ones, from the start again if need be."""
    known = {name.replace(" ", "_"): files for name, files in right_answers(assignment).items()}
    known |= {"stub": assignment.stub()} | {mutant.name: mutant.files for mutant in mutants(assignment)}
    found = {}
    for number, (name, files) in enumerate(itertools.islice(itertools.cycle(known.items()), count)):
        found[f"{number:03d}_{name}.zip"] = zipped(files)
    return found


def ours(folder: Path, output: Path) -> tuple[float, int, dict[str, float]]:
    """Seconds, bytes at the peak, and points by submission."""
    command = [sys.executable, "-m", "autograder.cli", "batch", ASSIGNMENT, str(folder), "-o", str(output)]
    environment = {**os.environ, "DEEPGRADE_COURSE": str(REPOSITORY), "DEEPGRADE_SECRET": SECRET}
    began = time.perf_counter()
    with subprocess.Popen([*command, "--jobs", str(PROCESSES)], env=environment, stdout=subprocess.DEVNULL) as process:
        peak = Peak(process.pid)
        peak.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        peak.over.set()
    if status:
        raise SystemExit(f"bench: deepgrade batch ended with status {status}")
    with (output / "final_grades.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return seconds, peak.bytes, {row["file"]: float(row["total_points_earned"]) for row in rows[1:]}


def stock(folder: Path, work: Path, tests: list[dict[str, Any]]) -> tuple[float, int, dict[str, float]]:
    """The same of otter's own engine. The processes are warm: their imports are not counted."""
    (work / "tests").mkdir(parents=True)
    for problem in {test["problem"] for test in tests}:
        own = [test for test in tests if test["problem"] == problem]
        cases = [
            CASE.format(number=number, hidden=test["visibility"] == "hidden", **test) for number, test in enumerate(own)
        ]
        (work / "tests" / f"{problem}.py").write_text(HEAD.format(problem=problem) + "".join(cases), encoding="utf-8")
    command = [sys.executable, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements"]
    subprocess.run(command, cwd=work, check=True, capture_output=True)
    os.environ["PYTHONPATH"] = str(REPOSITORY / "scripts")  # the kernels' own
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pairs = [(str(path), str(work / "autograder.zip")) for path in sorted(folder.iterdir())]
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES, initializer=_warm) as pool:
        pool.map(_ready, range(PROCESSES), chunksize=1)
        peak = Peak(os.getpid())
        peak.start()
        began = time.perf_counter()
        told = dict(pool.imap_unordered(_grade, pairs))
        seconds = time.perf_counter() - began
        peak.over.set()
    return seconds, peak.bytes, told


def _warm() -> None:
    import otter.api  # noqa: F401


def _ready(number: int) -> None:
    time.sleep(1.0)  # so that each process takes one


def _grade(pair: tuple[str, str]) -> tuple[str, float]:
    from otter.api import grade_submission

    devices = [os.open(os.devnull, os.O_WRONLY), os.dup(2)]
    os.dup2(devices[0], 2)  # kernels complain of their transport
    try:
        told = grade_submission(*pair, quiet=True)
    finally:
        os.dup2(devices[1], 2)
        for device in devices:
            os.close(device)
    return Path(pair[0]).name, float(told.total)


def measure(rounds: int) -> Section:
    """`rounds` is how many submissions there are."""
    count = rounds or SUBMISSIONS
    assignment = Course(REPOSITORY)[ASSIGNMENT]
    section = Section("make bench ARGS=otter", ("what", "submissions a minute", "seconds", "peak memory"))
    section.note = f"{count} submissions of {ASSIGNMENT}, {PROCESSES} processes"
    with tempfile.TemporaryDirectory(prefix="deepgrade-bench-") as name:
        root = Path(name)
        (root / "in").mkdir()
        for file, data in submissions(assignment, count).items():
            (root / "in" / file).write_bytes(data)
        mine, mine_bytes, points = ours(root / "in", root / "out")
        told = json.loads(next((root / "out" / "reports").glob("000*.json")).read_text(encoding="utf-8"))
        theirs, their_bytes, their_points = stock(root / "in", root / "otter", told["tests"])
    differ = [file for file in points if points[file] != their_points[file]]
    for what, seconds, size in (
        ("`deepgrade batch --jobs 2`", mine, mine_bytes),
        ("two processes of `otter.api.grade_submission`", theirs, their_bytes),
    ):
        section.rows.append((what, f"{60 * count / seconds:.1f}", f"{seconds:.1f} s", f"{size / 2**20:.0f} MB"))
    section.rows.append(
        ("as a ratio", f"{theirs / mine:.2f} times", f"goal: {GOAL:g} times", f"{mine_bytes / their_bytes:.2f}")
    )
    section.rows.append(("submissions whose points differ", str(len(differ)), ", ".join(differ[:3]), ""))
    return section
