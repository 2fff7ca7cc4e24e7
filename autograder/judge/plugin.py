"""The pytest plugin: it runs each test with its examples, and keeps what is known of it.

Without a `Judging` in the stash (a student types `pytest test_public.py`) the student is the module beside the tests.
With one, the judge decides who answers, and gets a `Finished` for every test. Tests that do not ask for a student are
not our concern.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import msgspec
import pytest
from _pytest.runner import runtestprotocol  # what pytest-rerunfailures runs an item again with

from autograder import arguments
from autograder.judge import constants, examples, needs, playing, results, running
from autograder.judge.items import asks_for_student, id_of, needed_by
from autograder.judge.job import Played
from autograder.judge.playing import Play
from autograder.judge.recording import NotReplayable, Tape, is_recordable, replay
from autograder.judge.running import RUNNING, RunningTest
from autograder.judge.session import JUDGING, Judging
from autograder.testing.drawing import nobodys_constants

pytest_plugins = ("autograder.judge.fixtures",)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--student",
        metavar="FOLDER",
        help="deepgrade: the folder with the files to hand in (default: the folder of the tests)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "points(number, problem): what the test is worth")
    config.addinivalue_line("markers", "limits(seconds, test_seconds): other limits than the manifest's")
    config.addinivalue_line("markers", "needs(*tests): tests that this one stands on")


def pytest_collectstart(collector: pytest.Collector) -> None:
    # `settings(max_examples=...)` in a test file inherits the profile that is loaded when the file is imported.
    if isinstance(collector, pytest.Module) and collector.path.name in ("test_public.py", "test_hidden.py"):
        hypothesis.settings.load_profile("deepgrade")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    if not asks_for_student(item):
        return (yield)
    assert isinstance(item, pytest.Function)
    arguments.forget()
    test = item.stash[RUNNING] = running.of_item(item)
    judging = test.judging
    if judging.is_playing:
        with nobodys_constants(), constants.restored(item.module):
            return (yield from _play(test, item, nextitem))
    with nobodys_constants(), constants.restored(item.module):
        if JUDGING not in item.config.stash:
            test.failure = examples.prepare(item, examples.PUBLIC_SECRET)
            return (yield)
        test.dependence = needs.dependence(needed_by(item), judging.finished, judging.dependent_seconds)
        judging.on_event({"event": "started", "test": test.id, "judge_seconds": test.limits.judge_seconds})
        judging.meter.start(test.limits.judge_memory_mb)
        with _prepared(test, item, judging.secret(item.path)):
            result = yield
        _draw_again(test, item, judging.secret(item.path), nextitem)
        if test.outcome is None and _is_tried_twice(item, judging):
            assert judging.course_secret is not None
            test.is_again = True
            with _prepared(test, item, judging.course_secret):
                _run_again(item, nextitem)
            _draw_again(test, item, judging.course_secret, nextitem)
    judging.finished.append(results.finished(test, item))
    judging.on_event({"event": "finished", "test": test.id, "verdict": judging.finished[-1].result.verdict})
    return result


@contextmanager
def _prepared(test: RunningTest, item: pytest.Function, secret: bytes, *, replays: bool = True) -> Iterator[None]:
    """Around one run of a test: its examples are fixed, and may be replayed or recorded."""
    judging = test.judging
    test.shrink_runs = 0 if test.dependence else judging.shrink_runs
    test.examples = judging.recording.examples(test.id, secret) if replays else None
    tape = Tape(item) if judging.is_recording and is_recordable(item) else None
    test.failure = examples.prepare(item, secret, test.shrink_runs, tape)
    yield
    if tape is not None and test.outcome is None and tape.examples is not None:
        judging.recording.add(test.id, secret, tape.examples)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """In place of pytest's own call, and so of hypothesis, where the examples are recorded."""
    test = pyfuncitem.stash.get(RUNNING, None)
    if test is not None and test.play is not None:
        playing.run(pyfuncitem, test.play, test.examples)
        return True
    if test is None or test.examples is None:
        return None
    try:
        replay(pyfuncitem, test.examples)
    except (Exception, pytest.fail.Exception) as error:
        test.draws_again = test.shrink_runs > 0 or isinstance(error, NotReplayable)
        raise
    return True


def _draw_again(test: RunningTest, item: pytest.Function, secret: bytes, nextitem: pytest.Item | None) -> None:
    """Where a recorded example has failed: hypothesis draws, with a fresh process of the student's, as if there were no
    recording, and looks for a smaller example. Where it finds no failure, the recorded example's stands.
    """
    if not test.draws_again:
        return
    outcome, failure, output = test.outcome, test.failure, test.output.pop(test.is_again, "")
    test.outcome, test.draws_again = None, False
    with _prepared(test, item, secret, replays=False):
        _run_again(item, nextitem)
    if test.outcome is None and not isinstance(failure.error, NotReplayable):
        test.outcome, test.failure, test.output[test.is_again] = outcome, failure, output


def _play(test: RunningTest, item: pytest.Function, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """In place of a run that is judged."""
    judging = test.judging
    both = [False, True] if _is_tried_twice(item, judging) else [False]
    chances = [again for again in both if again not in judging.unplayed(test.id)]
    for again in chances:
        secret = judging.course_secret if again else judging.secret(item.path)
        assert secret is not None
        judging.on_event({"event": "playing", "test": test.id, "judge_seconds": test.limits.judge_seconds})
        judging.meter.start(test.limits.judge_memory_mb)
        test.play, test.is_again = Play(), again
        test.examples = judging.recording.examples(test.id, secret)
        examples.prepare(item, secret, play=test.play)
        if again is chances[0]:
            yield
        else:
            _run_again(item, nextitem)
        played = Played(test.id, again, test.play.records)
        judging.on_event({"event": "played", "played": msgspec.to_builtins(played)})
        if test.play.failed:
            judging.played.append(played)
            break


def _run_again(item: pytest.Function, nextitem: pytest.Item | None) -> None:
    item._initrequest()
    runtestprotocol(item, log=False, nextitem=nextitem)


def _is_tried_twice(item: pytest.Function, judging: Judging) -> bool:
    """A public test is tried on examples under the course's secret as well: all know the public ones."""
    drawn = hasattr(item.function, "hypothesis")
    return drawn and judging.visibility(item.path) == "public" and judging.course_secret is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[Any]:
    judging = item.config.stash.get(JUDGING, None)
    if call.excinfo is None:
        pass
    elif not asks_for_student(item):
        # A test of the author's own, or one that hypothesis cannot run: then it no longer asks for anything.
        if judging:
            judging.errors.append(f"{id_of(item)}: {call.excinfo.exconly()}")
    elif (test := item.stash[RUNNING]).outcome is None:
        outcome = test.outcome = results.outcome(test, call.excinfo.value)
        if judging and call.when == "setup" and outcome.verdict not in ("blocked", "grader_error"):
            judging.import_failure = judging.import_failure or outcome.detail or outcome.failure
    return (yield)
