"""Makes the catalogue of an assignment's mistakes from its mutants.

    the reference, in which each function tells that it is called ── plays all tests ──> which tests call which function
    each mutant ── plays the tests that call its function ──> its answers to those that it fails

The mutants run in processes of ours, outside of a sandbox: they are the author's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autograder.core.errors import BadCourse
from autograder.course.course import Assignment
from autograder.course.mutants import Mutant, mutants
from autograder.fingerprinting.trial import Trial
from autograder.judge.job import answers_of, of_reference
from autograder.judge.recorder_process import recording_of
from autograder.judge.run import Collection, collect
from autograder.mistakes import catalogue, store
from autograder.mistakes.catalogue import Catalogue, Mistake
from autograder.mistakes.records import Record
from autograder.verify.usage import traced

SECONDS = 60.0  # for one mutant; what it has answered until then counts

OnEvent = Callable[[dict[str, Any]], None]


def build(assignment: Assignment, secret: bytes, *, jobs: int = 0, on_event: OnEvent = lambda event: None) -> Catalogue:
    """Play all mutants. Takes minutes of processor time; `jobs` at a time (0: one for each core).

    on_event : told of "collected" with the mutants, and of each that is "finished".

    Raises BadCourse where the mutants cannot be read, or without staff's half.
    """
    if assignment.solution is None:
        raise BadCourse(f"{assignment.name}: this course has no solutions/{assignment.name}, so no mistakes are known")
    known = mutants(assignment)
    answers: dict[str, dict[str, list[Record]]] = {}
    problems: dict[str, str] = {}

    def play(collection: Collection) -> None:
        problems.update(collection.problems())
        recording = recording_of(collection, of_reference(assignment, secret))
        trial = Trial(assignment, secret, collection, recording)
        files = {mutant.name: mutant.files for mutant in known}
        names = collection.names()
        targets = {mutant.name: mutant.target for mutant in known}
        callers = trial.callers(traced(assignment, targets.values()).files, names)
        meets = {name: [test for test in names if test in callers.get(targets[name], ())] for name in files}
        todo = trial.play(
            {name: files[name] for name in files if meets[name]},
            meets.__getitem__,
            jobs=jobs or os.cpu_count() or 1,
            seconds=SECONDS,
        )
        on_event({"event": "collected", "tests": [name for name in files if meets[name]]})
        for name, played in todo:
            answers[name] = answers_of(played)
            on_event({"event": "finished", "test": name, "verdict": "played"})

    collect([Path(path) for path in assignment.test_files], play)
    entries = [(_mistake(mutant, problems), answers[mutant.name]) for mutant in known if answers.get(mutant.name)]
    return catalogue.made_of(store.key(assignment, secret), entries)


def _mistake(mutant: Mutant, problems: Mapping[str, str]) -> Mistake:
    problem = problems.get(mutant.killed_by.partition("[")[0], "")
    return Mistake(mutant.sentence, mutant.heading, mutant.target, problem, {}, mutant.name)
