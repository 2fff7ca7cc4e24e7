"""Sauvola's local threshold, scikit-image's region properties, and resizing with its anti-aliasing."""

import numpy as np
from skimage.filters import gaussian, threshold_sauvola
from skimage.measure import label, regionprops
from skimage.morphology import closing, footprint_rectangle, opening
from skimage.transform import resize


def find_letters(image):
    smooth = gaussian(image, 0.8, mode="nearest")
    window = int(np.clip(min(image.shape) // 2, 41, 101)) | 1
    binary = smooth < threshold_sauvola(smooth, window, k=0.15, r=0.35)
    binary &= smooth < 0.82 * brightest_around(smooth, window)
    regions = [r for r in regionprops(label(strokes_alone(binary), connectivity=2)) if max(size_of(r.bbox)) >= 8]
    if not regions:
        return np.zeros((0, 4), int), binary
    heights = np.array([size_of(r.bbox)[0] for r in regions])
    height = np.quantile(heights[heights >= 0.4 * heights.max()], 0.8)
    # A closing joins what lies closer than its side; one of even length joins one pixel less.
    side = 1 + int(0.1 * height)
    letters = np.zeros(image.shape, bool)
    for region in regions:
        letters[tuple(region.coords.T)] = True
    padded = np.pad(letters, side)
    joined = closing(padded, footprint_rectangle((side, side)))[side:-side, side:-side]
    groups = label(joined, connectivity=2) * letters
    boxes = np.array([r.bbox for r in regionprops(groups)])
    heights = boxes[:, 2] - boxes[:, 0]
    return boxes[heights >= 0.42 * np.median(heights[heights >= 0.4 * heights.max()])], binary


def brightest_around(smooth, window):
    """The brightness of paper: high in a coarse grid of tiles, and smooth between them."""
    side = max(8, window // 4)
    h, w = smooth.shape
    rows, columns = -(-h // side), -(-w // side)
    padded = np.pad(smooth, ((0, rows * side - h), (0, columns * side - w)), mode="edge")
    tiles = padded.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    high = np.quantile(tiles, 0.8, axis=2)
    around = np.pad(high, 2, mode="edge")
    views = [around[i : i + rows, j : j + columns] for i in range(5) for j in range(5)]
    return resize(np.quantile(views, 0.7, axis=0), (h, w), order=1, mode="edge")


def size_of(bbox):
    return bbox[2] - bbox[0], bbox[3] - bbox[1]


def strokes_alone(binary):
    """Without threads, if hardly any ink is as thin as they are."""
    padded = np.pad(binary, 6)
    thick = opening(padded, footprint_rectangle((5, 5)))[6:-6, 6:-6]
    if not binary.any() or thick.sum() < 0.85 * binary.sum():
        return binary
    thicker = opening(padded, footprint_rectangle((7, 7)))[6:-6, 6:-6]
    if thicker.sum() < 0.8 * binary.sum():
        return binary
    # A thread lies along the line: long, and thin for most of it; where it meets a letter, a corner may hang on it. One
    # that is seen only in part leaves stubs, shorter, and flatter than any corner.
    kept = binary.copy()
    for region in regionprops(label(binary & ~thick, connectivity=2)):
        high, wide = size_of(region.bbox)
        if (high <= 8 and wide >= 10 and region.area <= 4 * wide) or (high <= 2 and wide >= 6):
            kept[tuple(region.coords.T)] = False
    return kept


def group_lines(boxes):
    """Lines are what the page's profile, the number of boxes in each row, leaves between its zeros."""
    if len(boxes) == 0:
        return []
    profile = np.zeros(boxes[:, 2].max() + 1, int)
    for y0, _, y1, _ in boxes:
        profile[max(0, y0) : y1] += 1
    line_of_row, _ = label(profile[:, None] > 0, return_num=True)
    number = line_of_row[:, 0][np.maximum(0, boxes[:, 0])]
    return [boxes[number == i][np.argsort(boxes[number == i][:, 1])] for i in np.unique(number)]


def crop_letters(binary, boxes):
    crops = []
    for y0, x0, y1, x1 in boxes:
        letter = binary[y0:y1, x0:x1].astype(float)
        scale = 22 / max(letter.shape)
        h, w = (max(1, round(side * scale)) for side in letter.shape)
        small = resize(letter, (h, w), order=1, mode="edge", anti_aliasing=scale < 1)
        top, left = (32 - h) // 2, (32 - w) // 2
        crops.append(np.pad(1 - small, ((top, 32 - h - top), (left, 32 - w - left)), constant_values=1.0))
    return np.clip(np.array(crops).reshape(-1, 32, 32), 0, 1)


def read_text(image, classify):
    boxes, binary = find_letters(image)
    if not len(boxes):
        return ""
    lines = group_lines(boxes)
    text = classify(crop_letters(binary, np.concatenate(lines)))
    ends = np.cumsum([len(line) for line in lines])
    return "\n".join(text[end - len(line) : end] for line, end in zip(lines, ends, strict=True))


def character_error_rate(text, truth):
    if not truth:
        raise ValueError("no truth")
    d = np.zeros((len(text) + 1, len(truth) + 1))
    d[:, 0], d[0] = np.arange(len(text) + 1), np.arange(len(truth) + 1)
    for i in range(1, len(text) + 1):
        for j in range(1, len(truth) + 1):
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (text[i - 1] != truth[j - 1]))
    return d[-1, -1] / len(truth)
