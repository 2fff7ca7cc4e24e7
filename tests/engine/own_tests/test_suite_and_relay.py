"""A suite in this process, before the relay: what crosses, what does not, and which tests run."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from autograder.course.own_tests import OwnTests
from autograder.own_tests import suite
from autograder.own_tests.relay import Relay
from autograder.student.local import Local

DECLARED = OwnTests(title="Own", points=10, functions=["double", "mean", "sums", "spend", "fall"], keeps=["sums"])
ANSWER = """
    import numpy as np

    secret = 7


    def double(x):
        return 2 * x


    def mean(x):
        if len(x) == 0:
            raise ValueError("the reference says so")
        return x.mean()


    def sums(x):
        return x.sum(), ["cache", x]


    def spend(x, cache=None):
        x[0] = 9
        return cache[1].sum() if cache else None


    def fall(x):
        return lambda: x
    """

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def relay(tmp_path: Path) -> Relay:
    (tmp_path / "answer.py").write_text(textwrap.dedent(ANSWER))
    return Relay(Local(tmp_path, "answer"), DECLARED)


@pytest.fixture
def run(tmp_path: Path, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run the tests of a text against the functions above."""
    monkeypatch.syspath_prepend(str(tmp_path))
    profile = hypothesis.settings.get_current_profile_name()

    def run(text: str) -> dict[str, Any]:
        sys.modules.pop("test_own", None)
        (tmp_path / "test_own.py").write_text("import numpy as np\nimport pytest\n" + textwrap.dedent(text))
        return suite.run(relay.ask)

    yield run
    sys.modules.pop("test_own", None)
    hypothesis.settings.load_profile(profile)


def test_the_first_test_that_fails_is_named(run: Run) -> None:
    said = run("""
        from autograder.testing import assert_close

        def test_right(student):
            assert_close(student.double(np.ones(2)), 2 * np.ones(2))

        def test_wrong(student):
            assert_close(student.double(np.ones(2)), np.ones(2))

        def test_later(student):
            raise ValueError
        """)
    assert (said["refused_by"], said["kind"]) == ("test_wrong", "wrong_value")


def test_every_case_of_a_parametrised_test_runs(run: Run) -> None:
    said = run("""
        @pytest.mark.parametrize("n", [1, 2])
        @pytest.mark.parametrize("a, b", [(1, 1), pytest.param(2, 3)])
        def test_cases(student, n, a, b):
            assert (n, a, b) != (2, 2, 3)
        """)
    assert said["refused_by"] == "test_cases"
    assert run("""
        @pytest.mark.parametrize("n", [1, 2])
        def test_cases(student, n):
            assert student.double(np.full(n, 1.0)).shape == (n,)
        """)["refused_by"] == ""  # fmt: skip


def test_drawn_values_are_the_same_in_every_run(run: Run) -> None:
    text = """
        from hypothesis import given, strategies as st

        drawn = []

        @given(x=st.integers(0, 10**6))
        def test_draws(student, x):
            drawn.append(x)

        def test_tells(student):
            raise ValueError(repr(drawn))
        """
    assert run(text) == run(text)


def test_what_cannot_run_is_left_out_with_a_reason(run: Run) -> None:
    said = run("""
        def test_nothing():
            assert False

        def test_of_a_fixture(student, tmp_path):
            assert False
        """)
    assert said["refused_by"] == ""
    found = suite.look()
    assert found["tests"] == []
    assert [text.partition(" is left out")[0] for text in found["problems"]] == ["test_nothing", "test_of_a_fixture"]


def test_an_error_has_its_kind_and_not_its_text(run: Run) -> None:
    said = run("""
        def test_raises(student):
            with pytest.raises(ValueError) as caught:
                student.mean(np.ones(0))
            raise KeyError(str(caught.value))
        """)
    assert said["kind"] == "KeyError"
    assert "reference" not in said["text"]


def test_a_cache_can_be_handed_back_and_not_looked_into(run: Run) -> None:
    said = run("""
        def test_cache(student):
            total, cache = student.sums(np.arange(4.0))
            assert float(total) == 6
            assert repr(cache) == "<an object of the function under test>"
            assert float(student.spend(np.ones(1), cache=cache)) == 6
            assert float(student.spend(np.ones(1), cache)) == 6
        """)
    assert said == {"refused_by": "", "kind": "", "text": ""}


def test_changed_arguments_are_seen_by_assert_unchanged_alone(run: Run) -> None:
    said = run("""
        from autograder.testing import assert_unchanged, snapshot

        def test_changed(student):
            x = np.zeros(3)
            before = snapshot(x)
            student.spend(x)
            assert (x == 0).all()
            assert_unchanged(x, before)
        """)
    assert said["kind"] == "changed_input"


@pytest.mark.parametrize("name", ["secret", "np", "__dict__", "reference", None, 3, ["double"]])
def test_other_names_than_the_declared_ones_are_not_there(relay: Relay, name: Any) -> None:
    assert relay.ask(name, [], {})[:2] == ("raised", "AttributeError")


@pytest.mark.parametrize("argument", [object(), ("value", object()), ("kept", 0), ("kept", -1), ("value", [len])])
def test_what_is_no_data_does_not_cross(relay: Relay, argument: Any) -> None:
    assert relay.ask("double", [argument], {})[:2] == ("raised", "TypeError")


def test_an_object_that_comes_back_stays_with_the_judge(relay: Relay) -> None:
    assert relay.ask("fall", [("value", np.ones(1))], {})[:2] == ("kept", 0)


def test_mutable_is_refused(run: Run) -> None:
    said = run("""
        from autograder.testing import mutable

        def test_mutable(student):
            student.spend(mutable(np.ones(1)))
        """)
    assert (said["kind"], said["refused_by"]) == ("TypeError", "test_mutable")
