"""Finds submissions to an assignment that share code, except for the starter code.

`python -m grader_service.grading.similarity`:

    page ── start ──> this process ── texts that count ──> copydetect in a sandbox (inside_sandbox/compare.py)
                          └── FOLDER/similarity/<course>-<assignment>.json, written whole

It is a separate process, since hundreds of submissions take minutes. The sandbox stops a comparison that takes too
long. Similarity is a reason to look at two submissions. It proves nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autograder.core.decoding import TypedDecoder
from autograder.core.errors import DeepgradeError, GraderError, Refused
from autograder.course.course import Assignment, find_course
from autograder.course.submission import read_upload
from grader_service.core.process import PYTHON, environment_of_ours
from grader_service.core.settings import Settings
from grader_service.courses import courses
from grader_service.database.files import Files
from grader_service.database.models import Course, Submission
from grader_service.database.session import Database
from grader_service.grading import scores
from grader_service.submissions import sandboxed

log = logging.getLogger("deepgrade.similarity")

SECONDS = 1200.0  # of the whole comparison; past it the comparison fails
MEMORY_MB = 2048
LEAST = 0.3  # share of a submission that is in another; smaller shares are not reported
MOST = 200  # pairs of a report
TEXT_MOST = 200_000  # characters of one submission; the rest is not compared


class Pair(msgspec.Struct, frozen=True):
    """Two submissions, by number. Slices are [start, end] in the texts that `text_of` makes."""

    first: int
    second: int
    of_first: float  # share of its code that is in the other, 0 to 1
    of_second: float
    in_first: list[tuple[int, int]] = []
    in_second: list[tuple[int, int]] = []

    @property
    def most(self) -> float:
        return max(self.of_first, self.of_second)


class Findings(msgspec.Struct, frozen=True):
    """The contents of the file. `message` explains a missing report.

    groups : numbers of submissions with equal code, at least two in each group; `pairs` contains only the first one of
        a group
    total : number of similar pairs; `pairs` has the `MOST` most similar ones
    """

    at: float  # seconds since 1970
    compared: int = 0
    pairs: list[Pair] = []
    message: str = ""
    groups: list[list[int]] = []
    total: int = 0

    def pair(self, first: int, second: int) -> Pair | None:
        """The code that these two share. Two of a group share everything."""
        if any(first in group and second in group for group in self.groups) and first < second:
            return Pair(first, second, 1.0, 1.0, [(0, TEXT_MOST)], [(0, TEXT_MOST)])
        return next((item for item in self.pairs if (item.first, item.second) == (first, second)), None)


_FINDINGS: TypedDecoder[Findings] = TypedDecoder(Findings)


@dataclass(frozen=True)
class State:
    running: bool
    findings: Findings | None


def look(settings: Settings, course: Course, name: str) -> State:
    """The last findings, and whether a comparison is running."""
    path = _path_of(settings, course.id, name)
    try:
        findings = _FINDINGS.json(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        findings = None
    lock = _lock(path)
    if lock is None:
        return State(True, findings)
    os.close(lock)
    return State(False, findings)


def start(settings: Settings, course: Course, name: str) -> None:
    """Start a comparison in a new process, unless one is running already."""
    command = [*PYTHON, "-m", "grader_service.grading.similarity", "--course", str(course.id), "--assignment", name]
    environment = {**environment_of_ours(), **settings.to_environment()}
    path = _path_of(settings, course.id, name)
    with path.with_suffix(".log").open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    # The page shows a running comparison only when the process has its lock.
    for _ in range(100):
        if process.poll() is not None or look(settings, course, name).running:
            return
        time.sleep(0.05)


def text_of(assignment: Assignment, files: Mapping[str, bytes]) -> str:
    """The code of a submission as one text, in the order of the manifest."""
    parts = [_decoded(files[name]) for name in assignment.manifest.files if name.endswith(".py") and name in files]
    return "\n".join(parts)[:TEXT_MOST]


def starter_of(assignment: Assignment) -> list[str]:
    """The starter code, file by file."""
    starter = []
    for name in assignment.manifest.files:
        path = assignment.folder / name
        if name.endswith(".py") and path.is_file():
            starter.append(_decoded(path.read_bytes()))
    return starter


def equal(texts: Mapping[int, str], starter: list[str]) -> list[list[int]]:
    """Groups of at least two texts that are equal except for the ends of lines. The starter code is not a group."""
    groups: dict[str, list[int]] = {}
    for number in sorted(texts):
        groups.setdefault(_trimmed(texts[number]), []).append(number)
    groups.pop(_trimmed("\n".join(starter)), None)
    return sorted((group for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group))


def compare(texts: Mapping[int, str], starter: list[str]) -> tuple[list[Pair], int]:
    """The most similar pairs, the most similar first, and the number of all similar pairs.

    Raises GraderError if the comparison fails.
    """
    numbers = sorted(texts)
    if len(numbers) < 2:
        return [], 0
    try:
        with sandboxed.tool("compare", ["copydetect"], seconds=SECONDS, memory_mb=MEMORY_MB) as tool:
            similar, total = tool.compare([texts[number] for number in numbers], starter, LEAST, MOST)
    except sandboxed.FAILURES as error:
        raise GraderError(f"the comparison failed ({type(error).__name__}: {error})") from None
    pairs = [
        Pair(numbers[i], numbers[j], of_i, of_j, [tuple(piece) for piece in in_i], [tuple(piece) for piece in in_j])
        for i, j, of_i, of_j, in_i, in_j in similar
    ]
    return pairs, total


def marked(text: str, slices: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The text in parts: (part, is it also in the other text?)."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for start, end in sorted(slices):
        start, end = max(at, start), min(end, len(text))
        if end <= start:
            continue
        if start > at:
            parts.append((text[at:start], False))
        parts.append((text[start:end], True))
        at = end
    if at < len(text):
        parts.append((text[at:], False))
    return parts


def find(settings: Settings, course_id: int, name: str) -> Findings:
    """Compare the submissions that count. Raises DeepgradeError if the comparison cannot run."""
    assignment = find_course(settings.course)[name]
    database, files = Database(settings), Files(settings)
    texts: dict[int, str] = {}
    with database.read() as session:
        course = session.get_one(Course, course_id)
        course_assignment = courses.assignment(session, course, name)
        cells = scores.load(session, course, [course_assignment] if course_assignment else []).cells.values()
        for cell in cells:
            code = cell.score.code
            if code is None:
                continue
            data = files.read(session, session.get_one(Submission, code.id).sha256)
            try:
                texts[code.id] = text_of(assignment, read_upload(data, assignment.manifest).files)
            except Refused:  # by the manifest as it is now
                log.info("submission %d is left out", code.id)
    database.close()
    return findings_of(texts, starter_of(assignment))


def findings_of(texts: Mapping[int, str], starter: list[str]) -> Findings:
    """Groups of equal texts, and similar pairs among one text of each group and all other texts."""
    groups = equal(texts, starter)
    repeated = {number for group in groups for number in group[1:]}
    pairs, total = compare({number: text for number, text in texts.items() if number not in repeated}, starter)
    return Findings(time.time(), len(texts), pairs, groups=groups, total=total)


def save(settings: Settings, course_id: int, name: str, findings: Findings) -> None:
    """Write the findings, whole or not at all."""
    path = _path_of(settings, course_id, name)
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(findings))
    draft.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the submissions to an assignment.")
    parser.add_argument("--course", type=int, required=True, help="its number")
    parser.add_argument("--assignment", required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    os.nice(10)
    settings = Settings.from_environment()
    path = _path_of(settings, arguments.course, arguments.assignment)
    if (lock := _lock(path)) is None:
        sys.exit("a comparison is running already")
    try:
        findings = find(settings, arguments.course, arguments.assignment)
    except DeepgradeError as error:
        findings = Findings(time.time(), message=str(error))
    except Exception:
        log.exception("similarity")
        findings = Findings(
            time.time(), message="The comparison failed because of a fault in the service. The log has the details."
        )
    save(settings, arguments.course, arguments.assignment, findings)
    os.close(lock)


def _path_of(settings: Settings, course_id: int, name: str) -> Path:
    folder = settings.make_home() / "similarity"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{course_id}-{Path(name).name}.json"


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of this report; None if another process has the lock."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


if __name__ == "__main__":
    main()
