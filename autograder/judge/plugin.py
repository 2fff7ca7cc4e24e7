"""The pytest plugin: the fixture `student`, points, and a verdict for every test.

Without a `Judging` in the stash (a student types `pytest test_public.py`) the student is the module beside the tests.
With one, the judge decides who answers, and gets a `TestResult` for every test. Tests that do not ask for `student`
are none of our business.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest.runner import runtestprotocol  # what pytest-rerunfailures runs an item again with

from autograder import arguments
from autograder.core.errors import GraderError, StudentGone
from autograder.course import course
from autograder.course.manifest import Limits
from autograder.judge import constants, examples, needs, verdicts
from autograder.judge.session import JUDGING, Judging, Recorder
from autograder.judge.timing import Race
from autograder.judge.training import Training
from autograder.report.schema import JudgeCost, Ratio, TestResult, TrainingTimes, Visibility
from autograder.student.local import Local
from autograder.testing.compare import Mismatch

FAILURE: pytest.StashKey[examples.Failure] = pytest.StashKey()
OUTCOME: pytest.StashKey[verdicts.Outcome] = pytest.StashKey()
STARTED: pytest.StashKey[float] = pytest.StashKey()
OUTPUT: pytest.StashKey[str] = pytest.StashKey()
OUTPUT_AGAIN: pytest.StashKey[str] = pytest.StashKey()
AGAIN: pytest.StashKey[bool] = pytest.StashKey()  # a public test, now on examples under the course's secret
DEPENDS: pytest.StashKey[needs.Dependence | None] = pytest.StashKey()
RECORD: pytest.StashKey[Recorder] = pytest.StashKey()


class Blocked(Exception):
    """A test that is not run, since it depends on another one that did not pass."""


class GoneOutside(Exception):
    """`__cause__` is the StudentGone that came before the test's first line, or after its last.

    Only the fixture raises it: pytest tidies up after an Exception in a fixture, and after nothing else.
    """


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--student",
        metavar="FOLDER",
        help="deepgrade: the folder with the files to hand in (default: the folder of the tests)",
    )
    help_ = "deepgrade: run only this test, and those it needs; may be given several times"
    parser.addoption("--deselect-all-but", metavar="TEST", action="append", default=[], help=help_)
    parser.addoption("--without-needs", action="store_true", help="deepgrade: not those that it needs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    named = set(config.getoption("--deselect-all-but"))
    judging = config.stash.get(JUDGING, None)
    if judging is not None and judging.results:  # of an earlier judge of the same submission
        known = {result.id for result in judging.results}
        items[:] = [item for item in items if _id(item) not in known]
    if not named:
        return
    wanted: set[str] = set()
    while named - wanted:
        wanted |= named
        chosen = [item for item in items if wanted & {item.name, getattr(item, "originalname", None)}]
        if config.getoption("--without-needs"):
            break
        named = {other for item in chosen for mark in item.iter_markers("needs") for other in mark.args}
    items[:] = chosen


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("deepgrade") if JUDGING in config.stash else None
    config.addinivalue_line("markers", "points(number, problem): what the test is worth")
    config.addinivalue_line("markers", "limits(seconds, test_seconds): other limits than the manifest's")
    config.addinivalue_line("markers", "needs(*tests): tests that this one stands on")


def pytest_collectstart(collector: pytest.Collector) -> None:
    # `settings(max_examples=...)` in a test file inherits the profile that is loaded when the file is imported.
    if isinstance(collector, pytest.Module) and collector.path.name in ("test_public.py", "test_hidden.py"):
        hypothesis.settings.load_profile("deepgrade")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed and _current is not None:
        _current.errors.append(str(report.longrepr))


_current: Judging | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _current
    _current = session.config.stash.get(JUDGING, None)


def pytest_collection_finish(session: pytest.Session) -> None:
    judging = session.config.stash.get(JUDGING, None)
    if judging is not None:
        ids = [_id(item) for item in session.items if _asks_for_student(item)]
        judging.on_event({"event": "collected", "tests": ids})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    if not _asks_for_student(item):
        return (yield)
    judging = item.config.stash.get(JUDGING, None)
    assert isinstance(item, pytest.Function)
    arguments.forget()
    item.stash[STARTED] = time.perf_counter()
    with examples.nobodys_constants(), constants.restored(item.module):
        if judging is None:
            item.stash[FAILURE] = examples.prepare(item, examples.PUBLIC_SECRET)
            return (yield)
        depends = item.stash[DEPENDS] = needs.dependence(_needed(item), judging)
        limits = limits_of(item, judging.limits)
        judging.on_event({"event": "started", "test": _id(item), "judge_seconds": limits.judge_seconds})
        judging.meter.start(limits.judge_memory_mb)
        runs = 0 if depends else judging.shrink_runs
        item.stash[FAILURE] = examples.prepare(item, judging.secret(item.path), runs)
        result = yield
        if OUTCOME not in item.stash and _is_tried_twice(item, judging):
            assert judging.course_secret is not None
            item.stash[AGAIN] = True
            item.stash[FAILURE] = examples.prepare(item, judging.course_secret, runs)
            item._initrequest()
            runtestprotocol(item, log=False, nextitem=nextitem)
    _finish(item, judging)
    return result


def _is_tried_twice(item: pytest.Function, judging: Judging) -> bool:
    """A public test is tried on examples under the course's secret as well: all know the public ones."""
    drawn = hasattr(item.function, "hypothesis")
    return drawn and judging.visibility(item.path) == "public" and judging.course_secret is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[Any]:
    judging = item.config.stash.get(JUDGING, None)
    if call.excinfo is None:
        pass
    elif not _asks_for_student(item):
        # A test of the author's own, or one that hypothesis cannot run: then it no longer asks for anything.
        if judging:
            judging.errors.append(f"{_id(item)}: {call.excinfo.exconly()}")
    elif OUTCOME not in item.stash:
        outcome = item.stash[OUTCOME] = _outcome(item, call.excinfo.value)
        if judging and call.when == "setup" and outcome.verdict not in ("blocked", "grader_error"):
            judging.import_failure = judging.import_failure or outcome.detail or outcome.failure
    return (yield)


