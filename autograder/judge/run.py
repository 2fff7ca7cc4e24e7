"""One collection of an assignment's tests by pytest, and runs of them in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from _pytest.main import pytest_runtestloop  # pytest's own loop over the items of a session

from autograder.core import environment
from autograder.core.errors import GraderError
from autograder.judge.items import asks_for_student, id_of, needed_by
from autograder.judge.playing import is_playable
from autograder.judge.recording import is_recordable
from autograder.judge.session import JUDGING, Judging

EMPTY_INI = Path(__file__).with_name("pytest.ini")


class Collection:
    """The tests that pytest has collected; `run` runs them, all or some."""

    def __init__(self, session: pytest.Session, errors: list[str]) -> None:
        self._session = session
        self._items: list[pytest.Item] = list(session.items)
        self._errors = errors

    def run(self, judging: Judging, *, only: Sequence[str] = (), with_needs: bool = True) -> None:
        """Run the tests in order; `judging.finished` then holds what is known of them.

        only : names of tests; parametrised ones of such a name are all run, and (with_needs) those that they need.
        Raises GraderError where the tests themselves are broken, and KeyboardInterrupt after Ctrl-C.
        """
        self._raise_for(self._errors)
        session = self._session
        session.testsfailed = 0  # pytest takes failures of an earlier run for errors of the collection
        session.config.stash[JUDGING] = judging
        finished = {result.id for result in judging.results}  # by an earlier judge of the same submission
        session.items[:] = _named([item for item in self._items if id_of(item) not in finished], only, with_needs)
        ids = [id_of(item) for item in session.items if asks_for_student(item)]
        needs = {id_of(item): needed_by(item) for item in self._items if asks_for_student(item)}
        judging.on_event({"event": "collected", "tests": ids, "needs": needs})
        pytest_runtestloop(session)
        self._raise_for(judging.errors)

    def play(self, judging: Judging, only: Sequence[str]) -> None:
        """Play the tests of these names (playing.py); `judging.played` then holds those of which an example failed."""
        session = self._session
        session.testsfailed = 0
        session.config.stash[JUDGING] = judging
        session.items[:] = [item for item in _named(self._items, only, False) if is_playable(item)] if only else []
        judging.is_playing = True
        pytest_runtestloop(session)

    def names(self) -> list[str]:
        """Of all tests that ask for a student."""
        return [item.name for item in self._items if asks_for_student(item)]

    def problems(self) -> dict[str, str]:
        """The problem of each test that gives points, by the test's name."""
        marks = {item.name: item.get_closest_marker("points") for item in self._items}
        return {name.partition("[")[0]: mark.kwargs["problem"] for name, mark in marks.items() if mark}

    def recordable(self, only: Sequence[str], with_needs: bool) -> list[str]:
        """The names of the tests that such a run consists of, and whose examples may be recorded."""
        return [item.name for item in _named(self._items, only, with_needs) if is_recordable(item)]

    @staticmethod
    def _raise_for(errors: list[str]) -> None:
        if errors:
            raise GraderError(f"the tests are broken: {errors[0]}")


def _named(items: list[pytest.Item], only: Sequence[str], with_needs: bool) -> list[pytest.Item]:
    """Those of these names, and (with_needs) those that they need; all where no name is given."""
    if not only:
        return items
    chosen: list[pytest.Item] = []
    names, named = set(only), set[str]()
    while names - named:
        named |= names
        chosen = [item for item in items if named & {item.name, getattr(item, "originalname", None)}]
        if not with_needs:
            break
        names = {needed for item in chosen for needed in needed_by(item)}
    return chosen


class _Collector:
    """A plugin: it hands the collected tests on, in place of pytest's own loop over them."""

    def __init__(self, on_collected: Callable[[Collection], None], back: Callable[[], None]) -> None:
        """back : into the folder that student code is run in."""
        self._on_collected, self._back = on_collected, back
        self._errors: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        hypothesis.settings.load_profile("deepgrade")
        self._back()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._errors.append(str(report.longrepr))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._on_collected(Collection(session, self._errors))
        return True


def collect(files: list[Path], on_collected: Callable[[Collection], None], *, plugins: Sequence[object] = ()) -> None:
    """Collect the tests of these files in order, and call `on_collected` with them.

    plugins : further ones for pytest.
    Raises what `on_collected` raises, and GraderError where pytest itself fails.
    """
    arguments = ["-p", "no:cacheprovider", "-p", "no:terminal", "--import-mode=importlib", "--noconftest", "-s"]
    # Plain asserts: pytest's explanation of one compares long texts line by line, in quadratic time.
    arguments += ["--assert=plain", "-c", str(EMPTY_INI), "--rootdir", "."]
    # No second handler of crashes: a judge's words are kept, and at home student/guard.py has one.
    arguments += ["-p", "no:faulthandler"]
    raised: list[BaseException] = []

    def keep_what_is_raised(collection: Collection) -> None:
        try:
            on_collected(collection)
        except BaseException as error:  # pytest would turn it into an exit status
            raised.append(error)

    # No variable of the caller's, and no plugin that happens to be installed, may change a verdict.
    plugin = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "autograder.judge.plugin"}
    with environment.cleaned(**plugin), _their_own_modules(files):
        # pytest takes "[" and "::" in a path for the name of a test; of a folder it starts in, it takes nothing.
        base = Path(os.path.commonpath([path.resolve().parent for path in files]))
        names = [path.resolve().relative_to(base).as_posix() for path in files]
        with _started_in(base) as back:
            code = pytest.main([*arguments, *names], plugins=[_Collector(keep_what_is_raised, back), *plugins])
    if raised:
        raise raised[0]
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise GraderError(f"pytest ended with {pytest.ExitCode(code).name}")


def run_tests(
    files: list[Path],
    judging: Judging,
    *,
    only: str | Sequence[str] | None = None,
    with_needs: bool = True,
    plugins: Sequence[object] = (),
) -> None:
    """Collect the tests of these files, and run them once: `Collection.run` and `collect`."""
    names = [only] if isinstance(only, str) else list(only or ())

    def run(collection: Collection) -> None:
        collection.run(judging, only=names, with_needs=with_needs)

    collect(files, run, plugins=plugins)


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
