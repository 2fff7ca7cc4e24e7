"""Reading a page: find the letters, put them in lines, cut them out, and let a given classifier name them.

A page is an (h, w) float64 array, 0 (black) to 1 (white). With H for the median height of its letters:

- Its letters are A-Z and 0-9, from 0.6 H to 1.6 H high; 16 <= H <= 160 pixels. They lie wholly on the page, and may
  touch its edges.
- Ink is at most 0.6 times as bright as the paper around it. The paper's own brightness lies anywhere in 0.3 .. 1 and
  changes from pixel to pixel by at most 0.5 % of itself, so ink in the light may be brighter than paper in the shade.
- Every pixel has an error of its own, of a standard deviation up to 0.03.
- Strokes of different letters are at least H/5 apart; their boxes may overlap.
- At most every second letter is broken in pieces, by a cut across its strokes, never along them; then no piece is
  further than H/10 from the rest of its letter.
- Dots (at most H/4 high and wide) and specks (at most 3 pixels) are ink but no letters; they are H/5 or more away
  from letters, and from one another.
- Where all strokes are at least 8 pixels thick, a thread of 1 or 2 pixels may join two neighbours of a line.
- Lines run from left to right, and may rise or fall: the middles of neighbours differ by at most 0.35 H in height.
  Between two lines there are free rows, at least H/4 of them, from one edge of the page to the other.

A box is a row y0, x0, y1, x1: the rows y0 to y1 - 1 and the columns x0 to x1 - 1. No function changes an argument.
"""

import numpy as np  # noqa: F401


def find_letters(image):
    """The letters of a page, each in its box, and which pixels are ink.

    image : (h, w) float64 array, a page as described at the top of this file.
    Returns (boxes, binary).
    boxes : (n, 4) int array, one row for each letter, in any order; 0 <= y0 < y1 <= h and 0 <= x0 < x1 <= w. All the
        True pixels of a letter, and nothing that is further away from it than 3 pixels, are in its box: with both boxes
        grown by 3 pixels, found and true box overlap to at least half of their union. No letters: shape (0, 4).
    binary : (h, w) bool array, True on ink: on at least 90 % of the pixels that letters cover wholly, and on at most
        1 % of those that are further than 2 pixels from all ink. Dots, specks and threads may be True or False.
    """
    raise NotImplementedError("find_letters: yours to write")


def group_lines(boxes):
    """The boxes of a page in reading order.

    boxes : (n, 4) int array, the letters of a page as described at the top of this file, in any order; n >= 0. Within a
        line, y apart, no letter's left or right edge lies left of that of the letter before it.
    Returns a list of int arrays (k, 4), one for each line, top to bottom; its boxes from left to right. Together they
    hold every row of boxes exactly once.
    """
    raise NotImplementedError("group_lines: yours to write")


def crop_letters(binary, boxes):
    """Every letter as a picture of its own, as classifiers want it: dark on white, of one size, in the middle.

    binary : (h, w) bool array, True on ink.   boxes : (n, 4) int array, n >= 0, each box tight around its letter.
    Returns an (n, 32, 32) float64 array, entries 0 (ink) to 1 (paper), in the order of the boxes. The box's longer side
    takes 20 to 26 of the 32 pixels (which, is up to you), the shorter one its share of that, at least 1 pixel; both to
    a pixel. It is centred to a pixel, and everything around it is 1. The letter stands upright, as on the page, and is
    scaled by averaging: each stroke leaves its trace, however much smaller the picture is. Strokes may come out up to
    a pixel thicker.
    """
    raise NotImplementedError("crop_letters: yours to write")


def read_text(image, classify):
    """The text of a page: a string, one line of text for each line of the page, joined by newlines, without spaces.

    It is what classify says of the crops, of crop_letters, of the letters that find_letters finds, in the lines of
    group_lines.

    image : (h, w) float64 array, a page as described at the top of this file.
    classify : a function from crops, an (n, 32, 32) float64 array as of crop_letters with n >= 1, to a string of n
        characters. Call it with all letters at once, or a line or a letter at a time, as you like.
    Returns "" for a page without letters; then classify is not called.
    """
    raise NotImplementedError("read_text: yours to write")


def character_error_rate(text, truth):
    """Levenshtein's distance, as a share of the truth's length:  CER = d(text, truth) / len(truth).

    d is the least number of characters to be inserted, deleted or replaced to make one of the other. With d[i, j] that
    of the first i characters of text and the first j of truth,

        d[i, 0] = i,   d[0, j] = j,
        d[i, j] = min(d[i-1, j] + 1,  d[i, j-1] + 1,  d[i-1, j-1] + [text[i-1] != truth[j-1]])

    text, truth : strings; every character counts, newlines too.
    Returns a float, which may exceed 1. Raises ValueError if truth is empty.
    """
    raise NotImplementedError("character_error_rate: yours to write")
