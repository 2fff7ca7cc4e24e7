"""Public tests of `ocr`: the handout's examples, and pages in one plain font. `deepgrade check` runs them.

The hidden tests draw pages in other fonts and sizes, with everything on them that the top of `ocr.py` allows.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import datasets
from autograder.testing import assert_close, assert_equal, check, needs, points, sizes

# The handout's page of two letters, an I and an L: 60 rows, 80 columns, ink 0.2 on paper 0.9.
PAGE = np.full((60, 80), 0.9)
PAGE[15:45, 10:15] = 0.2  # I
PAGE[15:45, 35:40] = PAGE[40:45, 35:55] = 0.2  # L
BOXES = np.array([[15, 10, 45, 15], [15, 35, 45, 55]])


def overlap(box, other):
    """Intersection over union of two boxes, each grown by 3 pixels."""
    (a, b, c, d), (e, f, g, h) = box + np.array([-3, -3, 3, 3]), other + np.array([-3, -3, 3, 3])
    both = max(0, min(c, g) - max(a, e)) * max(0, min(d, h) - max(b, f))
    return both / ((c - a) * (d - b) + (g - e) * (h - f) - both)


def assert_found(boxes, expected):
    check(type(boxes) is np.ndarray and boxes.ndim == 2, "boxes are no (n, 4) array", "wrong_type")
    check(boxes.shape[1] == 4, f"boxes have the shape {boxes.shape}, expected (n, 4)", "wrong_shape")
    check(len(boxes) == len(expected), f"there are {len(boxes)} boxes, expected {len(expected)}")
    for true in expected:
        best = max(overlap(true, box) for box in boxes)
        check(best >= 0.5, f"the letter in {true.tolist()} has no box that fits it; the best overlaps to {best:.2f}")


# ------------------------------------------------------------------------------------------------------------- finding


@points(3, problem="finding")
def test_the_two_letters_of_the_handout_are_found(student):
    """On the handout's page, find_letters gives the boxes 15, 10, 45, 15 and 15, 35, 45, 55, and their ink is True."""
    boxes, binary = student.find_letters(PAGE.copy())
    assert_found(boxes, BOXES)
    check(binary.shape == PAGE.shape, f"binary has the shape {binary.shape}, expected {PAGE.shape}", "wrong_shape")
    ink = PAGE < 0.5
    check(binary[ink].mean() >= 0.9, f"of the ink, {100 * binary[ink].mean():.0f} % is True, expected 90 % or more")
    check(binary[:10].mean() <= 0.01, "above the letters, where there is no ink, binary is True")


@points(3, problem="finding")
@settings(max_examples=5)
@given(seed=st.integers(0, 999), height=sizes(24, 40))
def test_the_letters_of_a_drawn_page_are_found(student, seed, height):
    """On a page that says HELLO and WORLD, each letter has its box, and nothing else has one."""
    page = datasets.draw_page(["HELLO", "WORLD"], seed=seed, height=height, thicken=2.0, noise=0.01)
    assert_found(student.find_letters(page.image.copy())[0], page.boxes)


@points(1, problem="finding")
def test_boxes_are_whole_numbers_and_binary_is_bool(student):
    """boxes is an array of integers, binary one of bools, and a blank page has boxes of the shape (0, 4)."""
    boxes, binary = student.find_letters(PAGE.copy())
    check(boxes.dtype.kind in "iu", f"boxes have the dtype {boxes.dtype}, expected integers", "wrong_dtype")
    check(binary.dtype == bool, f"binary has the dtype {binary.dtype}, expected bool", "wrong_dtype")
    boxes, _ = student.find_letters(np.full((60, 80), 0.9))
    check(boxes.shape == (0, 4), f"the boxes of a blank page have the shape {boxes.shape}", "wrong_shape")


# --------------------------------------------------------------------------------------------------------------- lines


