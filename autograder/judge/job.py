"""What a caller asks of a judge, and what it is told: plain data, without what judging needs."""

from __future__ import annotations

from typing import Literal

import msgspec

from autograder.core.decoding import TypedDecoder
from autograder.course.course import Assignment
from autograder.mistakes.catalogue import AGAIN
from autograder.mistakes.records import Record
from autograder.own_tests.answers import SuiteJob
from autograder.report.schema import JudgeCost, Ratio, TestResult, TrainingTimes

SLOW_IMPORTS = ("torch",)  # a second and more: the server does it when the first job asks, and every judge has it


class Order(msgspec.Struct):
    """What the server of the judges is told of a job, to find the process that is prepared for it."""

    key: str  # of the tests, the reference and the secret: jobs with the same one share their recording
    packages: list[str]
    tests: list[str]  # paths, in order


ORDERS: TypedDecoder[Order] = TypedDecoder(Order)


class Finished(msgspec.Struct):
    """What is known of a test when it is over. If its judge must be replaced, the next one is told."""

    result: TestResult
    seconds: float
    cost: JudgeCost
    ratio: Ratio | None = None
    training: TrainingTimes | None = None
    not_run: bool = False  # blocked, and not even run


FINISHED: TypedDecoder[Finished] = TypedDecoder(Finished)


class Job(msgspec.Struct):
    manifest: str  # path
    tests: list[str]  # paths, in order
    files: dict[str, bytes]
    secret: bytes
    reference: dict[str, bytes] = {}  # the reference's files, for tests that race against it
    reference_folder: str = ""  # path of the folder that they are in
    shrink: bool = True
    only: list[str] = []  # tests' names: run these, and those they need; none: all
    with_needs: bool = True  # False: run them without those they need
    profile: Literal["cpu", "gpu"] | None = None  # of training checks; None: by what is here
    calibrating: bool = False  # measure trainings, and hold nobody to a bar
    container: bool = False  # we are in one that is thrown away: without namespaces, a dropped uid will do
    finished: list[Finished] = []  # by an earlier judge of the same submission
    suite: SuiteJob | None = None  # tests of the student's own
    too_costly: dict[str, str] = {}  # test -> why its judge had to be ended; it is not run again
    play: bool = False  # play failed tests once more for the names of mistakes: playing.py


JOBS: TypedDecoder[Job] = TypedDecoder(Job)


def of_reference(assignment: Assignment, secret: bytes) -> Job:
    """All tests against the reference."""
    return Job(
        manifest=str(assignment.folder / "assignment.toml"),
        tests=[str(path) for path in assignment.test_files],
        files=assignment.reference(),
        secret=secret,
        reference=assignment.reference(),
        reference_folder=str(assignment.solution),
    )


class Surroundings(msgspec.Struct):
    """What a judge tells at its end, beside the tests."""

    device: str
    walls: str
    versions: dict[str, str]
    import_failure: str = ""
    import_seconds: float = 0.0


SURROUNDINGS: TypedDecoder[Surroundings] = TypedDecoder(Surroundings)


class Played(msgspec.Struct):
    """What came of all examples of one test, under the public secret or (`again`) under the course's."""

    test: str
    again: bool
    records: list[Record]


PLAYED: TypedDecoder[Played] = TypedDecoder(Played)


class Judged(msgspec.Struct):
    finished: list[Finished]
    surroundings: Surroundings
    played: list[Played] = []  # of failed tests

    @property
    def answers(self) -> dict[str, list[Record]]:
        return answers_of(self.played)


def answers_of(played: list[Played]) -> dict[str, list[Record]]:
    """By id of a test, marked if its examples are the course's; only of tests of which an example failed."""
    return {
        one.test + (AGAIN if one.again else ""): one.records
        for one in played
        if any(not record.held for record in one.records)
    }
