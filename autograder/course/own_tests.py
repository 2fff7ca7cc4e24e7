"""`own_tests.toml`: a problem in which students hand in tests of their own, in `test_own.py`.

In the students' half of an assignment:

    title = "Tests of your own"
    points = 10                       # a bonus: it makes up for lost points, and adds none beyond the assignment's
    functions = ["softmax"]           # the functions that the tests may call
    keeps = ["conv2d_forward"]        # of these, those that return (value, cache): tests hand the cache back, unread
    sentences = true                  # does a report say which mistakes were caught, by the sentences of mutants.py?
    seconds = 30.0                    # wall time of one run of the tests, with one function under test
    total_seconds = 900.0             # of all runs; past it the tests earn nothing

In the staff's half, all optional:

    mutants = ["sum_for_mean"]        # the wrong answers, by their names in mutants.py; without it all that fit
    right = ["reference", "loops"]    # the right answers: the reference and variants; without it all of them

The manifest does not name this file, and the hash of what proves the hidden tests does not contain it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import BadManifest

FILE = "own_tests.toml"
SUITE = "test_own.py"  # what students hand in
WRONG = "wrong_answers.py"  # in the kit: wrong functions, for `check`
PROBLEM = "own_tests"  # the name of the problem, and of its one result
ID = f"{SUITE}::{PROBLEM}"

Seconds = Annotated[float, Meta(gt=0, le=3600)]


class OwnTests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    points: Annotated[float, Meta(gt=0, le=1e6)]
    functions: Annotated[list[str], Meta(min_length=1)]
    keeps: list[str] = []
    sentences: bool = True
    seconds: Seconds = 30.0
    total_seconds: Seconds = 900.0


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the staff's half says."""

    mutants: list[str] | None = None
    right: list[str] | None = None


_DECLARED: TypedDecoder[OwnTests] = TypedDecoder(OwnTests)
_CHOSEN: TypedDecoder[Chosen] = TypedDecoder(Chosen)


def declared(folder: Path) -> OwnTests | None:
    """The problem of the assignment in that folder; None without the file. Raises BadManifest."""
    path = folder / FILE
    if not path.is_file():
        return None
    found: OwnTests = _read(path, _DECLARED)
    for name in found.functions:
        if not name.isidentifier() or name.startswith("_"):
            raise BadManifest(f"{path}: functions: {name!r} is not the name of a public function")
    for name in found.keeps:
        if name not in found.functions:
            raise BadManifest(f"{path}: keeps: {name!r} is not one of functions")
    return found


def chosen(folder: Path) -> Chosen:
    """The answers that the staff's half chooses. Raises BadManifest."""
    path = folder / FILE
    found: Chosen = _read(path, _CHOSEN) if path.is_file() else Chosen()
    return found


def _read(path: Path, decoder: TypedDecoder[Any]) -> Any:
    try:
        return decoder.value(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadManifest(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:  # TOML's, UTF-8's and msgspec's errors are kinds of ValueError
        raise BadManifest(f"{path}: {error}") from error
