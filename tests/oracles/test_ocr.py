"""What the hidden tests of `ocr` take for granted: their distance, their means, their boxes of the photographs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading import load

from autograder import datasets

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


def test_the_boxes_of_the_photographs_are_as_many_as_their_letters():
    known = json.loads((SOLUTION / "photographs.json").read_text(encoding="utf-8"))
    assert {name: len(boxes) for name, boxes in known.items()} == {
        "01_list": 115, "02_letters": 36, "03_haiku": 54, "04_deep": 41,
    }  # fmt: skip
    for boxes in known.values():
        y0, x0, y1, x1 = np.array(boxes).T
        assert ((y1 - y0 >= 16) & (x1 > x0) & (np.minimum(y0, x0) >= 0)).all()


def test_the_boxes_of_the_photographs_lie_on_them():
    pages = datasets.pages()
    if pages[0].source != "photographs":
        pytest.skip("DEEPGRADE_DATA names no folder with the photographs")
    known = json.loads((SOLUTION / "photographs.json").read_text(encoding="utf-8"))
    for page in pages:
        assert len(known[page.name]) == page.count
        paper = np.median(page.image)
        for y0, x0, y1, x1 in known[page.name]:
            assert page.image[y0:y1, x0:x1].min() < 0.8 * paper
