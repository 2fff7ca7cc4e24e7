"""The output folder of a batch. Files are written whole or not at all, so a run can be interrupted at any point.

batch.json             the basis of the grading; results of another course, test or secret are never mixed in
final_grades.csv  index.html  changes.csv
reports/ID.json        full reports; a submission with a report of the right hash is not graded again
results/ID.json        the same for Gradescope, with the texts for students
before/N/              reports and final_grades.csv from before the Nth `--regrade`
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

SECRET = ("reports", "before")  # folders; they show inputs of hidden tests


class Basis(msgspec.Struct, frozen=True):
    """What determines a score. The same basis and the same files give the same score."""

    assignment: str
    tests_sha256: str
    secret: str  # a hash of the secret, which reveals nothing about it
    versions: dict[str, str]


class State(msgspec.Struct, frozen=True):
    """`batch.json`."""

    basis: Basis
    regrades: int = 0  # number of `--regrade` runs
    unfinished: bool = False  # the last of them was interrupted


_STATES: TypedDecoder[State] = TypedDecoder(State)


def basis(assignment: Assignment, secret: bytes, versions: dict[str, str]) -> Basis:
    secret_hash = hmac.new(secret, b"deepgrade batch", hashlib.sha256).hexdigest()[:16]
    return Basis(assignment.name, assignment.tests_sha256(), secret_hash, dict(sorted(versions.items())))


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

    def open(self, basis: Basis, *, regrade: bool) -> State:
        """Prepare the folder for grading with this basis. A regrade moves the old reports aside.

        Raises DeepgradeError if the folder holds scores of another basis and `regrade` is not set.
        """
        previous = self._state()
        if previous is not None and previous.basis.assignment != basis.assignment:
            raise DeepgradeError(
                f"{self.folder}: holds scores of {previous.basis.assignment}, not of {basis.assignment}; "
                "name another folder"
            )
        if previous is None:
            state = State(basis)
        elif regrade and not previous.unfinished:
            self._set_aside(previous.regrades + 1)
            state = State(basis, previous.regrades + 1, unfinished=True)
        elif previous.basis == basis:
            state = previous
        else:
            raise DeepgradeError(
                f"{self.folder}: holds scores made with other {_differences(previous.basis, basis)}; "
                "`--regrade` keeps them, grades anew, and shows what changes"
            )
        self._write_state(state)
        return state

    def finish(self, state: State) -> None:
        if state.unfinished:
            self._write_state(msgspec.structs.replace(state, unfinished=False))

    # reports

    def report(self, id: str) -> Report | None:
        """The report of a submission; None if it is missing or cannot be read."""
        return _read(self.folder / "reports" / f"{id}.json")

    def before(self, regrades: int) -> dict[str, Report]:
        """All reports from before that regrade, by id."""
        reports_by_id = {}
        for path in sorted((self.folder / "before" / str(regrades) / "reports").glob("*.json")):
            if (report := _read(path)) is not None:
                reports_by_id[path.stem] = report
        return reports_by_id

    # files

    def write(self, name: str, data: bytes) -> Path:
        """Write a file below the folder, whole or not at all. A file with the same bytes is left untouched."""
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
        if not (aside / "reports").exists():  # else a run was interrupted between this move and its entry in batch.json
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


def _differences(old_basis: Basis, new_basis: Basis) -> str:
    """In what two bases differ: `tests`, `versions (numpy 2.4.6, now 2.5.0)`."""
    differences = []
    if old_basis.tests_sha256 != new_basis.tests_sha256:
        differences.append("tests")
    if old_basis.secret != new_basis.secret:
        differences.append("examples (the course's secret is another)")
    for name in sorted(old_basis.versions.keys() | new_basis.versions.keys()):
        old_version, new_version = old_basis.versions.get(name, "none"), new_basis.versions.get(name, "none")
        if old_version != new_version:
            differences.append(f"versions ({name} {old_version}, now {new_version})")
    return " and ".join(differences)
