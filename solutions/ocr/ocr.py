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

import numpy as np
from scipy import ndimage

SIDE, LONGER = 32, 24  # pixels: of a crop, and of its letter's longer side
THREAD = 2  # pixels: the greatest thickness of a thread
NEIGHBOURS = np.ones((3, 3), bool)  # pixels that touch at a corner belong together


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
    lightness = _lightness(image)
    binary = lightness < 0.8
    pieces, count = ndimage.label(_without_threads(binary, lightness), NEIGHBOURS)
    slices = ndimage.find_objects(pieces)
    # Specks blur to 6 pixels at most, and the smallest letter is 10 high.
    kept = [i for i, place in enumerate(slices) if max(part.stop - part.start for part in place) >= 8]
    letters = np.isin(pieces, np.array(kept) + 1) if count else np.zeros(image.shape, bool)
    height = _height([slices[i] for i in kept], quantile=0.75)  # some may be broken
    boxes = np.zeros((0, 4), np.int64)
    for _ in range(2):  # the second time with the height of letters instead of pieces
        boxes = _boxes_of_groups(letters, gap=0.1 * height)
        height = _height([(slice(y0, y1), slice(x0, x1)) for y0, x0, y1, x1 in boxes], quantile=0.5)
    return boxes[boxes[:, 2] - boxes[:, 0] >= 0.4 * height], binary


def group_lines(boxes):
    """The boxes of a page in reading order.

    boxes : (n, 4) int array, the letters of a page as described at the top of this file, in any order; n >= 0. Within a
        line, y apart, no letter's left or right edge lies left of that of the letter before it.
    Returns a list of int arrays (k, 4), one for each line, top to bottom; its boxes from left to right. Together they
    hold every row of boxes exactly once.
    """
    lines = []
    bottom = -1
    for box in boxes[np.argsort(boxes[:, 0], kind="stable")]:
        if box[0] >= bottom:  # free rows above it: a new line
            lines.append([])
        lines[-1].append(box)
        bottom = max(bottom, box[2])
    return [np.array(sorted(line, key=lambda box: box[1] + box[3])) for line in lines]


def crop_letters(binary, boxes):
    """Every letter as a picture of its own, as classifiers want it: dark on white, of one size, in the middle.

    binary : (h, w) bool array, True on ink.   boxes : (n, 4) int array, n >= 0, each box tight around its letter.
    Returns an (n, 32, 32) float64 array, entries 0 (ink) to 1 (paper), in the order of the boxes. The box's longer side
    takes 20 to 26 of the 32 pixels (which, is up to you), the shorter one its share of that, at least 1 pixel; both to
    a pixel. It is centred to a pixel, and everything around it is 1. The letter stands upright, as on the page, and is
    scaled by averaging: each stroke leaves its trace, however much smaller the picture is. Strokes may come out up to
    a pixel thicker.
    """
    crops = np.ones((len(boxes), SIDE, SIDE))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes, strict=True):
        letter = binary[y0:y1, x0:x1]
        h, w = (max(1, round(LONGER * side / max(letter.shape))) for side in letter.shape)
        top, left = (SIDE - h) // 2, (SIDE - w) // 2
        crop[top : top + h, left : left + w] -= _averages(y1 - y0, h) @ letter @ _averages(x1 - x0, w).T
    return crops


def read_text(image, classify):
    """The text of a page: a string, one line of text for each line of the page, joined by newlines, without spaces.

    It is what classify says of the crops, of crop_letters, of the letters that find_letters finds, in the lines of
    group_lines.

    image : (h, w) float64 array, a page as described at the top of this file.
    classify : a function from crops, an (n, 32, 32) float64 array as of crop_letters with n >= 1, to a string of n
        characters. Call it with all letters at once, or a line or a letter at a time, as you like.
    Returns "" for a page without letters; then classify is not called.
    """
    boxes, binary = find_letters(image)
    return "\n".join(classify(crop_letters(binary, line)) for line in group_lines(boxes))


