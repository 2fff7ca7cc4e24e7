"""The report as data, and what of it a student may see."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from narrowing import not_none

from autograder.core.errors import BadCourse
from autograder.judge.assemble import assemble
from autograder.judge.job import Finished, Judged, Surroundings
from autograder.report import schema as reports
from autograder.report.schema import (
    Figure,
    JudgeCost,
    Measured,
    ProblemResult,
    Ratio,
    Report,
    TestResult,
    Timings,
    TrainingTimes,
)
from autograder.report.visibility import view, without_hidden

CANARY = "canary-5f3a"
FREE = ("detail", "example", "traceback", "output", "repeat")  # fields that may hold an input or a value

texts = st.text(st.characters(codec="utf-8"), max_size=10)
figures = st.builds(
    Figure, st.just("curve"), texts, st.just({"x_label": "epoch", "x": [1.0], "series": {"train": [0.5]}})
)


@st.composite
def results(draw):
    name = draw(st.text("abc", min_size=1, max_size=5))
    visibility = draw(st.sampled_from(["public", "hidden"]))
    verdict = draw(st.sampled_from(get_args(reports.Verdict)))
    free: dict[str, Any] = {field: f"{draw(texts)}{CANARY}{draw(texts)}" for field in FREE}
    figure = draw(st.lists(figures, max_size=1))
    failed_on: Literal["", "public", "secret"] = ""
    if visibility == "public":
        failed_on = draw(st.sampled_from(["", "public", "secret"]))
    return TestResult(
        f"test_{visibility}.py::test_{name}", f"test_{name}", "a law", "p", 0.0, 1.0, visibility, verdict, "a failure",
        **free, figures=figure, failed_on=failed_on,
    )  # fmt: skip


@st.composite
def whole(draw):
    tests = draw(st.lists(results(), max_size=4, unique_by=lambda test: test.id))
    return Report(
        "tiny", "Tiny", "graded", "", 0.0, 4.0, [ProblemResult("p", "P", 0.0, 4.0)], tests,
        timings=Timings(1.0, {test.id: 0.5 for test in tests}),
    )  # fmt: skip


quick = settings(max_examples=40, deadline=None, database=None)


def is_hidden(test):
    """Is all, or what failed, of a test hidden from students?"""
    return test.visibility == "hidden" or test.failed_on == "secret"


@quick
@given(report=whole())
def test_nothing_of_a_hidden_test_but_law_and_class_of_failure_reaches_a_student(report):
    seen = view(report, "student")
    hidden = [test for test in seen.tests if is_hidden(test)]
    assert CANARY not in json.dumps(msgspec.to_builtins(hidden))
    assert [(t.id, t.law, t.verdict, t.points) for t in seen.tests] == [
        (t.id, t.law, t.verdict, t.points) for t in report.tests
    ]
    assert {t.failure for t in hidden} <= {"a failure", "raised an exception"}
    assert not set(seen.timings.test_seconds) & {test.id for test in hidden if test.visibility == "hidden"}


@quick
@given(report=whole(), points=st.booleans())
def test_where_hidden_results_are_not_shown_a_public_test_says_what_it_says_of_public_examples(report, points):
    seen = without_hidden(view(report, "student"), points=points)
    given = {test.id: test for test in report.tests}
    for test in seen.tests:
        assert test.visibility == "public"
        assert test.failed_on != "secret"
        if given[test.id].failed_on == "secret":
            assert (test.verdict, test.points, test.failure, test.figures) == ("passed", 1.0, "", [])


@pytest.mark.threat(53)
def test_no_exception_of_a_hidden_test_is_told_from_another():
    """There are fifty-four kinds: six bits of a hidden input, by the one that the code chooses."""
    kinds = ("ValueError", "KeyError", "ZeroDivisionError")
    tests = [
        TestResult(f"{v}::{k}", k, "law", "p", 0, 1, v, "raised", f"raised {k}")
        for v in ("public", "hidden")
        for k in kinds
    ]
    seen = view(Report("tiny", "Tiny", "graded", tests=tests), "student").tests
    assert [test.failure for test in seen[:3]] == [f"raised {kind}" for kind in kinds]
    assert [test.failure for test in seen[3:]] == ["raised an exception"] * 3


def timed(seconds: float, memory: float = 300.0, device: float = 0.0, value: float = 90.12345) -> Report:
    measured = [Measured("accuracy", value, 85.0)]
    training = TrainingTimes("cpu", seconds, 10.0, memory, device, measured)
    name = "test_hidden.py::test_t"
    tests = [TestResult(name, "test_t", "law", "p", 1, 1, "hidden", "passed")]
    times = Timings(seconds, {name: seconds}, {name: Ratio(seconds / 10, 3.0)}, {name: training})
    return Report("t", "T", "graded", tests=tests, timings=times)


@pytest.mark.threat(53)
@pytest.mark.parametrize(
    "one, other",
    [
        (timed(12.0001), timed(12.0004)),
        (timed(12.0, memory=301), timed(12.0, memory=399)),
        (timed(12.0, device=1.0), timed(12.0, device=7_000.0)),
        (timed(12.0, value=90.123), timed(12.0, value=90.084)),
    ],
    ids=["seconds", "memory", "memory of the device", "value"],
)
def test_times_memory_and_values_are_told_to_students_in_few_steps(one, other):
    assert one != other
    assert view(one, "student") == view(other, "student")
    assert view(one, "staff") == one


def test_a_time_never_seems_to_stand_on_the_other_side_of_its_limit():
    for ratio, value in ((3.004, 84.996), (2.96, 85.0)):
        times = view(timed(10 * ratio, value=value), "student").timings
        (seen,), (training,) = times.ratios.values(), times.trainings.values()
        assert (seen.value <= 3) == (ratio <= 3)
        assert (not_none(training.measured[0].value) >= 85) == (value >= 85)


@pytest.mark.threat(53)
def test_what_was_printed_while_examples_were_secret_is_not_shown():
    def shown(**how):
        test = TestResult("test_public.py::t", "t", "law", "p", 0, 1, "public", output="0.25", **how)
        return view(Report("t", "T", "graded", tests=[test]), "student").tests[0].output

    assert shown(verdict="failed", examples="public and secret", failed_on="public") == "0.25"
    assert shown(verdict="failed", examples="public and secret", failed_on="secret") == ""
    assert shown(verdict="passed", examples="public and secret") == ""
    assert shown(verdict="passed", examples="fixed") == "0.25"


@pytest.mark.threat(56)
def test_every_text_of_a_result_has_a_limit():
    endless = "\u20ac" * 10**6
    texts: dict[str, Any] = {name: endless for name in reports.TEXT_BYTES if name != "law"}
    report = Report("t", "T", "graded", endless, tests=[
        TestResult("t::t", "t", endless, "p", 0, 1, "hidden", "failed", **texts)
    ])  # fmt: skip
    (test,) = report.tests
    for name, limit in reports.TEXT_BYTES.items():
        assert len(getattr(test, name).encode()) <= limit
        assert getattr(test, name).endswith("(cut)")
    assert len(report.message.encode()) <= reports.MESSAGE
    assert reports.from_json(reports.to_json(report)) == report


def test_the_input_in_a_parametrised_hidden_tests_name_is_only_a_number_to_a_student():
    tests = [
        TestResult(f"test_{kind}.py::test_x[{CANARY}-{i}]", f"test_x[{CANARY}-{i}]", "law", "p", 0, 1, kind, "failed")
        for kind in ("public", "hidden")
        for i in (7, 8)
    ]
    seen = view(Report("tiny", "Tiny", "graded", tests=tests), "student").tests
    assert seen[:2] == tests[:2]
    assert [test.id for test in seen[2:]] == ["test_hidden.py::test_x[1]", "test_hidden.py::test_x[2]"]
    assert [test.name for test in seen[2:]] == ["test_x[1]", "test_x[2]"]


@quick
@given(report=whole())
def test_a_public_test_reaches_a_student_whole_and_staff_see_everything(report):
    assert view(report, "staff") == report
    seen = view(report, "student")
    assert [t for t in seen.tests if not is_hidden(t)] == [t for t in report.tests if not is_hidden(t)]


def test_every_field_of_a_result_is_either_shown_or_hidden_on_purpose():
    """A new field must be put into one of the two lists."""
    shown = "id name law problem points possible visibility verdict failure advice figures examples failed_on".split()
    assert set(TestResult.__struct_fields__) == {*shown, *FREE}


@quick
@given(report=whole())
def test_a_report_survives_json_and_fits_its_schema(report):
    data = reports.to_json(report)
    assert reports.from_json(data) == report
    jsonschema.validate(json.loads(data), reports.schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_is_in_sync_with_the_code():
    assert json.loads(reports.SCHEMA_FILE.read_text(encoding="utf-8")) == reports.schema()
    jsonschema.Draft202012Validator.check_schema(reports.schema())


@pytest.mark.parametrize(
    "change",
    [{"state": "fine"}, {"points": "many"}, {"tests": [{}]}, {"colour": 1}, {"timings": {"test_seconds": {"a": None}}}],
    ids=str,
)
def test_what_is_no_report_is_refused_by_code_and_schema(change):
    data = json.loads(reports.to_json(Report("tiny", "Tiny", "graded"))) | change
    with pytest.raises(msgspec.ValidationError):
        reports.from_json(json.dumps(data))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, reports.schema())


def result(name: str, problem: str, points: float, possible: float) -> TestResult:
    verdict: reports.Verdict = "passed" if points else "failed"
    return TestResult(f"t::{name}", name, "law", problem, points, possible, "hidden", verdict)


def judged(*results: TestResult) -> Judged:
    cost = JudgeCost(0.01, 1.0, 10.0, 2048)
    return Judged([Finished(result, 0.12345, cost) for result in results], Surroundings("cpu", "walls", {}))


def test_points_are_summed_by_problem_in_the_order_of_the_manifest(tiny):
    results = [
        result("a", "gradient", 0, 2),
        result("b", "loss", 1, 1),
        result("c", "gradient", 1, 1),
        result("d", "", 0, 0),
    ]
    found = assemble(tiny, judged(*results), total_seconds=1.23456)
    assert [(p.name, p.points, p.possible) for p in found.problems] == [("loss", 1, 1), ("gradient", 1, 3)]
    assert (found.points, found.possible, found.tests_sha256) == (2, 4, tiny.tests_sha256())
    assert (found.timings.total_seconds, found.timings.test_seconds["t::a"]) == (1.235, 0.123)
    assert found.sandbox == "walls"


def test_points_for_a_problem_that_the_manifest_lacks_are_the_authors_mistake(tiny):
    with pytest.raises(BadCourse, match=r"t::a gives points for 'los', which is no problem"):
        assemble(tiny, judged(result("a", "los", 1, 1)), total_seconds=0)
