"""Reads a page: paper by a masked mean, pieces joined by the distance of their pixels, lines by free rows."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

EIGHT = np.ones((3, 3), dtype=bool)
LOOSE = 0.004


def paper_of(image, size):
    """The brightness of the paper around every pixel: a closing, then a mean over what is no ink."""
    paper = ndimage.grey_closing(image, size=(size, size), mode="nearest")
    for _ in range(2):
        blank = (image > 0.8 * paper).astype(float)
        weight = ndimage.gaussian_filter(blank, size / 4, mode="nearest")
        mean = ndimage.gaussian_filter(blank * image, size / 4, mode="nearest") / np.maximum(weight, 1e-9)
        paper = np.where(weight > 0.02, mean, paper)
    return paper


def ink_of(image):
    smooth = ndimage.gaussian_filter(image, 0.8, mode="nearest")
    return smooth < 0.77 * paper_of(smooth, 61)


def without_threads(ink):
    """An opening, if all strokes are thick enough to stand it."""
    labels, count = ndimage.label(ink, EIGHT)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    ink = (areas >= 20)[labels]
    padded = np.pad(ink, 4, mode="edge")
    opened = ndimage.binary_opening(padded, np.ones((5, 5), dtype=bool))[4:-4, 4:-4]
    lost = ink & ~ndimage.binary_dilation(opened, EIGHT)
    if ink.sum() == 0 or lost.sum() > 0.06 * ink.sum():
        return None
    # A thread ends at two letters. Thin strokes that end at one letter, or at none, tell that the opening does harm.
    letters, _ = ndimage.label(opened, EIGHT)
    near = ndimage.grey_dilation(letters, size=(7, 7))
    threads, count = ndimage.label(lost, EIGHT)
    loose = 0
    for number in range(1, count + 1):
        where = threads == number
        if len(set(near[where]) - {0}) < 2:
            loose += where.sum()
    if loose > LOOSE * ink.sum():
        return None
    return ndimage.binary_dilation(opened, np.ones((5, 5), dtype=bool)) & ink


def join(pieces, reach):
    """Numbers of groups of pieces whose pixels are at most `reach` apart; pieces are (m, 2) arrays of edge pixels."""
    group = list(range(len(pieces)))

    def root(i):
        while group[i] != i:
            i = group[i]
        return i

    points = np.concatenate(pieces)
    owner = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    for i, j in cKDTree(points).query_pairs(reach, output_type="ndarray"):
        one, other = root(owner[i]), root(owner[j])
        if one != other:
            group[other] = one
    return [root(i) for i in range(len(pieces))]


def box_around(points):
    (top, left), (bottom, right) = points.min(axis=0), points.max(axis=0)
    return top, left, bottom + 1, right + 1


def usual_height(boxes):
    """The median height of what is not small beside the tallest."""
    heights = np.array([box[2] - box[0] for box in boxes])
    return float(np.median(heights[heights > 0.375 * heights.max()]))


def boxes_of(pieces, reach):
    groups = {}
    for piece, number in zip(pieces, join(pieces, reach)):
        groups.setdefault(number, []).append(piece)
    return [box_around(np.concatenate(group)) for group in groups.values()]


def find_letters(image):
    ink = ink_of(image)
    labels, count = ndimage.label(ink, EIGHT)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    areas[0] = 0
    ink = (areas >= 12)[labels]
    parts = without_threads(ink)
    labels, count = ndimage.label(ink if parts is None else parts, EIGHT)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    edges = (labels > 0) & ~ndimage.binary_erosion(labels > 0, EIGHT, border_value=0)
    pieces = []
    for number, where in enumerate(ndimage.find_objects(labels), start=1):
        if areas[number] >= 12:
            offset = np.array([where[0].start, where[1].start])
            pieces.append(np.argwhere((labels[where] == number) & edges[where]) + offset)
    if not pieces:
        return np.zeros((0, 4), dtype=int), ink
    height = usual_height([box_around(piece) for piece in pieces])
    for _ in range(2):
        boxes = boxes_of(pieces, 0.14 * height + 1)
        height = usual_height(boxes)
    letters = [box for box in boxes if box[2] - box[0] > 0.42 * height]
    inside = np.zeros(ink.shape, dtype=bool)
    for top, left, bottom, right in letters:
        inside[top:bottom, left:right] = True
    return np.array(letters, dtype=int).reshape(-1, 4), ink & inside


def group_lines(boxes):
    boxes = np.asarray(boxes)
    lines, bottom = [], None
    for box in boxes[np.argsort(boxes[:, 0], kind="stable")]:
        if bottom is None or box[0] >= bottom:
            lines.append([])
            bottom = box[2]
        lines[-1].append(box)
        bottom = max(bottom, box[2])
    return [np.array(sorted(line, key=lambda box: (box[1] + box[3], box[1]))) for line in lines]


def shares(old, new):
    """(new, old): which part of each old pixel lies in each new one, rows summing to 1."""
    edges = np.linspace(0, old, new + 1)
    table = np.zeros((new, old))
    for row in range(new):
        for column in range(old):
            table[row, column] = max(0.0, min(edges[row + 1], column + 1) - max(edges[row], column))
    return table / table.sum(axis=1, keepdims=True)


def crop_letters(binary, boxes):
    crops = np.ones((len(boxes), 32, 32))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes):
        high, wide = y1 - y0, x1 - x0
        factor = 24 / max(high, wide)
        rows, columns = max(1, round(high * factor)), max(1, round(wide * factor))
        small = shares(high, rows) @ binary[y0:y1, x0:x1].astype(float) @ shares(wide, columns).T
        top, left = (32 - rows) // 2, (32 - columns) // 2
        crop[top : top + rows, left : left + columns] = 1 - small
    return np.clip(crops, 0, 1)


def read_text(image, classify):
    boxes, binary = find_letters(image)
    rows = []
    for line in group_lines(boxes):
        rows.append("".join(classify(crop_letters(binary, line))))
    return "\n".join(rows)


def character_error_rate(text, truth):
    if not truth:
        raise ValueError("truth is empty")
    row = list(range(len(truth) + 1))
    for i, character in enumerate(text, start=1):
        diagonal, row[0] = row[0], i
        for j, wanted in enumerate(truth, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (character != wanted))
    return row[-1] / len(truth)
