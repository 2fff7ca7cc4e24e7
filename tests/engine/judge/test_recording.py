"""Examples are recorded once and replayed: the same ones, in the same order, and the report stays as it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from autograder.course.course import Assignment
from autograder.judge import recording
from autograder.judge.job import Job, of_reference
from autograder.judge.judge import judge
from autograder.judge.recorder_process import recording_of
from autograder.judge.recording import Recording
from autograder.judge.run import Collection, collect

TEST = "test_hidden.py::test_it"
SECRET = b"secret"


class Asked:
    """A student that notes what it is asked, and answers with a function of the caller's."""

    def __init__(self, answer: Any = lambda *values: None) -> None:
        self.values: list[Any] = []
        self._answer = answer
        self._link = SimpleNamespace(channel=SimpleNamespace(seq=0))  # what recording.questions looks at

    def f(self, *values: Any) -> Any:
        self._link.channel.seq += 1
        self.values.append(values)
        return self._answer(*values)


@pytest.fixture
def recorded(run):
    """A test is run twice, and recorded in the first run: (what was asked in each run, the recording, the results)."""

    def recorded(text: str, answer: Any = lambda *values: None, answer_again: Any = None) -> SimpleNamespace:
        kept, first, second = Recording(), Asked(answer), Asked(answer_again or answer)
        before = run(text, first, recording=kept, is_recording=True)
        after = run(text, second, recording=kept)
        return SimpleNamespace(
            first=first.values, second=second.values, examples=kept.examples(TEST, SECRET), before=before, after=after
        )

    return recorded


DRAWS = """
    drawn = []
    numbers = st.integers(0, 10**6).map(lambda value: drawn.append(value) or value)

    @given(a=numbers, b=st.lists(st.floats(0, 1)))
    def test_it(student, a, b):
        student.f(a, b, len(drawn))
    """


def test_the_examples_are_the_same_in_the_same_order(recorded):
    found = recorded(DRAWS)
    assert len(found.examples) == len(found.first) > 20
    assert [values[:2] for values in found.second] == [values[:2] for values in found.first]
    assert [result.verdict for result in found.after.results] == ["passed"]


def test_hypothesis_draws_nothing_where_they_are_recorded(recorded):
    found = recorded(DRAWS)
    assert found.first[-1][-1] > 20
    assert {values[-1] for values in found.second} == {0}


def test_what_a_body_draws_itself_is_recorded_too(recorded):
    found = recorded("""
        @given(data=st.data(), a=st.integers())
        def test_it(student, data, a):
            student.f(a, data.draw(st.integers()), data.draw(st.text(), label="word"))
        """)
    assert found.second == found.first
    assert found.examples


def test_a_drawn_argument_may_have_the_name_of_a_fixture(run):
    text = """
        @given(training=st.booleans(), record=st.integers(0, 9))
        def test_it(student, training, record):
            student.f(training, record)
            assert student.is_right or not training
        """
    kept, first, second = Recording(), Asked(), Asked()
    first.is_right, second.is_right = True, False  # type: ignore[attr-defined]
    run(text, first, recording=kept, is_recording=True)
    (result,) = run(text, second, recording=kept).results
    assert kept.examples(TEST, SECRET)
    assert "training = True" in result.example


def test_global_generators_begin_alike_in_each_example(recorded):
    found = recorded("""
        import random

        @given(a=st.integers())
        def test_it(student, a):
            student.f(a, random.random(), float(np.random.random()))
        """)
    assert found.second == found.first
    assert found.examples


NOT_RECORDED = {
    "it draws after it has asked": """
        @given(data=st.data())
        def test_it(student, data):
            student.f(1)
            student.f(data.draw(st.integers()))
        """,
    "a function without a name": """
        @given(a=st.sampled_from([lambda: 1, lambda: 2]))
        def test_it(student, a):
            student.f(a())
        """,
    "it draws nothing": """
        def test_it(student):
            student.f(1)
        """,
    "it fails": """
        @given(a=st.integers())
        def test_it(student, a):
            assert student.f(a)
        """,
    "it asks, and then finds the example unfit": """
        @given(a=st.integers(0, 100))
        def test_it(student, a):
            student.f(a)
            hypothesis.assume(a % 3)
        """,
}


@pytest.mark.parametrize("text", NOT_RECORDED.values(), ids=list(NOT_RECORDED))
def test_what_cannot_be_replayed_is_drawn_again(recorded, text):
    found = recorded(text)
    assert found.examples is None
    assert found.second
    assert [result.verdict for result in found.after.results] == [result.verdict for result in found.before.results]


