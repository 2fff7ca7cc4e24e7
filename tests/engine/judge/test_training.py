"""Training checks: who learns is scored by the judge, by his clock, whatever else is claimed. In the real sandbox."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from narrowing import not_none

from autograder import grade as grading
from autograder.core.errors import GraderError
from autograder.course.course import Course
from autograder.course.manifest import Limits
from autograder.course.submission import Submission, sha256_of
from autograder.judge.advice import of_a_classifier
from autograder.judge.running import RunningTest
from autograder.judge.session import Device, Judging
from autograder.judge.training import MAX_POINTS, PATIENCE, Training
from autograder.judge.training_run import Run
from autograder.report import schema as reports
from autograder.report.schema import Measured, Ratio, TrainingTimes
from autograder.report.visibility import view
from autograder.student.exceptions import student_raised
from autograder.testing.mismatch import Mismatch

COURSE = Course(Path(__file__).resolve().parent.parent.parent / "training_course")
TEST = "test_hidden.py::test_the_network_reads_digits"


def grade(source: str, only: str | None = None, on_event=None) -> reports.Report:
    files = {"trainee.py": source.encode()}
    return grading.grade(
        COURSE["trainee"], Submission(files, sha256_of(files)), secret=b"s", only=only, on_event=on_event
    )


@pytest.fixture(scope="module")
def graded():
    """The reference's report, and what was told meanwhile."""
    pytest.importorskip("torch")
    events: list[dict[str, object]] = []
    return grade(COURSE["trainee"].reference()["trainee.py"].decode(), on_event=events.append), events


def test_the_reference_gets_full_marks(graded):
    report, _ = graded
    assert [test.name for test in report.tests if test.verdict != "passed"] == []


def test_the_report_has_the_curve_the_value_its_bar_and_the_times(graded):
    report, _ = graded
    (test,) = [test for test in report.tests if test.id == TEST]
    curve, number = test.figures
    assert (curve.kind, curve.title, len(curve.data["x"])) == ("curve", "Learning curve, 8x8 digits", 8)
    assert sorted(curve.data["series"]) == ["accuracy", "loss"]
    (row,) = number.data["rows"]
    assert row["value"] >= row["bar"] == 85
    times = report.timings.trainings[TEST]
    assert times.profile == report.device == "cpu"
    assert times.seconds > 0 < times.reference_seconds
    assert report.timings.ratios[TEST].limit == 3
    seen = view(report, "student").timings.trainings[TEST]
    assert abs(seen.seconds - times.seconds) <= 0.05 * times.seconds
    assert seen.memory_mb is None or seen.memory_mb % 100 == 0
    assert not_none(seen.measured[0].value) >= seen.measured[0].bar
    assert reports.from_json(reports.to_json(report)).timings == report.timings


def test_the_curve_is_told_while_it_grows(graded):
    _, events = graded
    points = [event for event in events if event["event"] == "trained" and event["test"] == TEST]
    assert points[0]["point"]["epoch"] == 1
    assert events.index(points[0]) < events.index({"event": "finished", "test": TEST, "verdict": "passed"})


def test_the_stub_is_not_implemented():
    pytest.importorskip("torch")
    report = grade(COURSE["trainee"].stub()["trainee.py"].decode())
    assert {test.verdict for test in report.tests} == {"not_implemented"}


# The verbs, with clocks and modules of the test's own.


class Module:
    """Stands for a student, or a reference: each round takes so long, and is worth so much."""

    def __init__(self, seconds: list[float], values: list[float] | None = None) -> None:
        self.seconds, self.values, self.opened = seconds, values or [90.0], 0

    def __call__(self):
        self.opened += 1
        return nullcontext(self)


