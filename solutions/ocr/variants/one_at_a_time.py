"""The paper by a grey closing, pieces joined pair by pair, lines from letter to letter, one crop at a time."""

from functools import cache

import numpy as np
from scipy import ndimage, spatial


def find_letters(image):
    smooth = ndimage.gaussian_filter(image, 0.9, mode="nearest")
    # What a closing fills is darker than everything around it; the median first, so that no grain stands out.
    side = int(np.clip(min(image.shape) // 3, 31, 81))
    paper = ndimage.grey_closing(ndimage.uniform_filter(smooth, 5), size=(side, side))
    binary = smooth < 0.78 * ndimage.uniform_filter(paper, side)
    pieces = pieces_of(untied(binary))
    if not pieces:
        return np.zeros((0, 4), np.int32), binary
    heights = np.array([np.ptp(piece[:, 0]) + 1 for piece in pieces])
    height = np.quantile(heights[heights >= 0.4 * heights.max()], 0.8)
    boxes = np.array(
        [(*group.min(axis=0), *(group.max(axis=0) + 1)) for group in joined(pieces, 0.1 * height + 1)], np.int32
    )
    heights = boxes[:, 2] - boxes[:, 0]
    return boxes[heights >= 0.45 * np.median(heights[heights >= 0.4 * heights.max()])], binary


def pieces_of(binary):
    """The pixels of every connected piece of ink that is no speck: (k, 2) arrays of rows and columns."""
    labels, count = ndimage.label(binary, np.ones((3, 3)))
    if not count:
        return []
    pixels = np.argwhere(labels)
    order = np.argsort(labels[labels > 0], kind="stable")
    ends = np.cumsum(np.bincount(labels[labels > 0])[1:])
    pieces = np.split(pixels[order], ends[:-1])
    return [piece for piece in pieces if np.ptp(piece, axis=0).max() >= 7]


def joined(pieces, reach):
    """Groups of pieces: whose nearest pixels are at most `reach` rows and columns apart."""
    owner = list(range(len(pieces)))

    def root(i):
        while owner[i] != i:
            i = owner[i]
        return i

    trees = [spatial.cKDTree(piece) for piece in pieces]
    ends = np.array([(*piece.min(axis=0), *piece.max(axis=0)) for piece in pieces])
    for i in range(len(pieces)):
        gaps = np.maximum(ends[i + 1 :, :2] - ends[i, 2:], ends[i, :2] - ends[i + 1 :, 2:]).max(axis=1)
        for j in np.flatnonzero(gaps <= reach) + i + 1:
            distances, _ = trees[j].query(pieces[i], p=np.inf, distance_upper_bound=reach + 0.5)
            if root(i) != root(j) and np.isfinite(distances).any():
                owner[root(j)] = root(i)
    roots = np.array([root(i) for i in range(len(pieces))])
    return [np.concatenate([pieces[i] for i in np.flatnonzero(roots == r)]) for r in np.unique(roots)]


def untied(binary):
    """The ink, with runs of a few thin columns taken out where all strokes are thick."""
    depth = ndimage.distance_transform_cdt(np.pad(binary, 1), "chessboard")[1:-1, 1:-1]
    ridge = depth[(depth == ndimage.maximum_filter(depth, 3)) & binary]
    thick = ridge[ridge > 2]
    if not len(thick) or len(thick) < 0.25 * len(ridge) or np.quantile(thick, 0.1) < 4:
        return binary
    core = ndimage.binary_dilation(depth > 2, np.ones((5, 5))) & binary
    rest, _ = ndimage.label(binary & ~core, np.ones((3, 3)))
    out = binary.copy()
    for i, (rows, columns) in enumerate(ndimage.find_objects(rest), 1):
        if rows.stop - rows.start <= 6 and columns.stop - columns.start >= 9:
            out[rows, columns] &= rest[rows, columns] != i
    return out


def group_lines(boxes):
    """Letters from left to right, each to the line whose last letter is level with it."""
    if len(boxes) == 0:
        return []
    height = np.median(boxes[:, 2] - boxes[:, 0])
    middles = (boxes[:, 0] + boxes[:, 2]) / 2
    lines = []
    for i in np.argsort(boxes[:, 1] + 0.001 * boxes[:, 3]):
        level = [abs(middles[line[-1]] - middles[i]) for line in lines]
        if level and min(level) <= 0.42 * height:
            lines[int(np.argmin(level))].append(i)
        else:
            lines.append([i])
    return [boxes[line] for line in sorted(lines, key=lambda line: boxes[line][:, 0].min())]


def crop_letters(binary, boxes):
    crops = np.ones((len(boxes), 32, 32))
    for n, (y0, x0, y1, x1) in enumerate(boxes):
        letter = binary[y0:y1, x0:x1]
        scale = max(letter.shape) / 25
        h, w = (max(1, int(side / scale + 0.5)) for side in letter.shape)
        for i in range(h):
            for j in range(w):
                ys, xs = span(i, letter.shape[0], h), span(j, letter.shape[1], w)
                # Between mean and darkest: thin strokes come out a little thicker.
                part = letter[ys, xs]
                crops[n, (32 - h) // 2 + i, (32 - w + 1) // 2 + j] = 1 - np.sqrt(part.mean())
    return crops


def span(i, source, target):
    """The pixels that belong to the i-th of `target` parts, one of them at least."""
    start = i * source // target
    return slice(start, max(start + 1, -(-(i + 1) * source // target)))


def read_text(image, classify):
    boxes, binary = find_letters(image)
    return "\n".join("".join(classify(crop_letters(binary, box[None])) for box in line) for line in group_lines(boxes))


def character_error_rate(text, truth):
    if truth == "":
        raise ValueError("no truth")

    @cache
    def d(i, j):
        if min(i, j) == 0:
            return max(i, j)
        return min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (text[i - 1] != truth[j - 1]))

    return np.float64(d(len(text), len(truth)) / len(truth))