def character_error_rate(text, truth):
    """Levenshtein's distance, as a share of the truth's length:  CER = d(text, truth) / len(truth).

    d is the least number of characters to be inserted, deleted or replaced to make one of the other. With d[i, j] that
    of the first i characters of text and the first j of truth,

        d[i, 0] = i,   d[0, j] = j,
        d[i, j] = min(d[i-1, j] + 1,  d[i, j-1] + 1,  d[i-1, j-1] + [text[i-1] != truth[j-1]])

    text, truth : strings; every character counts, newlines too.
    Returns a float, which may exceed 1. Raises ValueError if truth is empty.
    """
    if not truth:
        raise ValueError("there is no error rate where there is nothing to read")
    row = list(range(len(truth) + 1))  # d[0]
    for i, character in enumerate(text, 1):
        above, row = row, [i]
        for j, wanted in enumerate(truth, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (character != wanted)))
    return row[-1] / len(truth)


def _lightness(image):
    """Each pixel's brightness as a share of that of the paper around it."""
    smooth = ndimage.gaussian_filter(image, 1.0)  # less noise
    size = 2 * int(np.clip(min(image.shape) // 6, 24, 64)) + 1
    paper = ndimage.uniform_filter(smooth, size)
    for _ in range(2):  # the mean of the pixels that are paper, as far as is known
        known = smooth > 0.85 * paper
        share = ndimage.uniform_filter(known.astype(float), size)
        paper = np.where(share > 0.02, ndimage.uniform_filter(smooth * known, size) / np.maximum(share, 0.02), paper)
    return smooth / paper


def _without_threads(binary, lightness):
    """The ink without threads, on a page whose strokes are all far thicker than these."""
    if not binary.any():
        return binary
    # Half way from paper to ink a blurred edge is where it was, so that here, and not in binary, widths are true.
    strict = lightness < (1 + np.quantile(lightness[binary], 0.1)) / 2
    depth = ndimage.distance_transform_edt(strict)  # across a stroke: 1, 2, .., t/2, .., 2, 1
    widths = 2 * depth[strict & (depth == ndimage.maximum_filter(depth, 3))]  # along the middle of every stroke
    strokes = widths[widths > THREAD]
    if len(strokes) < len(widths) / 4 or not len(strokes) or np.quantile(strokes, 0.1) < 7:
        return binary  # strokes may be as thin as threads
    side = THREAD + 1
    strokes = ndimage.binary_opening(strict, np.ones((side, side)))
    thick, _ = ndimage.label(ndimage.binary_dilation(strokes, NEIGHBOURS, iterations=2), NEIGHBOURS)
    thin, _ = ndimage.label(binary & (thick == 0), NEIGHBOURS)
    joins = [
        i
        for i, place in enumerate(ndimage.find_objects(thin), 1)
        if place[1].stop - place[1].start > 2 * (place[0].stop - place[0].start)  # along the line
        and len(np.unique(_around(thick, thin, i, place))) > 2
    ]
    return binary & ~np.isin(thin, joins)


def _around(thick, thin, i, place):
    """The labels of `thick` that touch the i-th thing in `thin`; and 0, of what is neither."""
    grown = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in place)
    return thick[grown] * ndimage.binary_dilation(thin[grown] == i, NEIGHBOURS)


def _boxes_of_groups(letters, gap):
    """Boxes around groups of ink whose parts have at most `gap` pixels between them."""
    near = ndimage.maximum_filter(letters, 1 + int(gap))
    groups, _ = ndimage.label(near, NEIGHBOURS)
    places = ndimage.find_objects(groups * letters)
    return np.array([(y.start, x.start, y.stop, x.stop) for y, x in places], np.int64).reshape(-1, 4)


def _height(places, quantile):
    """A quantile of the heights that are not far smaller than the greatest; 0 where there are none."""
    heights = np.array([y.stop - y.start for y, _ in places])
    return float(np.quantile(heights[heights >= 0.4 * heights.max()], quantile)) if len(heights) else 0.0


def _averages(source, target):
    """The (target, source) matrix that averages `source` pixels to `target`, each weighed by how much of it counts."""
    edges = np.linspace(0, source, target + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(source)
    covered = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return covered * target / source
