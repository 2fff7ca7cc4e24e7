"""The numbers in the handout of `ocr` are what its oracle, its tests and its classifier say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from narrowing import not_none
from scipy import ndimage

import autograder.datasets
from autograder.course.course import Course

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = Course(ROOT)["ocr"]
HANDOUT = " ".join((ASSIGNMENT.folder / "README.md").read_text(encoding="utf-8").split())


def numbers_behind(words: str) -> list[float]:
    """Those of the sentence that begins so."""
    sentence = re.split(r"[.:;](?: |$)", HANDOUT[HANDOUT.index(words) + len(words) :])[0]
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", sentence)]


def test_the_page_to_check_by_hand(public):
    h, w, paper, ink = numbers_behind("### A page to check by hand ")[:4]
    assert public.PAGE.shape == (h, w)
    assert set(np.unique(public.PAGE)) == {paper, ink}
    boxes = not_none(re.search(r"boxes = \[\[(15.*?)\], .*? \[(15.*?)\]\]", HANDOUT))
    assert [[int(n) for n in row.split(", ")] for row in boxes.groups()] == public.BOXES.tolist()
    dark = public.PAGE < 0.5
    places = ndimage.find_objects(ndimage.label(dark)[0])
    assert [[y.start, x.start, y.stop, x.stop] for y, x in places] == public.BOXES.tolist()


def test_an_i_that_is_found_too_wide_fits(oracle, public):
    found = public.BOXES[:1] + np.array([-2, -2, 2, 2])
    share = oracle.overlaps(public.BOXES[:1], found)[0, 0]
    assert "(36 * 11) / (40 * 15) = 0.66" in HANDOUT
    assert share == pytest.approx(36 * 11 / (40 * 15))
    assert round(share, 2) == 0.66


def test_the_lines_of_the_example(public):
    given = np.array(eval(not_none(re.search(r"boxes = (\[\[52.*?\]\])", HANDOUT))[1]))  # a list of numbers
    lines = public.handout_lines()
    assert sorted(given.tolist()) == sorted(np.concatenate(lines).tolist())
    assert numbers_behind("are two lines: ") == [10, 44, 10, 40, 70, 50, 80, 12, 40]
    assert [(line[:, 0].min(), line[:, 2].max()) for line in lines] == [(10, 44), (50, 80)]
    assert [line[:, 1].tolist() for line in lines] == [[10, 40, 70], [12, 40]]


def test_the_crop_of_the_l(reference, public):
    assert "24 high and 24 * 20/30 = 16 wide, in rows 4 to 27 and columns 8 to 23" in HANDOUT
    crop = reference.crop_letters(public.PAGE < 0.5, public.BOXES)[1] < 0.5
    rows, columns = np.flatnonzero(crop.any(axis=1)), np.flatnonzero(crop.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (4, 27, 8, 23)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 3.0])
def test_what_a_gaussian_filter_leaves_of_noise(sigma):
    assert "about s / (3.5 sigma) of it" in HANDOUT
    point = np.zeros((81, 81))
    point[40, 40] = 1
    left = np.sqrt((ndimage.gaussian_filter(point, sigma) ** 2).sum())
    assert left == pytest.approx(1 / (3.5 * sigma), rel=0.03)


def test_the_size_of_the_classifier():
    with np.load(Path(autograder.datasets.__file__).with_name("reader36.npz")) as stored:
        weights = [stored[name] for name in stored.files]
    assert "(3 convolutions, 70,000 weights)" in HANDOUT
    assert sum(array.size for array in weights) == pytest.approx(70_000, rel=0.05)
    assert sum(array.ndim == 4 for array in weights) == 3


def test_ink_in_the_light_and_paper_in_the_shade():
    assert "(0.9 * 0.5 = 0.45) is brighter than paper in the shade (0.4)" in HANDOUT
    assert 0.9 * 0.5 == 0.45


def test_the_error_rate_of_kitten(oracle):
    assert "SITTING for KITTEN is 3 edits, a rate of 3/6" in HANDOUT
    assert (oracle.oracle_distance("SITTING", "KITTEN"), len("KITTEN")) == (3, 6)


def test_the_bars_of_the_four_pages(oracle):
    assert numbers_behind("the report shows the boxes and the text. ") == [95, oracle.READ_WELL]
