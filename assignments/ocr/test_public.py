"""Public tests of `ocr`: the handout's examples, and pages in one plain font. `deepgrade check` runs them.

The hidden tests draw pages in other fonts and sizes, with everything on them that the top of `ocr.py` allows.
"""

import string

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder import datasets
from autograder.testing import (
    assert_close,
    assert_equal,
    check,
    describe,
    items_of,
    needs,
    points,
    sizes,
)

# The handout's page of two letters, an I and an L: 60 rows, 80 columns, ink 0.2 on paper 0.9.
PAGE = np.full((60, 80), 0.9)
PAGE[15:45, 10:15] = 0.2  # I
PAGE[15:45, 35:40] = PAGE[40:45, 35:55] = 0.2  # L
BOXES = np.array([[15, 10, 45, 15], [15, 35, 45, 55]])

SEEDS = st.integers(0, 2**32 - 1)
WORDS = st.text(string.ascii_uppercase, min_size=3, max_size=5)
NAMES = st.sampled_from(string.ascii_uppercase)


def overlap(box, other):
    """Intersection over union of two boxes, each grown by 3 pixels."""
    (a, b, c, d), (e, f, g, h) = box + np.array([-3, -3, 3, 3]), other + np.array([-3, -3, 3, 3])
    both = max(0, min(c, g) - max(a, e)) * max(0, min(d, h) - max(b, f))
    return both / ((c - a) * (d - b) + (g - e) * (h - f) - both)


def found_by(student, image):
    """(boxes, binary) as they came back."""
    return items_of(student.find_letters(image.copy()), "boxes", "binary", what="the answer of find_letters")


def assert_found(boxes, expected):
    check(isinstance(boxes, np.ndarray) and boxes.ndim == 2, f"boxes is {describe(boxes)}, expected an (n, 4) array",
          "wrong_type")  # fmt: skip
    check(boxes.shape[1] == 4, f"boxes have the shape {boxes.shape}, expected (n, 4)", "wrong_shape")
    check(boxes.dtype.kind in "iuf", f"boxes have the dtype {boxes.dtype}, expected integers", "wrong_dtype")
    check(len(boxes) == len(expected), f"there are {len(boxes)} boxes, expected {len(expected)}")
    for true in expected:
        best = max(overlap(true, box) for box in boxes.astype(float))
        check(best >= 0.5, f"the letter in {true.tolist()} has no box that fits it; the best overlaps to {best:.2f}")


# ------------------------------------------------------------------------------------------------------------- finding


@points(3, problem="finding")
@settings(max_examples=10)
@given(
    high=sizes(24, 40), wide=sizes(14, 30), stroke=sizes(4, 7), y=sizes(5, 25), x=sizes(5, 30), ink=st.floats(0, 0.4)
)
@example(high=30, wide=20, stroke=5, y=15, x=10, ink=0.2)
def test_the_two_letters_of_the_handout_are_found(student, high, wide, stroke, y, x, ink):
    """An I and an L have a box each: on the handout's page, and elsewhere, in other sizes and with other ink."""
    page, right = np.full((y + high + 15, x + 25 + wide + 25), 0.9), x + 25
    page[y : y + high, x : x + stroke] = page[y : y + high, right : right + stroke] = ink
    page[y + high - stroke : y + high, right : right + wide] = ink
    boxes, _ = found_by(student, page)
    assert_found(boxes, np.array([[y, x, y + high, x + stroke], [y, right, y + high, right + wide]]))


@points(3, problem="finding")
@settings(max_examples=5)
@given(lines=st.lists(WORDS, min_size=2, max_size=2), seed=SEEDS, height=sizes(24, 40))
@example(lines=["HELLO", "WORLD"], seed=1, height=32)
def test_the_letters_of_a_drawn_page_are_found(student, lines, seed, height):
    """On a page of two words, such as HELLO and WORLD, each letter has its box, and nothing else has one."""
    page = datasets.draw_page(lines, seed=seed, height=height, thicken=2.0, noise=0.01)
    assert_found(found_by(student, page.image)[0], page.boxes)


