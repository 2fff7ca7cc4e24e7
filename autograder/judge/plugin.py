"""The pytest plugin: it runs each test with its examples, and keeps what is known of it.

Without a `Judging` in the stash (a student types `pytest test_public.py`) the student is the module beside the tests.
With one, the judge decides who answers, and gets a `Finished` for every test. Tests that do not ask for a student are
not our concern.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from _pytest.runner import runtestprotocol  # what pytest-rerunfailures runs an item again with

from autograder import arguments
from autograder.judge import constants, examples, needs, results, running
from autograder.judge.fixtures import ASKING
from autograder.judge.running import RUNNING, id_of
from autograder.judge.session import JUDGING, Judging

pytest_plugins = ("autograder.judge.fixtures",)


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
        items[:] = [item for item in items if id_of(item) not in known]
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
        ids = [id_of(item) for item in session.items if _asks_for_student(item)]
        judging.on_event({"event": "collected", "tests": ids})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    if not _asks_for_student(item):
        return (yield)
    assert isinstance(item, pytest.Function)
    arguments.forget()
    test = item.stash[RUNNING] = running.of_item(item)
    judging = test.judging
    with examples.nobodys_constants(), constants.restored(item.module):
        if JUDGING not in item.config.stash:
            test.failure = examples.prepare(item, examples.PUBLIC_SECRET)
            return (yield)
        test.dependence = needs.dependence(_needed(item), judging.finished, judging.dependent_seconds)
        judging.on_event({"event": "started", "test": test.id, "judge_seconds": test.limits.judge_seconds})
        judging.meter.start(test.limits.judge_memory_mb)
        runs = 0 if test.dependence else judging.shrink_runs
        test.failure = examples.prepare(item, judging.secret(item.path), runs)
        result = yield
        if test.outcome is None and _is_tried_twice(item, judging):
            assert judging.course_secret is not None
            test.is_again = True
            test.failure = examples.prepare(item, judging.course_secret, runs)
            item._initrequest()
            runtestprotocol(item, log=False, nextitem=nextitem)
    judging.finished.append(results.finished(test, item))
    judging.on_event({"event": "finished", "test": test.id, "verdict": judging.finished[-1].result.verdict})
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
            judging.errors.append(f"{id_of(item)}: {call.excinfo.exconly()}")
    elif (test := item.stash[RUNNING]).outcome is None:
        outcome = test.outcome = results.outcome(test, call.excinfo.value)
        if judging and call.when == "setup" and outcome.verdict not in ("blocked", "grader_error"):
            judging.import_failure = judging.import_failure or outcome.detail or outcome.failure
    return (yield)


def _asks_for_student(item: pytest.Item) -> bool:
    return not set(ASKING).isdisjoint(getattr(item, "fixturenames", ()))


def _needed(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("needs") for name in mark.args]
