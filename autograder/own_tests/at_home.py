"""`check`: the suite against the student's own functions, and against the wrong answers of the kit.

    check ── starts ──> python -m autograder.own_tests.at_home FOLDER ── one line of JSON for each function under test

A process for each, so that none sees another; past its time limit it is ended. The functions under test stand behind
the same relay as on the server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autograder.core import environment
from autograder.core.errors import BadCourse, DeepgradeError
from autograder.course import manifest as manifests
from autograder.course import mutants
from autograder.course import own_tests as own
from autograder.course.manifest import Manifest
from autograder.course.mutants import Mutant

SLACK = 1.5  # times the server's limit for one run: each run imports everything anew here
YOURS = "your own functions"


class Finding(msgspec.Struct, frozen=True):
    """What the suite says of one function under test.

    refused_by : a test; "" if the suite accepts it.   text : words of that test, or why there is no result.
    """

    name: str
    is_right: bool
    refused_by: str = ""
    text: str = ""
    sentence: str = ""  # the mistake of a wrong answer
    silent: bool = False  # there is no result

    @property
    def good(self) -> bool:
        return not self.silent and self.is_right == (not self.refused_by)


def findings(folder: Path, manifest: Manifest) -> list[Finding]:
    """Empty where there is nothing to say: no such problem, no file, or a file without a test."""
    suite = folder / own.SUITE
    if manifest.own_tests is None or not suite.is_file() or "def test_" not in suite.read_text(errors="replace"):
        return []
    files = {name: (folder / name).read_bytes() for name in manifest.files if (folder / name).is_file()}
    found = [_run(folder, files, manifest, Finding(YOURS, True))]
    for mutant in _wrong_answers(folder, files, manifest):
        name = mutant.name.replace("_", " ")
        found.append(_run(folder, mutant.files, manifest, Finding(name, False, sentence=mutant.sentence)))
    return found


def _wrong_answers(folder: Path, files: dict[str, bytes], manifest: Manifest) -> Iterator[Mutant]:
    """Those whose function the student's module defines. Raises DeepgradeError where the kit's file is damaged."""
    path = folder / own.WRONG
    if not path.is_file():
        return
    try:
        yield from mutants.wrong_answers(path, files, manifest.module)
    except SyntaxError:  # in the student's own module, which the public tests have said
        return
    except BadCourse as error:
        raise DeepgradeError(f"{error}; the kit's wrong answers stand in for functions that you write") from error


def _run(folder: Path, files: dict[str, bytes], manifest: Manifest, finding: Finding) -> Finding:
    assert manifest.own_tests is not None
    with tempfile.TemporaryDirectory(prefix="deepgrade-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        for file, content in {**files, own.SUITE: (folder / own.SUITE).read_bytes()}.items():
            (place / file).write_bytes(content)
        for file in ("assignment.toml", own.FILE):
            (place / file).write_bytes((folder / file).read_bytes())
        seconds = SLACK * manifest.own_tests.seconds
        command = [sys.executable, "-P", "-m", "autograder.own_tests.at_home", name]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL,
                env=environment.clean(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            text = f"took longer than {seconds:g} s; the server allows {manifest.own_tests.seconds:g} s"
            return msgspec.structs.replace(finding, silent=True, text=text)
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    try:
        said = json.loads(lines[-1])
        return msgspec.structs.replace(finding, refused_by=said["refused_by"], text=said["text"], silent=said["silent"])
    except (IndexError, ValueError, KeyError, TypeError):
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return msgspec.structs.replace(finding, silent=True, text=words[0] if words else "its process ended")


def main() -> None:
    """In the process of one run: `FOLDER` holds the function under test and the suite."""
    from autograder.own_tests import suite
    from autograder.own_tests.relay import Relay
    from autograder.student.local import Local

    folder = Path(sys.argv[1]).resolve()
    manifest = manifests.load(folder / "assignment.toml")
    assert manifest.own_tests is not None
    sys.path.insert(0, str(folder))
    try:
        relay = Relay(Local(folder, manifest.module), manifest.own_tests)
        said = {**suite.run(relay.ask, shrinks=True), "silent": False}
    except Exception as error:
        said = {"refused_by": "", "text": f"{type(error).__name__}: {error}", "silent": True}
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main()
