"""The tests of one's own of this course: what suites are worth that were counted by hand, and what the kit holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import suites

from autograder.course.course import Assignment, find_course
from autograder.own_tests import at_home
from autograder.own_tests.answers import job

COURSE = find_course(Path(__file__).resolve().parents[2])
NAMES = [assignment.name for assignment in COURSE if assignment.manifest.own_tests is not None]
TOP = """
    import numpy as np
    from autograder.testing import assert_close, assert_raises, items_of
    """
# Each with the wrong answers that it catches: counted by hand from the sentences in mutants.py.
INVENTED = {
    "one example of softmax": (
        "softmax",
        """
    def test_softmax(student):
        assert_close(student.softmax(np.log([[1.0, 2.0, 5.0], [2.0, 2.0, 4.0]])), np.array([[1, 2, 5], [2, 2, 4]]) / 8)
    """,
        {"normalizes_the_columns", "powers_of_two"},
    ),
    "labels out of range": (
        "softmax",
        """
    def test_labels(student):
        for function in (student.cross_entropy, student.cross_entropy_grad):
            with assert_raises(ValueError):
                function(np.zeros((2, 3)), np.array([0, -1]))
    """,
        {"counts_negative_labels_from_the_end", "takes_any_label"},
    ),
    "the loss of equal logits": (
        "softmax",
        """
    def test_equal_logits(student):
        assert_close(student.cross_entropy(np.zeros((2, 4)), np.array([0, 3])), np.log(4))
    """,
        # Of equal logits every label costs the same, and all pairs of rows and labels average to it as well. The loss
        # is made of log_softmax: the three below give 0, ln 8 and 2 for ln 4; of zeros the maximum needs no adding.
        {
            "sum_for_mean",
            "bits_for_nats",
            "forgets_the_minus_sign",
            "the_loss_in_an_array",
            "forgets_the_normalizer",
            "one_normalizer_for_all_rows",
            "binary_logarithms",
        },
    ),
    "sizes without a stride": (
        "conv",
        """
    def test_sizes(student):
        assert student.output_size(5, 3) == 3
        assert student.output_size(5, 3, 1, 1) == 5
        with assert_raises(ValueError):
            student.output_size(2, 3)
    """,
        {"padding_counted_once", "nothing_is_too_large"},
    ),
    "a law that is wrong": (
        "conv",
        """
    def test_sizes(student):
        assert student.output_size(5, 2, 2) == 3
    """,
        None,  # floor(3 / 2) + 1 = 2: it refuses every right answer
    ),
}


@pytest.mark.parametrize("name", INVENTED)
def test_an_invented_suite_is_worth_what_was_counted_by_hand(name: str) -> None:
    assignment, text, caught = INVENTED[name]
    found = suites.scored(COURSE[assignment], TOP + text)
    if caught is None:
        assert (found.points, bool(found.refused)) == (0.0, True)
        return
    assert set(found.killed) == caught
    assert found.refused == {}
    assert found.points == pytest.approx(0.4 * len(caught)), "each of 25 is worth 0.4 points, as the handout says"


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_suite_is_worth_nothing_and_ours_everything(name: str) -> None:
    assignment = COURSE[name]
    assert assignment.solution is not None
    assert suites.scored(assignment, "").points == 0
    found = suites.scored(assignment, (assignment.solution / "test_own.py").read_bytes())
    assert (found.points, found.missed, found.refused, found.void) == (10.0, [], {}, "")


@pytest.mark.parametrize("name", NAMES)
def test_our_suite_catches_the_three_wrong_answers_of_the_kit(name: str, tmp_path: Path) -> None:
    assignment = COURSE[name]
    kit = at_home_folder(assignment, tmp_path)
    yours, *wrong = at_home.findings(kit, assignment.manifest)
    assert yours.good, yours.text
    assert len(wrong) == 3
    assert all(one.refused_by for one in wrong)


def at_home_folder(assignment: Assignment, folder: Path) -> Path:
    """A student's folder with right functions, and with our own suite."""
    assert assignment.solution is not None
    for path in assignment.folder.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    for name, content in assignment.reference().items():
        (folder / name).write_bytes(content)
    (folder / "test_own.py").write_bytes((assignment.solution / "test_own.py").read_bytes())
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_kit_s_wrong_answers_are_none_of_the_server_s(name: str) -> None:
    assignment = COURSE[name]
    server = {answer.name for answer in job(assignment, b"").answers} | {
        answer.sentence for answer in job(assignment, b"").answers
    }
    from autograder.course.mutants import wrong_answers

    kit = wrong_answers(assignment.folder / "wrong_answers.py", assignment.reference(), assignment.manifest.module)
    assert not server & {word for one in kit for word in (one.name, one.sentence)}


@pytest.mark.parametrize("name", NAMES)
def test_the_untouched_file_of_the_kit_holds_no_test(name: str) -> None:
    assert "def test_" not in (COURSE[name].folder / "test_own.py").read_text()