@points(3, problem="lines")
def test_the_lines_of_the_handout(student):
    """The handout's five boxes are two lines, of three and of two letters."""
    boxes = np.array([[52, 40, 80, 60], [12, 70, 40, 90], [10, 10, 40, 30], [50, 12, 80, 30], [14, 40, 44, 60]])
    lines = student.group_lines(boxes)
    assert_equal(list(lines), [boxes[[2, 4, 1]], boxes[[3, 0]]], what="the list of lines")


# --------------------------------------------------------------------------------------------------------------- crops


@points(3, problem="crops")
def test_the_crop_of_the_handout(student):
    """The handout's L is 30 high and 20 wide: its crop is 20 to 26 pixels high, 2/3 as wide, and in the middle."""
    crops = student.crop_letters(PAGE < 0.5, BOXES)
    check(np.shape(crops) == (2, 32, 32), f"the crops have the shape {np.shape(crops)}", "wrong_shape")
    ink = crops[1] < 0.5
    check(ink.any(), "the crop has no ink, that is, no entries below 0.5")
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    check(19 <= high <= 28 and abs(wide - high * 2 / 3) <= 2.1, f"the L is {high} high and {wide} wide in its crop")
    middle = (rows[0] + rows[-1] + 1) / 2, (columns[0] + columns[-1] + 1) / 2
    check(max(abs(middle[0] - 16), abs(middle[1] - 16)) <= 1.1, f"the middle of the L is {middle}, expected 16, 16")
    foot = crops[1][rows[-1] - 1, columns[-1] - 2], crops[1][rows[0] + 1, columns[-1] - 2]
    check(foot[0] < 0.5 < foot[1], "the L does not stand upright on its foot, dark on white")


@points(1, problem="crops")
@given(n=sizes(0, 4))
def test_a_crop_for_each_box(student, n):
    """n boxes give an (n, 32, 32) float64 array with entries 0 to 1."""
    crops = student.crop_letters(PAGE < 0.5, np.repeat(BOXES[:1], n, axis=0))
    check(np.shape(crops) == (n, 32, 32), f"the crops have the shape {np.shape(crops)}", "wrong_shape")
    check(crops.dtype == np.float64, f"the crops have the dtype {crops.dtype}, expected float64", "wrong_dtype")
    check(((crops >= -1e-6) & (crops <= 1 + 1e-6)).all(), "a crop has entries outside 0 .. 1")


# ------------------------------------------------------------------------------------------------------------- reading


@points(3, problem="reading")
@needs("test_the_letters_of_a_drawn_page_are_found", "test_the_lines_of_the_handout", "test_the_crop_of_the_handout")
@settings(max_examples=3)
@given(seed=st.integers(0, 99))
def test_a_drawn_page_is_read(student, seed):
    """A page that says READ, THIS and PAGE is read with the given classifier, with at most one mistake."""
    page = datasets.draw_page(["READ", "THIS", "PAGE"], seed=seed, height=36, thicken=2.5)
    text = student.read_text(page.image.copy(), datasets.character_reader())
    check(type(text) is str, "read_text returns no string", "wrong_type")
    right = sum(a == b for a, b in zip(text, page.text, strict=False)) if len(text) == len(page.text) else 0
    check(right >= len(page.text) - 1, f"read {text!r}, expected {page.text!r}")


@points(1, problem="reading")
def test_a_blank_page_says_nothing(student):
    """read_text of a page without letters is the empty string."""
    assert_equal(student.read_text(np.full((60, 80), 0.9), lambda crops: "?" * len(crops)), "")


# ---------------------------------------------------------------------------------------------------------------- rate


@points(1, problem="rate")
def test_the_error_rate_of_the_handout(student):
    """SITTING for KITTEN is two replacements and one insertion: a rate of 3/6."""
    assert_close(student.character_error_rate("SITTING", "KITTEN"), 3 / 6)


@points(1, problem="rate")
@given(text=st.text(alphabet="ABC\n", min_size=1, max_size=10))
def test_what_is_read_rightly_has_no_errors(student, text):
    """The error rate of a text that is its truth is 0."""
    assert_close(student.character_error_rate(text, text), 0.0)
