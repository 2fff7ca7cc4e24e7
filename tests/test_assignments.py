"""Every assignment of the course is sound: adding one is adding two folders, and this file then proves it.

Each wrong answer meets the test that it names; `deepgrade verify` lets it meet all of them, and prints the matrix.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.verify import verify

COURSE = Course(Path(__file__).resolve().parent.parent)
NAMES = [assignment.name for assignment in COURSE]


@pytest.fixture(scope="module", params=NAMES)
def soundness(request):
    return verify(COURSE[request.param], matrix=False)


def test_an_assignment_is_sound(soundness):
    assert soundness.problems == []


def test_every_wrong_answer_dies_by_the_test_it_names(soundness):
    assert soundness.kills
    assert [kill.mutant for kill in soundness.kills if kill.named not in kill.killed_by] == []


def test_at_least_three_other_right_answers_get_full_marks(soundness):
    assert len(soundness.variants) >= 3
