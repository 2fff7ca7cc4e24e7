"""One run of pytest over an assignment's tests, in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.core import environment
from autograder.core.errors import GraderError
from autograder.judge.session import JUDGING, Judging

EMPTY_INI = Path(__file__).with_name("pytest.ini")


class _Judge:
    """Hands the session to the plugin before it looks."""

    def __init__(self, judging: Judging, back: Callable[[], None]) -> None:
        """back : into the folder that student code is run in."""
        self._judging, self._back = judging, back

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[JUDGING] = self._judging
        self._back()


def run_tests(
    files: list[Path],
    judging: Judging,
    *,
    only: str | Sequence[str] | None = None,
    with_needs: bool = True,
    plugins: Sequence[object] = (),
) -> None:
    """Run the tests of these files in order; `judging.finished` then holds what is known of them.

    only : tests' names; parametrised ones of such a name are all run, and (with_needs) those that they need.
    plugins : further ones for pytest.
    Raises GraderError where the tests themselves are broken, and KeyboardInterrupt after Ctrl-C.
    """
    arguments = ["-p", "no:cacheprovider", "-p", "no:terminal", "--import-mode=importlib", "--noconftest", "-s"]
    # Plain asserts: pytest's explanation of one compares long texts line by line, in quadratic time.
    arguments += ["--assert=plain", "-c", str(EMPTY_INI), "--rootdir", "."]
    if judging.student_folder is not None:
        arguments += ["-p", "no:faulthandler"]  # the student's code is in this process, and student/guard.py has it
    for name in [only] if isinstance(only, str) else only or []:
        arguments += [f"--deselect-all-but={name}"]
    if not with_needs:
        arguments += ["--without-needs"]
    # No variable of the caller's, and no plugin that happens to be installed, may change a verdict.
    plugin = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "autograder.judge.plugin"}
    with environment.cleaned(**plugin), _their_own_modules(files):
        # pytest takes "[" and "::" in a path for the name of a test; of a folder it starts in, it takes nothing.
        base = Path(os.path.commonpath([path.resolve().parent for path in files]))
        names = [path.resolve().relative_to(base).as_posix() for path in files]
        with _started_in(base) as back:
            code = pytest.main([*arguments, *names], plugins=[_Judge(judging, back), *plugins])
    if judging.errors:
        raise GraderError(f"the tests are broken: {judging.errors[0]}")
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise GraderError(f"pytest ended with {pytest.ExitCode(code).name}")


@contextmanager
def _started_in(folder: Path) -> Iterator[Callable[[], None]]:
    """The working folder, until what is yielded is called: pytest reads paths from where it starts."""
    before = os.getcwd()

    def back() -> None:
        os.chdir(before)

    os.chdir(folder)
    try:
        yield back
    finally:
        back()


@contextmanager
def _their_own_modules(files: list[Path]) -> Iterator[None]:
    """The tests are read as they are now: pytest would take a module of their name that is loaded already, be it
    from an earlier run or, in a pytest run around this one, of another folder."""
    names = [path.stem for path in files]
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
