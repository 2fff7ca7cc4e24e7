"""numpy alone: cumulative sums for means, union-find for connected runs of ink, and gaps between middles for lines."""

import numpy as np


def find_letters(image):
    smooth = means(means(image, 3), 2)
    side = int(np.clip(min(image.shape) / 2.5, 45, 111)) | 1
    paper = means(smooth, side)
    for _ in range(3):
        bright = (smooth > 0.87 * paper).astype(float)
        weight = means(bright, side)
        paper = np.where(weight > 0.05, means(smooth * bright, side) / np.maximum(weight, 0.05), paper)
    binary = smooth < 0.8 * paper
    runs = runs_of(binary)
    if not len(runs):
        return np.zeros((0, 4), int), binary
    runs = without_threads(runs)
    boxes, names = boxes_of(runs, 1)
    sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    runs = runs[(sizes >= 8)[names]]
    if not len(runs):
        return np.zeros((0, 4), int), binary
    boxes, _ = boxes_of(runs, 1)
    heights = boxes[:, 2] - boxes[:, 0]
    height = np.quantile(heights[heights > 0.4 * heights.max()], 0.75)
    boxes, _ = boxes_of(runs, 1 + int(0.1 * height))
    heights = boxes[:, 2] - boxes[:, 0]
    typical = np.median(heights[heights > 0.4 * heights.max()])
    return boxes[heights > 0.42 * typical], binary


def means(image, side):
    """Of side x side pixels around each, by cumulative sums; the image's edges go on as they are."""
    before, after = side // 2, side - 1 - side // 2
    out = image
    for axis in (0, 1):
        pads = [(0, 0), (0, 0)]
        pads[axis] = (before + 1, after)
        sums = np.pad(out, pads, mode="symmetric" if side > 5 else "edge").cumsum(axis=axis)
        low, high = (np.take(sums, range(k, k + image.shape[axis]), axis=axis) for k in (0, side))
        out = (high - low) / side
    return out


def runs_of(binary):
    """(k, 3): row, first column and column behind the last one of every run of ink, row by row."""
    padded = np.pad(binary.astype(np.int8), ((0, 0), (1, 1)))
    steps = np.diff(padded, axis=1)
    (rows, starts), (_, stops) = np.nonzero(steps == 1), np.nonzero(steps == -1)
    return np.stack([rows, starts, stops], axis=1)


def without_threads(runs):
    """The runs without what of them is in threads: wide and at most 4 rows high, on a page where most runs are long."""
    lengths = runs[:, 2] - runs[:, 1]
    if np.median(lengths) < 8 or np.quantile(lengths, 0.2) < 8:
        return runs
    # Cover each run, column by column, by how many rows of ink there are above and below; a thread has at most 4.
    h, w = runs[:, 0].max() + 9, runs[:, 2].max() + 1
    ink = np.zeros((h, w), bool)
    for row, start, stop in runs:
        ink[row, start:stop] = True
    above = np.zeros((h, w), int)
    for row in range(h):
        above[row] = (above[row - 1] + 1) * ink[row] if row else ink[row]
    below = np.zeros((h, w), int)
    for row in range(h - 2, -1, -1):
        below[row] = (below[row + 1] + 1) * ink[row]
    thin = ink & (above + below - 1 <= 4)
    kept = []
    for row, start, stop in runs:
        flat = np.flatnonzero(thin[row, start:stop]) + start
        for part in np.split(flat, np.flatnonzero(np.diff(flat) > 1) + 1):
            if len(part) >= 9:
                kept.append((row, start, part[0]))
                start = part[-1] + 1
        kept.append((row, start, stop))
    return np.array([run for run in kept if run[1] < run[2]]).reshape(-1, 3)


def boxes_of(runs, reach):
    """Boxes around the runs that are connected, and which run is in which; `reach` rows and columns are near."""
    owner = np.arange(len(runs))

    def root(i):
        while owner[i] != i:
            owner[i] = owner[owner[i]]
            i = owner[i]
        return i

    firsts = np.searchsorted(runs[:, 0], np.arange(runs[:, 0].max() + reach + 2))
    for i, (row, start, stop) in enumerate(runs):
        for j in range(i + 1, firsts[row + reach + 1]):
            if runs[j, 1] < stop + reach and start < runs[j, 2] + reach:
                owner[root(j)] = root(i)
    roots = np.array([root(i) for i in range(len(runs))])
    _, names = np.unique(roots, return_inverse=True)
    boxes = np.full((names.max() + 1, 4), [10**9, 10**9, 0, 0])
    np.minimum.at(boxes[:, 0], names, runs[:, 0])
    np.minimum.at(boxes[:, 1], names, runs[:, 1])
    np.maximum.at(boxes[:, 2], names, runs[:, 0] + 1)
    np.maximum.at(boxes[:, 3], names, runs[:, 2])
    return boxes, names


def group_lines(boxes):
    """Sorted by their middles, letters of one line follow each other in small steps."""
    boxes = np.asarray(boxes)
    if not len(boxes):
        return []
    middles = boxes[:, 0] + boxes[:, 2]
    order = np.argsort(middles, kind="stable")
    step = np.median(boxes[:, 2] - boxes[:, 0]) * 2 * 0.6
    lines = np.split(order, np.flatnonzero(np.diff(middles[order]) > step) + 1)
    return tuple(boxes[line[np.argsort(boxes[line, 1] + boxes[line, 3], kind="stable")]] for line in lines)


def crop_letters(binary, boxes):
    crops = np.ones((len(boxes), 32, 32))
    for crop, (y0, x0, y1, x1) in zip(crops, boxes, strict=True):
        letter = binary[y0:y1, x0:x1].astype(float)
        h, w = letter.shape
        longer = max(h, w)
        high, wide = (max(1, round(21 * side / longer)) for side in (h, w))
        # Repeat so that the sides divide, then average blocks.
        fine = np.repeat(np.repeat(letter, high, axis=0), wide, axis=1)
        small = fine.reshape(high, h, wide, w).mean(axis=(1, 3))
        top, left = (33 - high) // 2, (33 - wide) // 2
        crop[top : top + high, left : left + wide] = 1 - small
    return crops


def read_text(image, classify):
    boxes, binary = find_letters(image)
    text = []
    for line in group_lines(boxes):
        text.append(str(classify(crop_letters(binary, line))))
    return "\n".join(text)


def character_error_rate(text, truth):
    if len(truth) < 1:
        raise ValueError("nothing to compare with")
    letters = np.array(list(truth))
    steps = np.arange(len(truth) + 1)
    row = steps
    for i, character in enumerate(text, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (letters != character))
        best = np.concatenate([[i], best])
        # An insertion costs one a step: the least of all that stand left of it.
        row = np.minimum.accumulate(best - steps) + steps
    return float(row[-1]) / len(truth)
