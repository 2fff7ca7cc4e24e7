"""What reads a stranger's bytes meets some damaged ones, the same ones each time; `make fuzz` tries on for long."""

from __future__ import annotations

import fuzzing
import pytest
from fuzzing import KNOWN, TARGETS


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("wire", marks=pytest.mark.threat(11, 15)),
        pytest.param("reply", marks=pytest.mark.threat(11, 13, 15)),
        pytest.param("zip", marks=pytest.mark.threat(1, 3, 4, 5)),
        pytest.param("manifest"),
        pytest.param("results", marks=pytest.mark.threat(44)),
        pytest.param("written", marks=pytest.mark.threat(7, 46)),
    ],
)
def test_damaged_bytes_give_an_answer_or_the_error_that_is_for_them(name):
    TARGETS[name].test()


def test_every_target_is_tried():
    assert {mark.name for mark in fuzzing.BYTES} == set(TARGETS)


@pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_crashed_once_does_not_crash_again(path):
    TARGETS[path.parent.name].run(path.read_bytes())