@points(1, problem="finding")
@settings(max_examples=3)
@given(word=WORDS, seed=SEEDS)
def test_boxes_are_whole_numbers_and_binary_is_bool(student, word, seed):
    """boxes are (n, 4) integers, (0, 4) on a blank page; binary is bool, as large as the page, and True on ink."""
    for page in (datasets.draw_page([word], seed=seed, height=32, thicken=2.0), datasets.draw_page([], seed=seed)):
        boxes, binary = found_by(student, page.image)
        for name, array in (("boxes", boxes), ("binary", binary)):
            check(type(array) is np.ndarray, f"{name} is {describe(array)}, expected an array", "wrong_type")
        check(boxes.shape == (page.count, 4), f"boxes have the shape {boxes.shape}, expected {(page.count, 4)}",
              "wrong_shape")  # fmt: skip
        check(boxes.dtype.kind in "iu", f"boxes have the dtype {boxes.dtype}, expected integers", "wrong_dtype")
        check((boxes[:, :2] < boxes[:, 2:]).all(), "a box ends where it begins, or before")
        h, w = page.image.shape
        check(binary.shape == (h, w), f"binary has the shape {binary.shape}, expected {(h, w)}", "wrong_shape")
        check(binary.dtype == bool, f"binary has the dtype {binary.dtype}, expected bool", "wrong_dtype")
        check(page.count == 0 or binary[page.ink >= 0.999].mean() >= 0.9, "binary is False on ink")
        check(page.count == 0 or binary[page.ink >= 0.999].mean() >= 0.9, "binary is False on ink")


# --------------------------------------------------------------------------------------------------------------- lines


@st.composite
def two_lines(draw):
    """[(k, 4) boxes of a line]: two lines of letters of about 30 rows, that are nearly level."""
    rng = np.random.default_rng(draw(SEEDS))
    lines = []
    for top in (12, 52):
        count = rng.integers(2, 6)
        tops, lefts = top + rng.integers(-2, 3, count), 10 + 30 * np.arange(count) + rng.integers(0, 5, count)
        sides = rng.integers([26, 12], [31, 21], (count, 2))
        lines.append(np.stack([tops, lefts, tops + sides[:, 0], lefts + sides[:, 1]], axis=1))
    return lines


def handout_lines():
    return [np.array([[10, 10, 40, 30], [14, 40, 44, 60], [12, 70, 40, 90]]),
            np.array([[50, 12, 80, 30], [52, 40, 80, 60]])]  # fmt: skip


@points(3, problem="lines")
@settings(max_examples=15)
@given(lines=two_lines(), seed=SEEDS)
@example(lines=handout_lines(), seed=1)
def test_the_lines_of_the_handout(student, lines, seed):
    """Boxes of two lines, the handout's five among them, come back as two lines in reading order."""
    boxes = np.concatenate(lines)
    answer = student.group_lines(boxes[np.random.default_rng(seed).permutation(len(boxes))])
    assert_equal(answer, lines, what="the list of lines")


# --------------------------------------------------------------------------------------------------------------- crops


def assert_numbers(crops, expected):
    """As many crops as expected, of numbers, whatever their dtype."""
    check(isinstance(crops, np.ndarray), f"the crops are {describe(crops)}, expected an array", "wrong_type")
    check(crops.shape == expected, f"the crops have the shape {crops.shape}, expected {expected}", "wrong_shape")
    is_real = crops.dtype.kind in "biu" or crops.dtype in (np.float32, np.float64)
    check(is_real, f"the crops have the dtype {crops.dtype}, expected float64", "wrong_dtype")


@points(3, problem="crops")
@settings(max_examples=15)
@given(high=sizes(20, 60), wide=sizes(20, 60), thickness=sizes(5, 8))
@example(high=30, wide=20, thickness=5)
def test_the_crop_of_the_handout(student, high, wide, thickness):
    """An L has a crop of its own proportions, in the middle: the handout's is 20 to 26 pixels high, and 2/3 as wide."""
    binary = np.zeros((high + 20, wide + 30), bool)
    binary[9 : 9 + high, 12 : 12 + thickness] = binary[9 + high - thickness : 9 + high, 12 : 12 + wide] = True
    crops = student.crop_letters(binary, np.array([[9, 12, 9 + high, 12 + wide]]))
    assert_numbers(crops, (1, 32, 32))
    ink = crops[0] < 0.5
    check(ink.any(), "the crop has no ink, that is, no entries below 0.5")
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    tall, broad = np.ptp(rows) + 1, np.ptp(columns) + 1
    longer, shorter = (tall, broad) if high >= wide else (broad, tall)
    fits = 19 <= longer <= 28 and abs(shorter - longer * min(high, wide) / max(high, wide)) <= 2.1
    check(fits, f"the L, {high} high and {wide} wide, is {tall} high and {broad} wide in its crop")
    middle = (rows[0] + rows[-1] + 1) / 2, (columns[0] + columns[-1] + 1) / 2
    check(max(abs(middle[0] - 16), abs(middle[1] - 16)) <= 1.1, f"the middle of the L is {middle}, expected 16, 16")
    foot = crops[0][rows[-1] - 1, columns[-1] - 2], crops[0][rows[0] + 1, columns[-1] - 2]
    check(foot[0] < 0.5 < foot[1], "the L does not stand upright on its foot, dark on white")


