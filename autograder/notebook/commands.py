"""`check` and `submit` for notebooks and for plain Python, through the command line in another process."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.core.errors import DeepgradeError
from autograder.course import manifest as manifests
from autograder.course import submission, usage
from autograder.course import workplace as workplaces
from autograder.course.cells import unwritten
from autograder.course.manifest import Manifest
from autograder.course.workplace import Workplace
from autograder.notebook import history
from autograder.notebook.results import Checked, Submitted

QUESTION = re.compile(r"[qQ](\d+)")
COLOURS = ("FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "PY_COLORS")
AFTER_INTERRUPT = 8.0  # seconds for the tests to end after ■ or Ctrl-C


def check(name: str, folder: str) -> Checked:
    """Run the public tests. Raises DeepgradeError with one sentence."""
    with _work(folder) as work:
        option = ["--test", name] if name.startswith("test_") else ["--problem", name] if name else []
        status, report, words = _run(["check", str(work.folder), "--json", *option])
        return Checked.read(report, words, status, work)


def submit(folder: str) -> Submitted:
    """Hand in. Raises DeepgradeError with one sentence, also for a function that did not run in this notebook."""
    with _work(folder) as work:
        if work.notebook:
            _raise_for_missing(work, Path(folder))
        status, report, words = _run(["submit", str(work.folder), "--json"])
        return Submitted.read(report, words, status, work)


def problem_of_question(question: str, folder: str) -> str:
    """otter's "q2" as the name of the second problem. Other names stay."""
    manifest = _manifest(Path(folder))
    names = [problem.name for problem in manifest.problems]
    number = QUESTION.fullmatch(question)
    if number is None or question in names:
        return question
    if not 1 <= int(number[1]) <= len(names):
        raise DeepgradeError(f"there is no question {question!r}; q1 to q{len(names)} are {', '.join(names)}")
    return names[int(number[1]) - 1]


def _manifest(folder: Path) -> Manifest:
    if not (folder / "assignment.toml").is_file():
        raise DeepgradeError(
            f"{folder.resolve()}: holds no assignment.toml; go to the kit's folder (%cd FOLDER) with the notebook in it"
        )
    return manifests.load(folder / "assignment.toml")


@contextlib.contextmanager
def _work(folder: str) -> Iterator[Workplace]:
    """The functions that ran in this notebook if some are the assignment's, or else the files in the folder."""
    path = Path(folder)
    manifest = _manifest(path)
    with tempfile.TemporaryDirectory(prefix="deepgrade-", ignore_cleanup_errors=True) as temporary:
        extraction = history.module([name.removesuffix(".py") for name in manifest.files])
        written, missing = unwritten(extraction.source)
        if (written | missing) & _functions(path):
            handed_in = submission.of_extraction(extraction, path, manifest)
            yield workplaces.place(handed_in, path, manifest, Path(temporary) / path.resolve().name, history.NOTEBOOK)
        else:
            yield workplaces.at(path.resolve(), None, manifest, Path(temporary) / path.resolve().name)


def _functions(folder: Path) -> set[str]:
    """The functions that the public tests call."""
    return {function for test in usage.public_tests(folder / "test_public.py") for function in test.functions}


def _raise_for_missing(work: Workplace, folder: Path) -> None:
    written, missing = unwritten((work.folder / f"{work.module}.py").read_text(encoding="utf-8"))
    absent = sorted(_functions(folder) - written - missing)
    if absent:
        raise DeepgradeError(
            f"{', '.join(absent)} did not run in this notebook; run all cells with functions, then %submit again"
        )


def _plain() -> dict[str, str]:
    """The variables for a process that writes no colours and no progress. Jupyter's kernel asks programs for both."""
    kept = {name: value for name, value in os.environ.items() if name not in COLOURS}
    return kept | {"TERM": "dumb", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}


def _run(arguments: Sequence[str]) -> tuple[int, str, str]:
    """The exit status of `deepgrade ARGUMENTS`, its standard output and its errors. An interrupt of the kernel reaches
    it, and its results so far are returned."""
    command = [sys.executable, "-P", "-m", "autograder.cli", *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", env=_plain()
    )
    with process:
        try:
            out, err = process.communicate()
        except KeyboardInterrupt:
            if sys.platform != "win32":
                process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=AFTER_INTERRUPT)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
    if process.returncode in (2, 3):
        raise DeepgradeError(err.strip().removeprefix("deepgrade: ") or "the tests could not run")
    return process.returncode, out, err