class Ground:
    def __init__(self, monkeypatch, student: Module, reference: Module | None, seconds: float = 1e9) -> None:
        self.clock = 0.0
        monkeypatch.setattr("autograder.judge.training.time.perf_counter", lambda: self.clock)
        self.said: list[dict[str, object]] = []
        self.checked = 0
        self.reports: list[dict] = []
        self.seeds: list[int] = []
        self.data: list[Any] = []
        judging = Judging(
            make_student=lambda limits, *, watch: student(),
            make_reference=(lambda limits, *, watch: reference()) if reference else None,
            limits=Limits(),
            visibility=lambda path: "hidden",
            on_event=self.said.append,
            memory=lambda module: (3 * 2**20, 2**20),
            device=Device(check=self.check),
        )
        self.test = RunningTest(
            "test_hidden.py::test_it", Path("test_hidden.py"), Limits(test_seconds=seconds), judging
        )
        monkeypatch.setattr(self.test, "seed", lambda fixture: self.seed)
        self.training = Training(self.test)

    def seed(self, purpose: str) -> int:
        whose, number = purpose.rstrip(", 0123456789").split()[-1], int(purpose.split()[-1])
        return {"student": 100, "data": 200}[whose] + number + 50 * ("first" in purpose)

    def check(self) -> None:
        self.checked += 1

    def work(self, module, data, *, device, seed, log):
        self.seeds.append(seed)
        self.data.append(data)
        if data == "warm":
            self.clock += 1000
            return None
        for words in self.reports:
            log(**words)
        self.clock += module.seconds[min(module.opened, len(module.seconds)) - 1]
        return module.values[min(module.opened, len(module.values)) - 1]

    def run(self, **more):
        return self.training.run(self.work, lambda seed: seed, lambda data, answer: answer, **more)


def test_warming_up_costs_no_time(monkeypatch):
    ground = Ground(monkeypatch, Module([2.0]), Module([1.0]))
    run = ground.run(warm_up=lambda seed: "warm")
    assert (run.seconds, run.value, run.memory_mb, run.device_memory_mb) == (2.0, 90.0, 3.0, 1.0)
    assert ground.seeds == [100, 100]


def test_who_reaches_the_bar_in_time_is_not_asked_again(monkeypatch):
    student = Module([2.0])
    ground = Ground(monkeypatch, student, Module([1.0]))
    ground.run()
    ground.training.reaches(80, name="accuracy")
    assert ground.training.keeps_pace(3) == 2
    assert (student.opened, ground.test.ratio) == (1, Ratio(2.0, 3))
    measured = [Measured("accuracy", 90.0, 80.0)]
    assert ground.test.training == TrainingTimes("cpu", 2.0, 1.0, 3.0, 1.0, measured)
    assert [row for figure in ground.test.recorder.figures for row in figure.data["rows"]] == [
        {"name": "accuracy", "value": 90.0, "bar": 80.0, "unit": "%"}
    ]


@pytest.mark.parametrize(
    "value, said",
    [(79.9, "79.9"), (79.99, "79.9"), (71.23456, "71.2"), (math.nan, "nan")],
)
def test_who_misses_the_bar_hears_why(monkeypatch, value, said):
    ground = Ground(monkeypatch, Module([2.0], [value]), None)
    ground.run()
    with pytest.raises(Mismatch, match="expected at least 80 %") as caught:
        ground.training.reaches(80, name="accuracy")
    assert (caught.value.kind, caught.value.advice.startswith("Nothing was reported")) == ("below_bar", True)
    assert caught.value.measured == f"accuracy is {said} %, expected at least 80 %"


def test_of_a_distance_less_is_better_and_a_test_may_advise(monkeypatch):
    ground = Ground(monkeypatch, Module([2.0], [45.00001]), None)
    ground.run()
    with pytest.raises(Mismatch, match=r"^distance is 45\.00001, expected at most 45$") as caught:
        ground.training.comes_within(45, name="distance", unit="", advise=lambda run: f"of {run.value:.1f}")
    assert (caught.value.kind, caught.value.advice) == ("below_bar", "of 45.0")
    assert caught.value.measured == "distance is 45.1, expected at most 45"
    with pytest.raises(Mismatch, match="at least 46 %") as caught:
        ground.training.reaches(46, name="accuracy", advise=lambda run: "of its own")
    assert caught.value.advice == "of its own"
    ground.training.comes_within(45.1, name="distance", unit="")
    assert [one.at_least for one in not_none(ground.test.training).measured] == [False, True, False]


