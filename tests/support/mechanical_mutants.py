"""Do the tests notice mechanical mutants of the references? `make mutants`.

    tests/support/mechanical_mutants.py                    all assignments
    tests/support/mechanical_mutants.py softmax conv       these
    tests/support/mechanical_mutants.py --every 5 cnn      each fifth mutant

Functions that students are given complete have no mutants. A mutant meets all tests that call its function, in the
process of the tests, on recorded examples. It dies by the first test that it does not pass, or after TIMES the seconds
of the reference. A survivor is a hidden test that is missing, or a mutant that computes the same.
tests/equivalent_mutants.toml names those, each with the reason. Any other survivor ends this with exit code 1, and so
does an entry there whose mutant dies or is gone.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutation import Mutation, mutations

from autograder.course.course import Assignment, Course
from autograder.course.manifest import Limits
from autograder.judge.forked import end_with, print_to
from autograder.judge.job import of_reference
from autograder.judge.judge import secret_for, visibility
from autograder.judge.recorder_process import recording_of
from autograder.judge.recording import Recording
from autograder.judge.run import Collection, collect
from autograder.judge.session import Event, Judging
from autograder.student.local import Local
from autograder.verify.usage import CALLED, traced

REPOSITORY = Path(__file__).resolve().parents[2]
EQUIVALENT = REPOSITORY / "tests" / "equivalent_mutants.toml"
SECRET = b"mechanical mutants"
JOBS = 2
TIMES, FLOOR_SECONDS = 5, 20.0  # of what the reference needs for the same tests
MEMORY_BYTES = 8 * 2**30
PRINTED_BYTES = 2**20  # of one test


@dataclass(frozen=True)
class Equivalent:
    """An entry of the table of mutants that compute the same."""

    function: str
    mutant: str
    reason: str


class Trial:
    """Runs the tests of one assignment against files of its module, each time in a forked process."""

    def __init__(self, assignment: Assignment, folder: Path, collection: Collection, recording: Recording) -> None:
        """folder : for the files of each run."""
        assert assignment.solution is not None
        self._assignment, self._solution, self._folder = assignment, assignment.solution, folder
        self._collection, self._recording = collection, recording

    def start(self, files: dict[str, bytes], only: Sequence[str], *, until_failure: bool) -> tuple[int, int]:
        """(its pid, a pipe with a line of JSON for each finished test)"""
        readable, writable = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(readable)
            os.setpgid(0, 0)
            end_with(parent)
            try:
                self._judge(writable, files, only, until_failure)
            except BaseException as error:
                _tell(writable, {"test": type(error).__name__, "verdict": "died", "called": []})
            os._exit(0)
        os.close(writable)
        return pid, readable

    def run(self, files: dict[str, bytes]) -> list[dict[str, Any]]:
        """The lines of all tests."""
        pid, pipe = self.start(files, (), until_failure=False)
        with open(pipe, "rb") as stream:
            lines = [json.loads(line) for line in stream]
        os.waitpid(pid, 0)
        return lines

    def _judge(self, writable: int, files: dict[str, bytes], only: Sequence[str], until_failure: bool) -> None:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        printed = os.open(folder / "printed", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        print_to(printed)
        for name, content in files.items():
            (folder / name).write_bytes(content)

        def hear(event: Event) -> None:
            if event["event"] != "finished":
                return
            called = CALLED.findall(os.pread(printed, PRINTED_BYTES, 0).decode(errors="replace"))
            os.ftruncate(printed, 0)
            result = judging.finished[-1].result
            _tell(writable, {"test": result.name, "verdict": result.verdict, "called": called})
            if until_failure and result.verdict != "passed":
                os._exit(0)

        judging = Judging(
            make_student=self._maker(folder),
            make_reference=self._maker(self._solution),
            limits=self._assignment.manifest.limits,
            visibility=visibility,
            secret=lambda path: secret_for(path, SECRET),
            course_secret=SECRET,
            shrink_runs=0,
            recording=self._recording,
            on_event=hear,
        )
        self._collection.run(judging, only=only, with_needs=False)

    def _maker(self, folder: Path) -> Callable[..., AbstractContextManager[Any]]:
        module = self._assignment.manifest.module

        def make(limits: Limits, *, watch: bool = True) -> AbstractContextManager[Any]:
            return nullcontext(Local(folder, module, watch=watch))

        return make


def _tell(writable: int, line: dict[str, Any]) -> None:
    os.write(writable, json.dumps(line).encode() + b"\n")


class Queue:
    """Runs mutants side by side."""

    def __init__(self, trial: Trial, seconds: float) -> None:
        """seconds : past these a mutant is dead."""
        self._trial, self._seconds = trial, seconds
        self._running: dict[int, tuple[int, Mutation, float, bytes]] = {}  # pipe -> pid, .., deadline, lines

    def killers(
        self, mutants: Sequence[tuple[Mutation, dict[str, bytes], list[str]]]
    ) -> Iterator[tuple[Mutation, str | None]]:
        """Each mutant with the test that it dies by, or None where it survives.

        mutants : each with the files of the module and the names of the tests that it meets.
        """
        waiting = list(mutants)
        while waiting or self._running:
            while waiting and len(self._running) < JOBS:
                mutation, files, only = waiting.pop(0)
                pid, pipe = self._trial.start(files, only, until_failure=True)
                self._running[pipe] = pid, mutation, time.monotonic() + self._seconds, b""
            ready, _, _ = select.select(list(self._running), [], [], 1.0)
            for pipe, (pid, mutation, deadline, lines) in list(self._running.items()):
                chunk = os.read(pipe, 65536) if pipe in ready else b""
                if chunk:
                    self._running[pipe] = pid, mutation, deadline, lines + chunk
                elif pipe in ready or time.monotonic() > deadline:
                    del self._running[pipe]
                    os.close(pipe)
                    os.killpg(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    yield mutation, _killer(lines) if pipe in ready else "time"


def _killer(lines: bytes) -> str | None:
    """lines : JSON, as a run writes them."""
    tests = [json.loads(line) for line in lines.splitlines()]
    failed = [test["test"] for test in tests if test["verdict"] != "passed"]
    if not tests:
        return "its process ended"
    return failed[0] if failed else None


def mutants_of(assignment: Assignment) -> list[Mutation]:
    """Those of functions that the student writes."""
    name = f"{assignment.manifest.module}.py"
    source, stub = assignment.reference()[name].decode(), assignment.stub()[name].decode()
    given = {ast.dump(node) for node in ast.parse(stub).body}
    names = {getattr(node, "name", "") for node in ast.parse(source).body if ast.dump(node) in given}
    return [mutation for mutation in mutations(source) if mutation.function not in names]


def killers(assignment: Assignment, every: int) -> list[tuple[Mutation, str | None]]:
    """The mutants of an assignment's reference, each with the test that it dies by, or None."""
    if "torch" in assignment.manifest.packages:
        import torch

        torch.set_num_threads(1)
    reference, name = assignment.reference(), f"{assignment.manifest.module}.py"
    job = of_reference(assignment, SECRET)
    results: list[tuple[Mutation, str | None]] = []

    def measure(collection: Collection) -> None:
        trial = Trial(assignment, Path(folder), collection, recording_of(collection, job))
        mutants = mutants_of(assignment)[::every]
        began = time.monotonic()
        lines = trial.run(traced(assignment, {mutation.function for mutation in mutants}).files)
        seconds = max(FLOOR_SECONDS, TIMES * (time.monotonic() - began))
        fails = [line["test"] for line in lines if line["verdict"] != "passed"]
        if fails:
            raise SystemExit(f"{assignment.name}: the reference fails {fails[0]} in the process of the tests")
        meets: dict[str, list[str]] = {mutation.function: [] for mutation in mutants}
        for line in lines:
            for function in meets.keys() & set(line["called"]):
                meets[function].append(line["test"])
        todo = [
            (mutation, {**reference, name: mutation.source.encode()}, meets[mutation.function])
            for mutation in mutants
            if meets[mutation.function]
        ]
        results.extend((mutation, None) for mutation in mutants if not meets[mutation.function])
        for number, (mutation, killer) in enumerate(Queue(trial, seconds).killers(todo), 1):
            results.append((mutation, killer))
            if killer is None or number % 25 == 0:
                alive = f"; alive: {mutation.name}" if killer is None else ""
                print(f"{assignment.name}: {number} of {len(todo)}{alive}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        collect([Path(path) for path in job.tests], measure)
    return results


def equivalent() -> dict[str, list[Equivalent]]:
    """By assignment."""
    with EQUIVALENT.open("rb") as file:
        tables = tomllib.load(file)
    return {name: [Equivalent(**entry) for entry in entries] for name, entries in tables.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments; all if none")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th mutant")
    options = parser.parse_args(arguments)
    course, known, failed = Course(REPOSITORY), equivalent(), False
    for name in options.names or [assignment.name for assignment in course]:
        entries = {(entry.function, entry.mutant) for entry in known.get(name, [])}
        results = killers(course[name], options.every)
        alive = {(mutation.function, mutation.name): mutation for mutation, killer in results if killer is None}
        missing = [mutation for key, mutation in alive.items() if key not in entries]
        stale = sorted(entries - alive.keys()) if options.every == 1 else []
        kinds = Counter(mutation.kind for mutation, _ in results)
        print(f"{name}: {len(results)} mutants, {len(alive)} alive, {len(alive) - len(missing)} of these equivalent")
        print(f"  {', '.join(f'{kind} {count}' for kind, count in kinds.items())}")
        for mutation in missing:
            print(f"  alive: {mutation.function}, line {mutation.line}: {mutation.name}")
        for function, mutant in stale:
            print(f"  in the table, and not alive: {function}: {mutant}")
        failed |= bool(missing or stale)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
