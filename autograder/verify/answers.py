"""The answers that `verify` grades: right ones, the stub, mutants and probes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Literal

from autograder.course.course import Assignment
from autograder.course.mutants import mutants, without_docstrings
from autograder.course.submission import Submission, sha256_of
from autograder.verify import probes as probing

Part = Literal["answers", "probes"]


class Answers:
    """The answers to grade."""

    def __init__(self, assignment: Assignment, every: int, parts: Collection[Part]) -> None:
        """Raises BadCourse for a file that cannot be read."""
        self.mutants = mutants(assignment) if "answers" in parts else []
        self.right = right_answers(assignment)
        self.probes = probing.probes(assignment) if "probes" in parts else []
        self.stub: Submission | None = _submission(assignment.stub())
        self.sources = sources_sha256(assignment)
        number = int(self.sources, 16)
        if every > 1:
            self.mutants = self.mutants[number % max(1, min(every, len(self.mutants))) :: every]
            self.probes = probing.every_third(self.probes, number)
            others = [name for name in self.right if name != "reference"]
            selected = ("reference", others[number % len(others)] if others else None)
            self.right = {name: files for name, files in self.right.items() if name in selected}
        if "answers" not in parts:
            self.right, self.stub = {"reference": self.right["reference"]}, None

    @property
    def targets(self) -> list[str]:
        return sorted({mutant.target for mutant in self.mutants})

    def submissions(self) -> dict[str, Submission]:
        """All answers except the mutants, by their names in messages."""
        return {
            **{name: _submission(files) for name, files in self.right.items()},
            **({"stub": self.stub} if self.stub else {}),
            **{f"probe {probe.name}": probe.submission for probe in self.probes},
        }


def right_answers(assignment: Assignment) -> dict[str, dict[str, bytes]]:
    """The reference and the variants, as files that a student could hand in."""
    variants = assignment.answers("variants")
    return {"reference": assignment.reference(), **{f"variant {name}": files for name, files in variants.items()}}


def sources_sha256(assignment: Assignment) -> str:
    """A hash over manifest, tests, right and wrong answers, probes. A proof is valid while the hash is the same.

    The mutants' docstrings do not count: they change no answer.
    """
    assert assignment.solution is not None
    digest = hashlib.sha256(assignment.proved_sha256().encode())
    digest.update(without_docstrings((assignment.solution / "mutants.py").read_text(encoding="utf-8")).encode())
    for name, files in right_answers(assignment).items():
        digest.update(f"{name}\0{sha256_of(files)}\0".encode())
    for name, files in assignment.answers(probing.FOLDER).items():
        digest.update(f"probe {name}\0{sha256_of(files)}\0".encode())
    return digest.hexdigest()


def _submission(files: dict[str, bytes]) -> Submission:
    return Submission(files, sha256_of(files))