def test_who_knows_too_much_is_found_out(monkeypatch):
    ground = Ground(monkeypatch, Module([2.0], [31.0]), None)
    ground.run()
    with pytest.raises(Mismatch, match="expected at most 30 %") as caught:
        ground.training.stays_below(30, name="accuracy on true labels")
    assert caught.value.kind == "above_chance"
    assert caught.value.measured == "accuracy on true labels is 31 %, expected at most 30 %"
    ground.training.stays_below(31, name="accuracy on true labels")


def test_who_seems_too_slow_gets_more_rounds_with_other_seeds(monkeypatch):
    student, reference = Module([5.0, 5.0, 2.5]), Module([1.0])
    ground = Ground(monkeypatch, student, reference)
    ground.run()
    assert ground.training.keeps_pace(3) == 2.5
    assert (student.opened, reference.opened) == (3, 3)
    assert ground.seeds == [100, 100, 101, 101, 102, 102]


@pytest.mark.threat(49)
def test_the_data_s_seed_is_not_the_student_s(monkeypatch):
    """Who knew the seed of the data could know their order, and so the labels of a public set."""
    ground = Ground(monkeypatch, Module([5.0, 2.5]), Module([1.0]))
    ground.run(warm_up=lambda seed: seed)
    ground.training.keeps_pace(3)
    assert ground.data[:4] == [250, 200, 250, 200]
    assert not set(ground.data) & set(ground.seeds)


def test_the_data_s_seed_is_too_long_to_be_tried_out(monkeypatch):
    """A student's seed suits any generator; who tried as many for the data would know what they are judged by."""
    ground = Ground(monkeypatch, Module([1.0]), None)
    ground.training._seed = lambda purpose: 2**62 + len(purpose)
    ground.run(warm_up=lambda seed: seed)
    assert min(ground.data) > 2**61
    assert max(ground.seeds) < 2**31


@pytest.mark.threat(34)
def test_a_quick_round_that_misses_the_bar_is_no_time(monkeypatch):
    student = Module([5.0, 0.1], [90.0, 10.0])
    ground = Ground(monkeypatch, student, Module([1.0]))
    ground.run()
    ground.training.reaches(80, name="accuracy")
    with pytest.raises(Mismatch, match="more than 3 times"):
        ground.training.keeps_pace(3)
    assert (student.opened, ground.test.ratio) == (PATIENCE, Ratio(5.0, 3))


@pytest.mark.parametrize("seconds", [[7.0], [math.inf]])
def test_there_is_no_patience_with_the_hopeless(monkeypatch, seconds):
    student = Module(seconds)
    ground = Ground(monkeypatch, student, Module([1.0]))
    ground.run()
    with pytest.raises(Mismatch) as caught:
        ground.training.keeps_pace(3)
    assert (student.opened, caught.value.kind) == (1, "too_slow")
    assert "loops in Python" in caught.value.advice


def test_no_round_begins_after_the_time_is_up(monkeypatch):
    student = Module([50.0])
    ground = Ground(monkeypatch, student, Module([15.0]), seconds=60)
    ground.run()
    with pytest.raises(Mismatch):
        ground.training.keeps_pace(3)
    assert student.opened == 1


def test_on_a_laptop_there_is_no_pace(monkeypatch):
    ground = Ground(monkeypatch, Module([1e9]), None)
    ground.run()
    assert ground.training.keeps_pace(3) is None


def test_a_reference_that_fails_is_our_fault(monkeypatch):
    class Broken(Module):
        def __call__(self):
            raise student_raised(["ValueError"], "ours", "")

    ground = Ground(monkeypatch, Module([1.0]), Broken([1.0]))
    ground.run()
    with pytest.raises(GraderError, match=r"the reference failed in a training: .*ours"):
        ground.training.keeps_pace(3)


