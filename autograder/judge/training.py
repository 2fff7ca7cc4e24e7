"""The fixture `training`: a student trains on data whose held-out labels stay here, and is scored by what comes back.

    with a fresh process             work(module, warm_up data)        untimed: imports, the device's start
        clock starts                 answer = work(module, data, device=.., seed=.., log=..)
        clock stops                  the whole answer is here
    value = measure(data, answer)    by the judge, from the answer alone

`work` is the test's: it calls the student's `train` and then asks for predictions (or samples), so whatever goes on in
a thread or on a stream after an early return is inside the time, or not in the answer. What the student reports through
`log` is drawn and decides nothing. `keeps_pace` lets the reference do the same work in a process of its own, turn and
turn about, with the same seeds, on the same device; only rounds whose value reaches the bar count as the student's
time, so that nobody is quick in one round and good in another.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from autograder.core.errors import GraderError, StudentGone
from autograder.judge.advice import of_a_classifier
from autograder.judge.running import RunningTest
from autograder.judge.training_run import Run
from autograder.report import rounding
from autograder.report.numbers import beside
from autograder.report.schema import Measured, TrainingTimes
from autograder.student import StudentRaised
from autograder.testing.mismatch import Mismatch

PATIENCE = 3  # rounds for who seems too slow
HOPELESS = 2.0  # times the limit; no noise does that, so there is no patience with it
STUDENT_SEEDS = 2**31  # so many seeds any library's generator takes; the data's are longer, too many to try out
MAX_POINTS = 2000  # of a curve that are kept; a student may call `log` without end
TELL_SECONDS = 0.25  # at least, between two points that are told while a training runs
TELL_SHARE = 0.15  # of the time since the first; so a training of minutes tells no more than rounding.POINTS

Open = Callable[[], AbstractContextManager[Any]]  # a fresh process; leaving the context ends it
Work = Callable[..., Any]
P = TypeVar("P")


@dataclass
class _Task:
    """What a run did, for the reference to do the same."""

    work: Work
    inputs: Callable[[int], Any]
    measure: Callable[[Any, Any], float]
    warm_up: Callable[[int], Any] | None
    run: Run
    good: Callable[[float], bool] = field(default=lambda value: True)


class Training:
    """A student, and a reference, each behind a function that opens a fresh process with it."""

    def __init__(self, test: RunningTest) -> None:
        """test : whose student trains, on its judge's device, for at most its limit of wall time for all rounds
        together: past it no further round begins. Where its judge calibrates, everything is measured once, and no bar
        and no limit ends a test.
        """
        self._test, self._began = test, time.perf_counter()
        self._judging, self._device = test.judging, test.judging.device
        self._seed = test.seed("training")
        self._measured: list[Measured] = []
        self._reference_seconds: float | None = None
        self._task: _Task | None = None

    @property
    def device(self) -> str:
        """ "cpu" or "cuda"."""
        return self._device.name

    def profile(self, *, cpu: P, gpu: P) -> P:
        """The settings for what this worker has: data, epochs, bars, limits, in whatever form the test likes."""
        return gpu if self._device.profile == "gpu" else cpu

    def run(
        self,
        work: Work,
        inputs: Callable[[int], Any],
        measure: Callable[[Any, Any], float],
        *,
        warm_up: Callable[[int], Any] | None = None,
        series: Sequence[str] = ("loss", "accuracy"),
        title: str = "Learning curve",
    ) -> Run:
        """Let the student do `work` once, and measure what comes back.

        work : `work(module, data, device=.., seed=.., log=..)`, with calls to the student's functions. Of the data only
            what it passes to them leaves the judge.
        inputs : from a seed to the data, in another order for another seed; the same seed must give the same. It is not
            the seed that `work` is given: a student who knew it could know the data's order.
        measure : `measure(data, answer)` is the value, by which the run is judged. Raises Mismatch where the answer is
            none at all (of a wrong shape, say).
        warm_up : from a seed to small data to begin with, untimed; better noise than something to learn from.
        series : what `log` may report beside `epoch`; anything else that it is told is dropped. Drawn as a curve.
        Raises what `measure` raises, and whatever the student's code ends with.
        """
        heard: list[dict[str, float]] = []
        try:
            log = _Log(series, heard, self._say)
            run = self._once(self._student, work, inputs, measure, warm_up, 0, log)
            run.heard = heard
        finally:
            self._draw(title, series, heard)
        self._task = _Task(work, inputs, measure, warm_up, run)
        self._tell()
        return run

    def reaches(
        self,
        bar: float,
        *,
        name: str,
        unit: str = "%",
        title: str = "Measured by the grader",
        advise: Callable[[Run], str] | None = None,
    ) -> None:
        """The value of the last run is at least `bar`.

        advise : from the run to a sentence for who misses the bar, made of nothing hidden; without it, what the curve
            of a loss says of a classifier.
        Raises Mismatch ("below_bar").
        """
        self._compare(Measured(name, self._value(), bar, unit), title, advise)

    def comes_within(
        self,
        bar: float,
        *,
        name: str,
        unit: str,
        title: str = "Measured by the grader",
        advise: Callable[[Run], str] | None = None,
    ) -> None:
        """The same of a value that is better if it is less, an error or a distance: it is at most `bar`."""
        self._compare(Measured(name, self._value(), bar, unit, at_least=False), title, advise)

    def stays_below(self, bar: float, *, name: str, unit: str = "%", title: str = "Measured by the grader") -> None:
        """The value of the last run is at most `bar`, since from these data no more can be learned.

        Raises Mismatch ("above_chance").
        """
        self._compare(Measured(name, self._value(), bar, unit, at_least=False), title, None, "above_chance")

    def keeps_pace(self, limit: float) -> float | None:
        """The student takes at most `limit` times as long as the reference. Returns the ratio; None on a laptop.

        Raises Mismatch ("too_slow"), or GraderError where the reference fails.
        """
        task = self._last()
        if self._judging.make_reference is None:
            return None
        students = [task.run.seconds]
        references: list[float] = []
        for number in range(PATIENCE):
            if number:
                run = self._again(self._student, task, number)
                if task.good(run.value):
                    students.append(run.seconds)
            references.append(self._reference_run(task, number).seconds)
            ratio = min(students) / min(references)
            if (
                not limit < ratio <= HOPELESS * limit
                or time.perf_counter() - self._began > self._test.limits.test_seconds
            ):
                break
            if self._judging.calibrating:
                break
        self._test.tell_ratio(ratio, limit)
        self._reference_seconds = min(references)
        self._tell()
        if not ratio <= limit and not self._judging.calibrating:
            raise Mismatch(
                f"took more than {limit:g} times as long as the reference",
                "too_slow",
                f"It is good enough, but takes more than {limit:g} times as long as the reference: are there loops in "
                "Python over examples, epochs that bring nothing, or work that is done again in every step?",
            )
        return ratio

    # one run

    def _student(self) -> AbstractContextManager[Any]:
        return self._test.student(watch=False)

    def _reference(self) -> AbstractContextManager[Any]:
        return self._test.reference(watch=False)

    def _say(self, point: dict[str, float]) -> None:
        """A point of the student's curve, while it trains."""
        self._judging.on_event({"event": "trained", "test": self._test.id, "point": point})

    def _once(
        self, open_: Open, work: Work, inputs: Any, measure: Any, warm_up: Any, number: int, log: Callable[..., None]
    ) -> Run:
        self._device.check()
        seed = self._seed(f"of the student, {number}") % STUDENT_SEEDS
        try:
            with open_() as module:
                if warm_up is not None:
                    first = warm_up(self._seed(f"of the first data, {number}"))
                    work(module, first, device=self.device, seed=seed, log=_ignore)
                data = inputs(self._seed(f"of the data, {number}"))
                began = time.perf_counter()
                answer = work(module, data, device=self.device, seed=seed, log=log)
                seconds = time.perf_counter() - began
                memory, device_memory = self._judging.memory(module)
        except (StudentGone, StudentRaised):
            self._device.check_alive()  # one that was lost meanwhile is nobody's mistake
            raise
        value = float(measure(data, answer))
        used = None if memory is None else round(memory / 2**20, 1)
        return Run(answer, value, seconds, used, round(device_memory / 2**20, 1))

    def _again(self, open_: Open, task: _Task, number: int) -> Run:
        return self._once(open_, task.work, task.inputs, task.measure, task.warm_up, number, _ignore)

    def _reference_run(self, task: _Task, number: int) -> Run:
        try:
            return self._again(self._reference, task, number)
        except (StudentGone, StudentRaised, Mismatch) as error:
            raise GraderError(f"the reference failed in a training: {type(error).__name__}: {error}") from error

    def _is_late(self) -> bool:
        return time.perf_counter() - self._began > self._test.limits.test_seconds

    def _last(self) -> _Task:
        if self._task is None:
            raise GraderError("a test asks how a training went before there was one: call training.run first")
        return self._task

    # what the report keeps

    def _draw(self, title: str, series: Sequence[str], heard: list[dict[str, float]]) -> None:
        known = [name for name in series if any(math.isfinite(point[name]) for point in heard)]
        if known:
            epochs = [point["epoch"] for point in heard]
            x = epochs if all(map(math.isfinite, epochs)) else list(range(1, len(heard) + 1))
            curves = {name: [point[name] for point in heard] for name in known}
            self._test.recorder.curve(title, "epoch", x, **curves)

    def _value(self) -> float | None:
        value = self._last().run.value
        return value if math.isfinite(value) else None  # JSON has no word for NaN

    def _compare(
        self,
        measured: Measured,
        title: str,
        advise: Callable[[Run], str] | None,
        kind: Literal["below_bar", "above_chance"] = "below_bar",
    ) -> None:
        """Put a value beside its bar into the report; then hold it to it."""
        task, bar, unit = self._last(), measured.bar, f" {measured.unit}" if measured.unit else ""
        value = math.nan if measured.value is None else measured.value
        self._test.recorder.number(title, measured.name, value, bar=bar, unit=measured.unit)
        self._measured.append(measured)
        self._tell()
        task.good = (lambda value: value >= bar) if measured.at_least else (lambda value: value <= bar)
        if task.good(task.run.value) or self._judging.calibrating:
            return
        expected = f"expected {'at least' if measured.at_least else 'at most'} {bar:g}{unit}"
        said = f"{measured.name} is {beside(task.run.value, bar)}{unit}, {expected}"
        few = f"{measured.name} is {rounding.beside(task.run.value, bar):g}{unit}, {expected}"  # digits
        if kind == "above_chance":
            raise Mismatch(said, kind, measured=few)
        advice = advise(task.run) if advise else of_a_classifier(task.run, bar, measured.unit)
        raise Mismatch(said, kind, advice, measured=few)

    def _tell(self) -> None:
        run = self._last().run
        reference = self._reference_seconds
        self._test.training = TrainingTimes(
            profile=self._device.profile,
            seconds=round(run.seconds, 3),
            reference_seconds=None if reference is None else round(reference, 3),
            memory_mb=run.memory_mb,
            device_memory_mb=run.device_memory_mb,
            measured=list(self._measured),
        )