@pytest.fixture
def student(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The student's module, here or in a sandbox."""
    judging = request.config.stash.get(JUDGING, None)
    _check_needs(request.node, judging)
    if judging is None:
        folder = Path(request.config.getoption("--student") or request.path.parent)
        yield Local(folder, _module(request.path.parent))
        return
    try:
        with judging.make_student(limits_of(request.node, judging.limits)) as student:
            try:
                yield student
            finally:
                _keep_output(request.node, judging.printed(student))
    except StudentGone as gone:
        raise GoneOutside from gone


@pytest.fixture
def race(request: pytest.FixtureRequest) -> Race:
    """The student's code against the reference, by the clock. Only a judge has both."""
    judging = request.config.stash.get(JUDGING, None)
    _check_needs(request.node, judging)
    if judging is None:
        pytest.skip("is timed against the reference, which only a grader has")
    if judging.make_reference is None:
        raise GraderError("is timed against the reference, which is not here; such a test belongs to the hidden ones")
    limits, open_reference = limits_of(request.node, judging.limits), judging.make_reference

    @contextmanager
    def open_student() -> Iterator[Any]:
        with judging.make_student(limits) as student:
            try:
                yield student
            finally:
                _keep_output(request.node, judging.printed(student))

    def tell(ratio: float, limit: float) -> None:
        judging.ratios[_id(request.node)] = Ratio(round(ratio, 2), limit)

    return Race(
        open_student,
        lambda: open_reference(limits),
        limits.test_seconds,
        tell,
        _seeds(judging.course_secret or judging.secret(request.path), f"{_id(request.node)} race"),
    )


@pytest.fixture
def training(request: pytest.FixtureRequest) -> Training:
    """The student trains, and is scored here. On a laptop too, but for the pace: no reference is there."""
    judging = request.config.stash.get(JUDGING, None)
    item, name = request.node, _id(request.node)
    _check_needs(item, judging)
    if judging is None:
        folder = Path(request.config.getoption("--student") or request.path.parent)
        judging = Judging(
            make_student=lambda limits, *, watch: nullcontext(Local(folder, _module(request.path.parent), watch=watch)),
            limits=Limits(),
            visibility=lambda path: "public",
        )
    limits, run = limits_of(item, judging.limits), judging
    secret = judging.course_secret or judging.secret(item.path)

    @contextmanager
    def open_student() -> Iterator[Any]:
        with run.make_student(limits, watch=False) as student:
            try:
                yield student
            finally:
                _keep_output(item, run.printed(student))

    def say(point: dict[str, float]) -> None:
        run.on_event({"event": "trained", "test": name, "point": point})

    def tell_ratio(ratio: float, limit: float) -> None:
        run.ratios[name] = Ratio(round(ratio, 2), limit)

    def tell_times(times: TrainingTimes) -> None:
        run.trainings[name] = times

    make_reference = judging.make_reference
    return Training(
        open_student,
        (lambda: make_reference(limits, watch=False)) if make_reference else None,
        device=judging.device,
        profile=judging.profile,
        seed=_seeds(secret, f"{name} training"),
        seconds=limits.test_seconds,
        recorder=item.stash.setdefault(RECORD, Recorder(judging.room)),
        say=say,
        tell_ratio=tell_ratio,
        tell_times=tell_times,
        memory=judging.memory,
        check_device=judging.check_device,
        device_lives=judging.device_lives,
        calibrating=judging.calibrating,
    )


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Recorder:
    """Puts curves, confusion matrices, pictures and numbers into the report."""
    judging = request.config.stash.get(JUDGING, None)
    return request.node.stash.setdefault(RECORD, Recorder(judging.room if judging else None))


def _seeds(secret: bytes, name: str) -> Callable[[str], int]:
    return lambda purpose: examples.seed(secret, f"{name} {purpose}") % 2**63


def _keep_output(item: pytest.Item, text: str) -> None:
    """Of the first process that the test has asked; of a public test's other examples apart, since those are hidden."""
    item.stash.setdefault(OUTPUT_AGAIN if AGAIN in item.stash else OUTPUT, text)


def limits_of(item: pytest.Item, limits: Limits) -> Limits:
    """The manifest's limits, with what the test's own `@limits` says instead."""
    for mark in reversed(list(item.iter_markers("limits"))):
        changes = {name: value for name, value in mark.kwargs.items() if value is not None}
        if "seconds" in changes and "test_seconds" not in changes:
            changes["test_seconds"] = max(limits.test_seconds, changes["seconds"])
        limits = Limits(**{name: getattr(limits, name) for name in limits.__struct_fields__} | changes)
    return limits


def _asks_for_student(item: pytest.Item) -> bool:
    return not {"student", "race", "training"}.isdisjoint(getattr(item, "fixturenames", ()))


def _id(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"


def _module(folder: Path) -> str:
    """The module that the manifest beside the tests names, or the one in the students' half of a course."""
    beside = folder / "assignment.toml"
    other_half = folder.parent.parent / "assignments" / folder.name / "assignment.toml"
    return course.manifests.load(other_half if other_half.is_file() and not beside.is_file() else beside).module


def _needed(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("needs") for name in mark.args]


def _check_needs(item: pytest.Item, judging: Judging | None) -> None:
    if judging is None:
        return
    if (why := judging.too_costly.get(_id(item))) is not None:
        raise Mismatch(why, "too_costly")
    depends = item.stash.get(DEPENDS, None)
    if depends is not None and not depends.run:
        judging.not_run.add(_id(item))
        raise Blocked(depends.sentence)


def _outcome(item: pytest.Item, error: BaseException) -> verdicts.Outcome:
    """What ended the test; of a test that hypothesis went on with, the failure with the smallest input."""
    if isinstance(error, Blocked):
        return verdicts.Outcome("blocked", str(error), str(error))
    judging = item.config.stash.get(JUDGING, None)
    folder = judging.student_folder if judging else None
    if isinstance(error, GoneOutside) and error.__cause__ is not None:
        return verdicts.judge(error.__cause__, folder)
    failure = item.stash[FAILURE]
    if isinstance(error, hypothesis.errors.Flaky):
        return verdicts.judge(error, folder)
    if failure.error is not None:
        error = failure.error
    return verdicts.judge(error, folder, entered=failure.entered)


def _finish(item: pytest.Item, judging: Judging) -> None:
    outcome = item.stash.get(OUTCOME, verdicts.PASSED)
    depends = item.stash[DEPENDS]
    seconds = time.perf_counter() - item.stash[STARTED]
    if outcome.verdict == "passed":
        outcome = verdicts.PASSED
    elif depends is not None and outcome.verdict != "grader_error":
        judging.dependent_seconds += seconds
        outcome = verdicts.Outcome("blocked", depends.sentence, depends.sentence)
    again = AGAIN in item.stash and outcome.verdict not in ("passed", "blocked")
    if again:
        outcome = dataclasses.replace(outcome, failure=f"{outcome.failure}, on examples that are not the public ones")
    mark = item.get_closest_marker("points")
    possible = float(mark.args[0]) if mark else 0.0
    visibility = judging.visibility(item.path)
    result = TestResult(
        id=_id(item),
        name=item.name,
        law=_sentence(item),
        problem=mark.kwargs["problem"] if mark else "",
        points=possible if outcome.verdict == "passed" else 0.0,
        possible=possible,
        visibility=visibility,
        **dataclasses.asdict(outcome),
        example=item.stash[FAILURE].example if outcome.verdict not in ("passed", "blocked") else "",
        output=item.stash.get(OUTPUT_AGAIN if again else OUTPUT, "")
        + ("" if again else item.stash.get(OUTPUT_AGAIN, "")),
        repeat=f"deepgrade check --test {item.name}" if visibility == "public" and not again else "",
        figures=item.stash[RECORD].figures if RECORD in item.stash and outcome.verdict != "blocked" else [],
        examples=_examples(item, judging, visibility),
        failed_on="" if outcome.verdict == "passed" or visibility == "hidden" else "secret" if again else "public",
    )
    judging.results.append(result)
    judging.seconds[result.id] = seconds
    spent, held = judging.meter.read()
    limits = limits_of(item, judging.limits)
    judging.costs[result.id] = JudgeCost(round(spent, 3), round(held, 1), limits.judge_seconds, limits.judge_memory_mb)
    judging.on_event({"event": "finished", "test": result.id, "verdict": result.verdict})


def _examples(item: pytest.Item, judging: Judging, visibility: Visibility) -> Any:
    if not hasattr(getattr(item, "function", None), "hypothesis"):
        return "fixed" if {"race", "training"}.isdisjoint(getattr(item, "fixturenames", ())) else "secret"
    if visibility == "hidden":
        return "secret"
    return "public" if judging.course_secret is None else "public and secret"


def _sentence(item: pytest.Item) -> str:
    """The test's docstring in one line; `{loss}` in it is the value of the parameter `loss` of a parametrised test."""
    text = " ".join((getattr(getattr(item, "function", None), "__doc__", None) or "").split())
    for name, value in (item.callspec.params if hasattr(item, "callspec") else {}).items():
        text = text.replace(f"{{{name}}}", str(value))
    return text or item.name