@pytest.mark.threat(35)
def test_a_device_that_is_lost_is_our_fault_and_not_the_students(monkeypatch):
    class Lost(Module):
        def __call__(self):
            raise student_raised(["RuntimeError"], "CUDA error: device lost", "")

    ground = Ground(monkeypatch, Lost([1.0]), None)

    def lives() -> None:
        raise GraderError("the GPU is lost")

    ground.training._device = Device(check_alive=lives)
    with pytest.raises(GraderError, match="the GPU is lost"):
        ground.run()


def test_asking_before_training_is_the_authors_mistake(monkeypatch):
    with pytest.raises(GraderError, match=r"call training\.run first"):
        Ground(monkeypatch, Module([1.0]), None).training.reaches(1, name="accuracy")


class Strange:
    def __float__(self):
        raise RuntimeError("no number")


def test_of_what_is_reported_only_numbers_under_known_names_are_kept(monkeypatch):
    ground = Ground(monkeypatch, Module([1.0]), None)
    ground.reports = [
        {"epoch": 1, "loss": 2.0, "accuracy": 0.5, "<script>": 1.0},
        {"epoch": 2, "loss": "1.0", "accuracy": Strange()},
        {"loss": 1e400, "epoch": 3},
        {},
    ]
    run = ground.run()
    assert [sorted(point) for point in run.heard] == [["accuracy", "epoch", "loss"]] * 4
    assert math.isnan(run.heard[1]["loss"])
    assert math.isnan(run.heard[1]["accuracy"])
    assert math.isinf(run.heard[2]["loss"])
    point = {"epoch": 1.0, "loss": 2.0, "accuracy": 0.5}
    assert ground.said == [{"event": "trained", "test": ground.test.id, "point": point}]
    (curve,) = ground.test.recorder.figures
    assert curve.data["x"] == [1.0, 2.0, 3.0, 4.0]  # a report without its epoch: then by number


def test_reports_without_end_are_cut(monkeypatch):
    ground = Ground(monkeypatch, Module([1.0]), None)
    ground.reports = [{"epoch": 1, "loss": 1.0}] * (MAX_POINTS + 10)
    assert len(ground.run().heard) == MAX_POINTS


def test_the_curve_of_a_training_that_broke_off_is_kept(monkeypatch):
    ground = Ground(monkeypatch, Module([1.0]), None)
    ground.reports = [{"epoch": 1, "loss": 1.0}]

    def measure(data, answer):
        raise Mismatch("of another shape", "wrong_shape")

    with pytest.raises(Mismatch):
        ground.training.run(ground.work, lambda seed: seed, measure)
    assert [figure.kind for figure in ground.test.recorder.figures] == ["curve"]


def heard(losses, accuracy=math.nan):
    return [{"epoch": float(i), "loss": loss, "accuracy": accuracy} for i, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    "points, answer, words",
    [
        ([], None, "call log"),
        (heard([math.nan] * 3), None, "call log"),
        (heard([2.0, math.nan]), None, "stopped being a number at report 2"),
        (heard([2.0, 2.5]), None, "The loss rose from 2 to 2.5"),
        (heard([2.3, 2.29, 2.3]), None, "hardly moved"),
        (heard([2.3, 1.0, 0.5]), [3] * 99 + [1], "99 % of the answers are one class"),
        (heard([2.3, 1.0, 0.5]), [[0.1, 0.9]] * 99, "100 % of the answers are one class"),
        (heard([2.3, 0.01, 0.01], 0.99), [0, 1, 2], "You reported 99.0 %"),
        (heard([2.3, 2.0, 1.5, 1.2, 1.1, 1.0], 0.7), [0, 1, 2], "still falling"),
        (heard([2.3, 1.0, 1.0, 1.0], 0.7), object(), "has settled at 1"),
    ],
)
def test_advice_says_what_to_look_at(points, answer, words):
    assert words in of_a_classifier(Run(answer, 70.0, 1.0, heard=points), 85.0, "%")