class _Log:
    """What a student's `log` is: keeps numbers under the names that the test wants, and nothing else."""

    def __init__(
        self, series: Sequence[str], heard: list[dict[str, float]], say: Callable[[dict[str, float]], None]
    ) -> None:
        self._names, self.heard, self._say = ("epoch", *series), heard, say
        self._times: list[float] = []  # when a point was told

    def __call__(self, *args: Any, **words: Any) -> None:
        if len(self.heard) >= MAX_POINTS:
            return
        given = dict(zip(self._names, args, strict=False)) | words
        point = {name: _number(given.get(name)) for name in self._names}
        self.heard.append(point)
        now = time.monotonic()
        if self._is_time(now):
            self._times.append(now)
            told = {name: rounding.number(value) for name, value in point.items()}
            self._say({name: value for name, value in told.items() if math.isfinite(value)})

    def _is_time(self, now: float) -> bool:
        if not self._times:
            return True
        first, last = self._times[0], self._times[-1]
        return len(self._times) < rounding.POINTS and now - last >= max(TELL_SECONDS, TELL_SHARE * (now - first))


def _ignore(*args: Any, **words: Any) -> None:
    """The `log` of a round that nobody looks at; the student's code calls it all the same, and waits for the answer."""


def _number(value: Any) -> float:
    """A float, from whatever a student may report as one; NaN for anything else."""
    with contextlib.suppress(Exception):
        if value is not None and type(value) is not str:
            return float(value)
    return math.nan
