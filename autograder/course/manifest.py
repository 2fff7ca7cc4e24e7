"""`assignment.toml`: what an assignment is made of, its points, and its limits.

title = "Softmax regression"        # one line, shown everywhere
order = 1                           # place in the course
module = "softmax"                  # what `student` is in the tests: softmax.py
files = ["softmax.py"]              # what is handed in; nothing else reaches the sandbox
packages = ["numpy"]                # the only distributions mounted in the sandbox
preload = ["scipy.ndimage"]         # optional: modules of theirs that are imported once, and not anew by every test
device = "cpu"                      # or "gpu": uses a GPU if the machine has one
expected_seconds = 3                # of grading; short jobs never wait behind long ones
name_mistakes = "attempt 3"         # optional: "at once", "attempt N" (or after the due date), "after due", "staff"

[[problems]]                        # in the order of the report
name = "softmax"                    # what tests say: @points(2, problem="softmax")
title = "A softmax that survives large logits"
points = 6                          # the sum of its tests' points; `verify` checks it

[limits]                            # all optional; see Limits
seconds = 2.0
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import BadManifest
from autograder.course import own_tests as own
from autograder.course.own_tests import OwnTests

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,7}")
PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
FILE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\.(py|json|npz|safetensors|txt|md)")

MISTAKES = r"^(at once|attempt [1-9][0-9]{0,3}|after due|staff)$"

OFTEN_IMPORTED = set(
    """
    autograder deepgrade grader_service hypothesis jax keras matplotlib msgspec numpy pandas PIL pytest scipy sklearn
    tensorflow torch torchaudio torchvision
    """.split()
)

# Bounded above, since TOML has `inf`, and the kernel has no number for 10**30 megabytes.
Positive = Annotated[float, Meta(gt=0, le=1e6)]
PositiveInt = Annotated[int, Meta(gt=0, le=2**20)]


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: str
    points: Annotated[float, Meta(ge=0, le=1e6)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a submission. A machine that cannot set a limit does not grade."""

    seconds: Positive = 3.0  # wall time of one call; past it the worker is killed and the test is `timed_out`
    test_seconds: Positive = 30.0  # wall time of all calls of one test together; the same
    memory_mb: PositiveInt = 1024  # of all its processes; past it the test is `out_of_memory`
    processes: PositiveInt = 64  # processes and threads; past it fork fails inside the sandbox
    files_mb: PositiveInt = 64  # everything it writes; past it writing fails inside the sandbox
    reply_mb: PositiveInt = 64  # one reply; past it the test is `died`
    output_kb: PositiveInt = 64  # what it prints in one test; the rest is dropped
    upload_kb: PositiveInt = 1024  # the zip, and what it unpacks to; past it the upload is refused
    threads: PositiveInt = 1  # of numpy's and torch's own arithmetic
    # Of the grader's own work in one test, on what came back: processor time, and memory beyond what it holds anyway.
    # Past either the test is `failed`. `verify` demands that right answers take a tenth of it.
    judge_seconds: Positive = 10.0
    judge_memory_mb: PositiveInt = 2048


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    order: int
    module: str
    files: Annotated[list[str], Meta(min_length=1)]
    packages: list[str]
    problems: Annotated[list[Problem], Meta(min_length=1)]
    preload: list[str] = []
    device: Literal["cpu", "gpu"] = "cpu"
    expected_seconds: Positive = 5.0
    # When students are told the name of a known mistake. An attempt counts from 1; after the due date all are told.
    name_mistakes: Annotated[str, Meta(pattern=MISTAKES)] = "attempt 3"
    limits: Limits = Limits()
    own_tests: OwnTests | None = None  # of own_tests.toml, beside the manifest

    @property
    def optional(self) -> list[str]:
        """Files that may be handed in beside `files`, and need not be."""
        return [own.SUITE] if self.own_tests else []

    @property
    def points(self) -> float:
        return sum(problem.points for problem in self.problems)


_MANIFESTS: TypedDecoder[Manifest] = TypedDecoder(Manifest)


def is_imported_by_others(name: str) -> bool:
    """Is it the name of a module of Python, of an installed package, or of one that assignments often import?

    A student's file with that name would hide the module."""
    return name in sys.stdlib_module_names or name in OFTEN_IMPORTED or name in metadata.packages_distributions()


def load(path: Path) -> Manifest:
    """Read a manifest. Raises BadManifest with the place, the value and the way out."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadManifest(f"{path}: cannot be read ({error.strerror}); an assignment needs this file") from error
    except UnicodeDecodeError as error:
        raise BadManifest(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: an integer of 5,000 digits, say
        raise BadManifest(f"{path}: is not valid TOML: {error}") from error
    if "own_tests" in data:
        raise BadManifest(f"{path}: own_tests: such a problem has a file of its own, {own.FILE} beside this one")
    try:
        manifest = _MANIFESTS.value(data)
    except msgspec.ValidationError as error:
        raise BadManifest(f"{path}: {error}") from error
    _check(path, manifest)
    declared = own.declared(path.parent)
    if declared is None:
        return manifest
    if own.SUITE in manifest.files or own.PROBLEM in [problem.name for problem in manifest.problems]:
        raise BadManifest(f"{path}: {own.SUITE} and the problem {own.PROBLEM} belong to {own.FILE}")
    return msgspec.structs.replace(manifest, own_tests=declared)


def _check(path: Path, manifest: Manifest) -> None:
    for file in manifest.files:
        if not FILE.fullmatch(file):
            raise BadManifest(
                f"{path}: files: {file!r} is not a plain file name; use letters, digits and _ with one of "
                ".py .json .npz .safetensors .txt .md"
            )
    if len({file.lower() for file in manifest.files}) < len(manifest.files):
        raise BadManifest(f"{path}: files: a name occurs twice (names equal but for case count as equal)")
    if f"{manifest.module}.py" not in manifest.files:
        raise BadManifest(f"{path}: module: {manifest.module!r} has no {manifest.module}.py among files")
    for package in manifest.packages:
        if not PACKAGE.fullmatch(package):
            raise BadManifest(f"{path}: packages: {package!r} is not a distribution's name; write it as pip knows it")
    for module in manifest.preload:
        if not MODULE.fullmatch(module):
            raise BadManifest(f"{path}: preload: {module!r} is not a module's name; write it as `import` knows it")
    names = [problem.name for problem in manifest.problems]
    for name in names:
        if not NAME.fullmatch(name):
            raise BadManifest(f"{path}: problems: {name!r} is not a name of lower-case letters, digits and _")
        if names.count(name) > 1:
            raise BadManifest(f"{path}: problems: {name!r} occurs twice")
