"""The report of one submission: plain data, from which every view is made.

    Report
    ├── what was graded, and with what (hashes, versions, device)
    ├── problems: points of each
    ├── tests: verdict, points, words, figures of each
    ├── explanations: names of mistakes; only where the machine has the catalogue of mistakes
    └── timings: the only part that differs between two gradings of the same submission on a machine

Web page, terminal, CSV, otter and Gradescope read a `Report`, never the grader. `report.schema.json` beside this file
describes the JSON; a test keeps the two the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from autograder.core.decoding import TypedDecoder

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("report.schema.json")

Verdict = Literal[
    "passed", "failed", "raised", "not_implemented", "timed_out", "out_of_memory", "died", "blocked", "grader_error"
]
Visibility = Literal["public", "hidden"]
State = Literal["graded", "refused", "grader_error"]


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of a picture, which `autograder.report.figures` draws.

    kind "curve": data = {"x_label": str, "x": [..], "series": {name: [..]}}
    kind "confusion": data = {"names": [..], "matrix": [[..]]}, rows are the truth
    kind "images": data = {"rows": [{"label": str, "images": [[[0..255]]]}]}, grey pictures
    kind "page": data = {"shape": [h, w], "grey": str, "boxes": [[y0, x0, y1, x1]], "lines": [str]}, what was read on a
        grey picture; "grey" is base64 of zlib of h * w bytes 0..255, a tenth of what a list would be
    kind "numbers": data = {"rows": [{"name": str, "value": float, "bar": float|null, "unit": str}]}
    """

    kind: Literal["curve", "confusion", "images", "page", "numbers"]
    title: str
    data: dict[str, Any]


# Maximum length of each text of a result, in bytes of UTF-8; the rest is cut.
TEXT_BYTES = {
    "law": 2000,
    "failure": 500,
    "advice": 6000,
    "detail": 8000,
    "example": 8000,
    "traceback": 16_000,
    "output": 100_000,
    "repeat": 500,
}
MESSAGE = 2000  # bytes of a report's message
CUT = "\n... (cut)"


class TestResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    __test__ = False  # pytest: not a test class

    id: str  # "test_hidden.py::test_rows_sum_to_one"
    name: str  # "test_rows_sum_to_one"
    law: str  # the docstring: the sentence a student sees
    problem: str
    points: float
    possible: float
    visibility: Visibility
    verdict: Verdict
    failure: str = ""  # class of failure as a sentence; a student sees no other detail of a hidden test
    advice: str = ""  # of a training that missed its bar, and of tests of one's own: what to look at next; for students
    detail: str = ""  # what was found, where, what was expected; for public tests and staff
    example: str = ""  # the smallest failing input; for public tests and staff
    traceback: str = ""  # of the student's own frames; for public tests and staff
    output: str = ""  # what the student's code printed; for public tests and staff
    repeat: str = ""  # a line to repeat it locally; public tests
    figures: list[Figure] = []
    # The seed of its examples: fixed (nothing is drawn), public (a constant, as on a laptop), secret (the course's), or
    # public and secret (a constant, and then, if it passed, the secret).
    examples: Literal["fixed", "public", "secret", "public and secret"] = "fixed"
    failed_on: Literal["", "public", "secret"] = ""  # of a public test: which examples it failed on

    def __post_init__(self) -> None:
        for name, limit in TEXT_BYTES.items():
            text = getattr(self, name)
            if len(text) > limit // 4 and (short := cut(text, limit)) is not text:
                msgspec.structs.force_setattr(self, name, short)


class ProblemResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: str
    points: float
    possible: float
    bonus: float = 0.0  # points that it can add to those that other problems lost; then none of it is possible


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time of the student's code, divided by the reference's time in the same job."""

    value: float
    limit: float


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value of one training, such as an accuracy, and its bar."""

    name: str
    value: float | None  # None: the result was not a number
    bar: float
    unit: str = "%"
    at_least: bool = True  # the value must be at least the bar; False: at most


class TrainingTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Time and memory of one training, on the device that the report names."""

    profile: Literal["cpu", "gpu"]  # which of the test's two settings: data, epochs, bars, limits
    seconds: float  # by the judge's clock, until the last answer arrived
    reference_seconds: float | None = None  # of the same work by the reference, in the same job; None: not measured
    memory_mb: float | None = None  # maximum memory of the sandbox
    device_memory_mb: float = 0.0  # maximum memory of the device, as the student's process reports it
    measured: list[Measured] = []  # here, since a GPU's sums differ from run to run in their last digits


class JudgeCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cost of a test's own work for the grader, without the student's code."""

    seconds: float  # of processor time
    memory_mb: float  # maximum memory beyond that before the test
    limit_seconds: float
    limit_memory_mb: int


SLOW_IMPORT = 0.5  # seconds; a longer import gets a note, since every test imports the module


class Timings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    total_seconds: float = 0.0
    test_seconds: dict[str, float] = {}
    ratios: dict[str, Ratio] = {}  # of the tests that time something
    trainings: dict[str, TrainingTimes] = {}  # of the tests that let a network train
    judge: dict[str, JudgeCost] = {}  # for staff
    import_seconds: float = 0.0  # of the student's module, which every test imports; 0 if no import succeeded


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The known mistake that accounts for failed tests of a problem, or "one of" a few; at most one for a problem."""

    problem: str
    sentences: list[str]  # to the student, one for each mistake that fits
    headings: list[str]  # of the handout's sections that explain them
    explained: int  # failed tests, of any problem, that it accounts for
    failed: int  # tests of this submission that failed and were played
    tests: list[str] = []  # ids of those that it accounts for; for staff
    mistakes: list[str] = []  # their names in the catalogue; for staff


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    assignment: str
    title: str
    state: State
    message: str = ""  # why it was refused or cannot be imported, or why the grader failed
    points: float = 0.0
    possible: float = 0.0
    problems: list[ProblemResult] = []
    tests: list[TestResult] = []
    submission_sha256: str = ""
    tests_sha256: str = ""
    device: str = "cpu"
    sandbox: str = ""  # the walls of the sandbox
    versions: dict[str, str] = {}  # deepgrade, python, and the mounted distributions
    schema_version: int = SCHEMA_VERSION
    timings: Timings = Timings()
    explanations: list[Explanation] = []  # where the grader knew the mistakes; no verdict depends on them

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "message", cut(self.message, MESSAGE))


_REPORTS: TypedDecoder[Report] = TypedDecoder(Report)


def cut(text: str, limit: int) -> str:
    """The text, if it has at most `limit` bytes of UTF-8; otherwise its beginning, and a mark that it was cut."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return text
    return data[: limit - len(CUT)].decode(errors="ignore") + CUT


def one_line(text: str) -> str:
    """The lines of a text, joined by semicolons."""
    return "; ".join(line.strip() for line in text.splitlines())


def to_json(report: Report, *, indent: int = 2) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=indent)


def from_json(data: bytes | str) -> Report:
    """The report in JSON. Raises msgspec.ValidationError if the data is not a report of this version."""
    return _REPORTS.json(data)


def schema() -> dict[str, Any]:
    """JSON Schema of a report; written to `report.schema.json` by `make schema`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Report)}