def test_what_is_past_the_limit_is_drawn_again(recorded, monkeypatch):
    monkeypatch.setattr(recording, "LIMIT_BYTES", 1000)
    found = recorded(DRAWS)
    assert found.examples is None
    assert [values[:2] for values in found.second] == [values[:2] for values in found.first]


def test_unfit_examples_are_left_out(recorded):
    found = recorded("""
        @given(a=st.integers(0, 100))
        def test_it(student, a):
            hypothesis.assume(a % 3)
            student.f(a)
        """)
    assert found.second == found.first
    assert found.examples


def test_an_example_that_fails_is_made_small_as_without_a_recording(run, recorded):
    def answer(a: int, *others: Any) -> None:
        assert a < 1000, f"{a} is large"

    found = recorded(DRAWS, answer_again=answer)
    (result,) = found.after.results
    (alone,) = run(DRAWS, Asked(answer)).results
    assert (result.verdict, result.failure, result.example) == (alone.verdict, alone.failure, alone.example)
    assert "a = 1000\n" in result.example


def test_a_failure_that_hypothesis_does_not_find_again_stands(recorded):
    calls: list[int] = []

    def answer(a: int, *others: Any) -> None:
        calls.append(a)
        assert len(calls) != 3, "the third call"

    found = recorded(DRAWS, answer_again=answer)
    (result,) = found.after.results
    assert len(calls) > 20
    assert result.verdict == "failed"
    assert f"a = {found.first[2][0]}" in result.example


def test_a_body_that_draws_more_than_it_did_is_drawn_again(run):
    text = """
        @given(data=st.data())
        def test_it(student, data):
            numbers = [data.draw(st.integers()) for _ in range(student.count)]
            student.f(*numbers)
        """
    kept, first, second = Recording(), Asked(), Asked()
    first.count, second.count = 2, 3  # type: ignore[attr-defined]
    run(text, first, recording=kept, is_recording=True)
    (result,) = run(text, second, recording=kept).results
    assert kept.examples(TEST, SECRET)
    assert {len(values) for values in second.values} == {3}
    assert result.verdict == "passed"


def test_each_parameter_has_examples_of_its_own(run):
    text = """
        @pytest.mark.parametrize("most", [10, 10**6])
        @given(data=st.data())
        def test_it(student, most, data):
            student.f(most, data.draw(st.integers(0, most)))
        """
    kept, first, second = Recording(), Asked(), Asked()
    run(text, first, recording=kept, is_recording=True)
    run(text, second, recording=kept)
    assert second.values == first.values
    assert kept.examples(f"{TEST}[10]", SECRET) != kept.examples(f"{TEST}[1000000]", SECRET)


def test_another_secret_has_other_examples(run):
    kept, other = Recording(), Asked()
    run(DRAWS, Asked(), recording=kept, is_recording=True)
    run(DRAWS, other, recording=kept, secret=b"another")
    assert kept.examples(TEST, b"another") is None
    assert other.values[-1][-1] > 20


def job_of(tiny: Assignment, source: bytes) -> Job:
    return msgspec.structs.replace(of_reference(tiny, SECRET), files={"tiny.py": source})


def test_the_reference_s_process_records_what_the_judges_of_a_job_replay(tiny):
    """Public tests have examples under both secrets; the results are those of a run without a recording."""
    wrong = tiny.reference()["tiny.py"].replace(b"2 *", b"3 *")
    jobs = [job_of(tiny, tiny.reference()["tiny.py"]), job_of(tiny, wrong)]
    found: list[list[Any]] = []

    def judged(collection: Collection) -> None:
        kept = recording_of(collection, jobs[0])
        public = [name for name in collection.recordable([], True) if kept.examples(f"test_public.py::{name}", SECRET)]
        assert public
        assert kept.examples(f"test_public.py::{public[0]}", b"deepgrade public examples")
        for job in jobs:
            for known in (Recording(), kept):
                events: list[dict[str, Any]] = []
                judge(job, events.append, collection, known)
                found.append([event["finished"]["result"] for event in events if event["event"] == "finished"])

    collect([Path(path) for path in jobs[0].tests], judged)
    assert found[1] == found[0]
    assert found[3] == found[2]
    assert {result["verdict"] for result in found[1]} == {"passed"}
    assert "failed" in {result["verdict"] for result in found[3]}
