"""What the hidden tests of `ocr` take for granted: their distance, their means, their pages, what they let pass."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading import load

from autograder import datasets
from autograder.testing import Mismatch

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOLUTION = REPOSITORY / "solutions" / "ocr"


hidden = load(SOLUTION / "test_hidden.py")


@cache
def distance(a: str, b: str) -> int:
    """Levenshtein's distance by its definition."""
    if not a or not b:
        return len(a) + len(b)
    return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))


@settings(deadline=None, database=None)
@given(a=st.text(alphabet="AB1\n", max_size=9), b=st.text(alphabet="AB1\n", max_size=9))
def test_the_oracles_distance_is_the_least_number_of_edits(a, b):
    assert hidden.oracle_distance(a, b) == distance(a, b)


def test_means_between_whole_edges_are_means():
    picture = np.random.default_rng(0).random((12, 9))
    found = hidden.means_between(picture, np.array([2.0, 5.0, 12.0]), np.array([0.0, 4.0]))
    assert found == pytest.approx(np.array([[picture[2:5, :4].mean()], [picture[5:, :4].mean()]]))


def test_means_between_edges_inside_of_pixels_take_their_part():
    picture = np.array([[0.0, 1.0], [0.0, 1.0]])
    assert hidden.means_between(picture, np.array([0.5, 1.5]), np.array([0.5, 1.25])) == pytest.approx(1 / 3)


def test_a_box_overlaps_itself_wholly_and_one_far_away_not_at_all():
    boxes = np.array([[10, 10, 40, 14], [100, 100, 130, 110]])
    assert hidden.overlaps(boxes, boxes).tolist() == [[1, 0], [0, 1]]
    shifted = hidden.overlaps(boxes[:1], boxes[:1] + np.array([-2, -2, 2, 2]))
    assert shifted == pytest.approx(36 * 10 / (40 * 14))


@pytest.mark.parametrize("seed", range(12))
def test_a_pages_own_classifier_knows_its_letters(seed):
    """On crops of the true boxes, stretched to any of the sizes that the contract allows."""
    page = hidden.page_of(seed, hidden.plain, letters=(3, 6), fonts=hidden.SANS, alphabet=hidden.DISTINCT)
    crops = np.ones((len(page.boxes), 32, 32))
    for crop, (y0, x0, y1, x1) in zip(crops, page.boxes, strict=True):
        scale = np.random.default_rng(seed).uniform(20, 26) / max(y1 - y0, x1 - x0)
        h, w = (max(1, round(side * scale)) for side in (y1 - y0, x1 - x0))
        ys, xs = np.linspace(y0, y1, h + 1), np.linspace(x0, x1, w + 1)
        crop[3 : 3 + h, 3 : 3 + w] = 1 - hidden.means_between((page.ink >= 0.5).astype(float), ys, xs)
    assert hidden.own_classifier(page)(crops) == "".join(page.lines)


def test_four_pages_are_other_ones_under_another_seed():
    one, same, other = ([*hidden.four_pages(seed)] for seed in (1, 1, 2))
    assert [page.text for page in one] == [page.text for page in same] != [page.text for page in other]
    assert [page.count for page in one] == [len(page.boxes) for page in one]


def test_four_pages_hold_as_much_as_the_stand_ins_of_the_photographs():
    """Within a quarter, page by page: letters, and pixels."""
    for page, stand_in in zip(hidden.four_pages(3), datasets.pages(), strict=True):
        if stand_in.source == "photographs":
            pytest.skip("DEEPGRADE_DATA names a folder with the photographs")
        assert page.name == stand_in.name
        assert page.count == pytest.approx(stand_in.count, rel=0.25)
        assert page.image.size == pytest.approx(stand_in.image.size, rel=0.4)


@pytest.mark.parametrize("seed", range(5))
def test_rings_have_shares_of_ink_that_are_far_apart(seed):
    _, shares = hidden.rings(np.random.default_rng(seed))
    assert np.diff(np.sort(shares)).min() > 0.15


def test_a_wrong_dtype_is_no_matter_for_laws_about_values():
    image = np.zeros((20, 30))
    boxes, binary = np.array([[1, 2, 3, 4]]), np.eye(20, 30) > 0
    assert np.array_equal(hidden.boxes_of(boxes.astype(float), image), boxes)
    assert np.array_equal(hidden.boxes_of(boxes[0], image), boxes)
    assert hidden.boxes_of(np.array([]), image).shape == (0, 4)
    assert np.array_equal(hidden.mask_of(binary.astype(float), image), binary)


@pytest.mark.parametrize(
    "boxes", [np.array([[0.0, 0, np.nan, 1]]), np.zeros((1, 4), np.float16), [[0, 0, 1, 1]], np.array([[0, 0, 99, 1]])]
)
def test_boxes_that_no_page_has_are_refused(boxes):
    with pytest.raises(Mismatch):
        hidden.boxes_of(boxes, np.zeros((20, 30)))


def test_a_line_is_an_array_or_a_list_of_boxes():
    line = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    for same in (line, list(line), line.tolist(), line.astype(float)):
        assert np.array_equal(hidden.rows_of(same), line)
        assert hidden.rows_of(same).dtype.kind == "i"
    assert hidden.rows_of("no line") == "no line"