@points(1, problem="crops")
@settings(max_examples=15)
@given(sides=st.lists(st.tuples(sizes(12, 40), sizes(12, 40)), min_size=2, max_size=4))
def test_a_crop_for_each_box(student, sides):
    """n boxes give an (n, 32, 32) float64 array with entries 0 to 1, 0 where a letter is solid ink, 1 around it."""
    binary, boxes, x = np.zeros((50, 200), bool), [], 3
    for high, wide in sides:
        binary[5 : 5 + high, x : x + wide] = True
        boxes.append((5, x, 5 + high, x + wide))
        x += wide + 5
    crops = student.crop_letters(binary, np.array(boxes))
    check(type(crops) is np.ndarray, f"the crops are {describe(crops)}, expected an array", "wrong_type")
    shape = len(boxes), 32, 32
    check(crops.shape == shape, f"the crops have the shape {crops.shape}, expected {shape}", "wrong_shape")
    check(crops.dtype == np.float64, f"the crops have the dtype {crops.dtype}, expected float64", "wrong_dtype")
    check(((crops >= -1e-6) & (crops <= 1 + 1e-6)).all(), "a crop has entries outside 0 .. 1")
    check((crops[:, 16, 16] <= 0.3).all(), "the middle of a solid letter is no ink")
    check((crops[:, [0, 0, -1, -1], [0, -1, 0, -1]] >= 0.99).all(), "a corner of a crop is no paper")


# ------------------------------------------------------------------------------------------------------------- reading


@points(3, problem="reading")
@needs("test_the_letters_of_a_drawn_page_are_found", "test_the_lines_of_the_handout", "test_the_crop_of_the_handout")
@settings(max_examples=3)
@given(lines=st.lists(WORDS, min_size=2, max_size=3), seed=SEEDS)
@example(lines=["READ", "THIS", "PAGE"], seed=1)
def test_a_drawn_page_is_read(student, lines, seed):
    """A page of two or three words is read with the given classifier, with at most one mistake."""
    page = datasets.draw_page(lines, seed=seed, height=36, thicken=2.5)
    text = student.read_text(page.image.copy(), datasets.character_reader())
    check(isinstance(text, str), f"read_text returns {describe(text)}, expected a string", "wrong_type")
    right = sum(a == b for a, b in zip(text, page.text, strict=True)) if len(text) == len(page.text) else 0
    check(right >= len(page.text) - 1, f"read {text!r}, expected {page.text!r}")


@points(1, problem="reading")
@settings(max_examples=5)
@given(h=sizes(50, 90), w=sizes(50, 90), paper=st.floats(0.5, 1), name=NAMES)
def test_a_blank_page_says_nothing(student, h, w, paper, name):
    """read_text of a page without letters is the empty string; of the handout's page it is what classify says."""
    assert_equal(student.read_text(np.full((h, w), paper), lambda crops: name * len(crops)), "", what="the text")
    text = student.read_text(PAGE.copy(), lambda crops: name * len(crops))
    check(isinstance(text, str), f"read_text returns {describe(text)}, expected a string", "wrong_type")
    check(set(text) - {"\n"} == {name}, f"read {text!r}, where classify always said {name!r}")


# ---------------------------------------------------------------------------------------------------------------- rate


@points(1, problem="rate")
def test_the_error_rate_of_the_handout(student):
    """SITTING for KITTEN is two replacements and one insertion: a rate of 3/6."""
    assert_close(student.character_error_rate("SITTING", "KITTEN"), 3 / 6)


@points(1, problem="rate")
@given(text=st.text(alphabet="ABC\n", min_size=1, max_size=10), wrong=NAMES)
def test_what_is_read_rightly_has_no_errors(student, text, wrong):
    """The error rate of a text that is its truth is 0; a character more is one error."""
    assert_close(student.character_error_rate(text, text), 0.0)
    assert_close(student.character_error_rate(text + wrong, text), 1 / len(text))
