"""What lies in a batch's output folder. Files are written whole or not at all, so that a run can be cut off anywhere.

batch.json             with what it is graded; another course, test or secret is never mixed in
final_grades.csv  index.html  changes.csv
reports/ID.json        full reports: what is here with the right hash is not graded again
results/ID.json        the same for Gradescope, with the words for students
before/N/              reports and final_grades.csv as they were before the Nth `--regrade`
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
from pathlib import Path

import msgspec

from autograder.core import atomic_files
from autograder.core.decoding import TypedDecoder
from autograder.core.errors import DeepgradeError
from autograder.course.course import Assignment
from autograder.report import schema as reports
from autograder.report.schema import Report

SECRET = ("reports", "before")  # they hold what hidden tests asked


class Basis(msgspec.Struct, frozen=True):
    """With what is graded. The same basis and the same files give the same score."""

    assignment: str
    tests_sha256: str
    secret: str  # a hash that tells one from another, and from which none can be had
    versions: dict[str, str]


class State(msgspec.Struct, frozen=True):
    """`batch.json`."""

    basis: Basis
    regrades: int = 0  # how often scores were kept and made anew
    unfinished: bool = False  # the last of them was cut off


_STATES: TypedDecoder[State] = TypedDecoder(State)


def basis(assignment: Assignment, secret: bytes, versions: dict[str, str]) -> Basis:
    told = hmac.new(secret, b"deepgrade batch", hashlib.sha256).hexdigest()[:16]
    return Basis(assignment.name, assignment.tests_sha256(), told, dict(sorted(versions.items())))


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            for path in (folder, folder / "reports", folder / "results"):
                path.mkdir(parents=True, exist_ok=True)
            for name in SECRET:
                if (folder / name).is_dir():
                    (folder / name).chmod(atomic_files.SECRET_FOLDER)
        except OSError as error:
            raise DeepgradeError(f"{folder}: cannot be made ({error.strerror}); name another folder with -o") from error

    def open(self, now: Basis, *, regrade: bool) -> State:
        """Make the folder ready for grading with this basis; what is to be graded again is set aside.

        Raises DeepgradeError where it holds scores of another basis and nobody said that they shall be made anew.
        """
        was = self._state()
        if was is not None and was.basis.assignment != now.assignment:
            raise DeepgradeError(
                f"{self.folder}: holds scores of {was.basis.assignment}, not of {now.assignment}; name another folder"
            )
        if was is None:
            state = State(now)
        elif regrade and not was.unfinished:
            self._set_aside(was.regrades + 1)
            state = State(now, was.regrades + 1, unfinished=True)
        elif was.basis == now:
            state = was
        else:
            raise DeepgradeError(
                f"{self.folder}: holds scores made with other {_differences(was.basis, now)}; "
                "`--regrade` keeps them, grades anew, and shows what changes"
            )
        self._write_state(state)
        return state

    def finish(self, state: State) -> None:
        if state.unfinished:
            self._write_state(msgspec.structs.replace(state, unfinished=False))

    # reports

    def report(self, id: str) -> Report | None:
        """The report of a submission, if there is one that can be read."""
        return _read(self.folder / "reports" / f"{id}.json")

    def before(self, regrades: int) -> dict[str, Report]:
        """All reports by id as they were before that regrade."""
        found = {}
        for path in sorted((self.folder / "before" / str(regrades) / "reports").glob("*.json")):
            if (old := _read(path)) is not None:
                found[path.stem] = old
        return found

    # files

    def write(self, name: str, data: bytes) -> Path:
        """A file of that name below the folder, whole: never half of one. The same bytes leave it untouched."""
        path = self.folder / name
        secret = Path(name).parts[0] in SECRET
        try:
            if path.is_file() and path.read_bytes() == data:
                return path
            atomic_files.whole(path, data, mode=atomic_files.SECRET if secret else None)
        except OSError as error:
            raise DeepgradeError(f"{path}: cannot be written ({error.strerror}); make room or name another") from error
        return path

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def _set_aside(self, number: int) -> None:
        aside = self.folder / "before" / str(number)
        aside.parent.mkdir(mode=atomic_files.SECRET_FOLDER, exist_ok=True)
        aside.mkdir(exist_ok=True)
        if not (aside / "reports").exists():  # else a run was cut off between this move and its note of it
            (self.folder / "reports").rename(aside / "reports")
        if (self.folder / "final_grades.csv").is_file():
            shutil.copyfile(self.folder / "final_grades.csv", aside / "final_grades.csv")
        (self.folder / "reports").mkdir(mode=atomic_files.SECRET_FOLDER, exist_ok=True)

    def _state(self) -> State | None:
        path = self.folder / "batch.json"
        try:
            return _STATES.json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise DeepgradeError(f"{path}: cannot be read ({error}); name another folder with -o") from error

    def _write_state(self, state: State) -> None:
        self.write("batch.json", msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")


def _read(path: Path) -> Report | None:
    try:
        return reports.from_json(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _differences(was: Basis, now: Basis) -> str:
    """`tests`, `versions (numpy 2.4.6, now 2.5.0)`: what makes two bases two."""
    found = []
    if was.tests_sha256 != now.tests_sha256:
        found.append("tests")
    if was.secret != now.secret:
        found.append("examples (the course's secret is another)")
    for name in sorted(was.versions.keys() | now.versions.keys()):
        old, new = was.versions.get(name, "none"), now.versions.get(name, "none")
        if old != new:
            found.append(f"versions ({name} {old}, now {new})")
    return " and ".join(found)
